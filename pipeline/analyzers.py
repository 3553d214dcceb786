"""Analyzers: compiled once for each pair of stored versions, on one sentence encoder."""

import threading
from collections import OrderedDict
from dataclasses import replace

from core.settings import Settings
from events.document import parse_tree
from events.learning.head import Head, unpack_head
from events.matching import TreeMatcher
from events.tree import EventTree
from models.tables import TreeHead
from models.versions import Version
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.vectors import CachedEncoder
from pipeline.analysis import CallAnalyzer
from qa_rules.documents.rule_sets import parse_ruleset

_KEPT = 8


class Analyzers:
    """The analyzers of a process, by the content of the versions; the last few used are kept.

    The encoder is loaded with the first one. Safe to use from several threads, which wait while
    one of them compiles.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._encoder: SentenceEncoder | None = None
        self._made: OrderedDict[tuple[str, ...], CallAnalyzer] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def encoder_id(self) -> str:
        """Names the sentence encoder of all the analyzers, which this may have to load.

        Raises:
            AppError: `extra-missing`, `weights-missing`.
        """
        with self._lock:
            return self._loaded().encoder_id

    def get(self, tree: Version, ruleset: Version, head: TreeHead | None = None) -> CallAnalyzer:
        """The analyzer for two stored versions and the tree's head; compiling may take seconds.

        Hits and findings name the versions as they are stored, whatever the documents say.

        Raises:
            AppError: `bad-tree`, `bad-rules`, `bad-head`, `weights-missing`.
        """
        key = tuple(
            part
            for version in (tree, ruleset)
            for part in (version.name, str(version.version), version.document)
        )
        key = (*key, "" if head is None else str(head.id))
        with self._lock:
            if key not in self._made:
                self._made[key] = self._compile(tree, ruleset, head)
            self._made.move_to_end(key)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
            return self._made[key]

    def matcher(self, tree: Version, head: TreeHead | None = None) -> TreeMatcher:
        """The matcher of a stored version, without a head unless one is given; takes seconds.

        Raises:
            AppError: `bad-tree`, `bad-head`, `weights-missing`.
        """
        return TreeMatcher(_tree(tree), self.encoder(), None if head is None else _head(head))

    def encoder(self) -> SentenceEncoder:
        """The sentence encoder of all the analyzers, which this may have to load.

        Raises:
            AppError: `extra-missing`, `weights-missing`.
        """
        with self._lock:
            return self._loaded()

    def _loaded(self) -> SentenceEncoder:
        if self._encoder is None:
            settings = self._settings
            self._encoder = CachedEncoder(
                load_encoder(settings.nlp, settings.data_dir, offline=settings.offline)
            )
        return self._encoder

    def _compile(self, tree: Version, ruleset: Version, head: TreeHead | None) -> CallAnalyzer:
        return CallAnalyzer(
            _tree(tree),
            replace(
                parse_ruleset(ruleset.document, ruleset.name),
                name=ruleset.name,
                version=str(ruleset.version),
            ),
            self._loaded(),
            None if head is None else _head(head),
        )


def _tree(version: Version) -> EventTree:
    tree = parse_tree(version.document, version.name)
    return replace(tree, name=version.name, version=str(version.version))


def _head(row: TreeHead) -> Head:
    return unpack_head(row.payload or b"", head_ref(row))


def head_ref(row: TreeHead) -> str:
    """`电销通用#3`, as results name the head that was at work."""
    return f"{row.tree}#{row.number}"
