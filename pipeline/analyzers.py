"""Analyzers: compiled once for each pair of stored versions, on one sentence encoder."""

import threading
from collections import OrderedDict
from dataclasses import replace

from core.settings import Settings
from events.document import parse_tree
from models.versions import Version
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.vectors import CachedEncoder
from pipeline.analysis import CallAnalyzer
from qa_rules.document import parse_ruleset

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

    def get(self, tree: Version, ruleset: Version) -> CallAnalyzer:
        """The analyzer for two stored versions; compiling may take seconds.

        Hits and findings name the versions as they are stored, whatever the documents say.

        Raises:
            AppError: `bad-tree`, `bad-rules`, `weights-missing`.
        """
        key = tuple(
            part
            for version in (tree, ruleset)
            for part in (version.name, str(version.version), version.document)
        )
        with self._lock:
            if key not in self._made:
                self._made[key] = self._compile(tree, ruleset)
            self._made.move_to_end(key)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
            return self._made[key]

    def _loaded(self) -> SentenceEncoder:
        if self._encoder is None:
            settings = self._settings
            self._encoder = CachedEncoder(
                load_encoder(settings.nlp, settings.data_dir, offline=settings.offline)
            )
        return self._encoder

    def _compile(self, tree: Version, ruleset: Version) -> CallAnalyzer:
        return CallAnalyzer(
            replace(
                parse_tree(tree.document, tree.name), name=tree.name, version=str(tree.version)
            ),
            replace(
                parse_ruleset(ruleset.document, ruleset.name),
                name=ruleset.name,
                version=str(ruleset.version),
            ),
            self._loaded(),
        )
