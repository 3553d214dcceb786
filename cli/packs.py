"""Trees and rule sets as the command line names them: a pack, a domain, or a YAML file."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from core.errors import AppError
from core.settings import Settings
from events import document as trees
from events.tree import EventTree
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from qa_rules.documents import rule_sets as rules
from qa_rules.linting.rule_sets import require_runnable
from qa_rules.model import RuleSet

if TYPE_CHECKING:
    from pipeline.analysis import CallAnalyzer

GENERAL = "电销通用"

T = TypeVar("T")


def is_file(name: str) -> bool:
    """Whether a name means a YAML file: it exists, or looks like a path."""
    return name.endswith((".yaml", ".yml")) or "/" in name or Path(name).is_file()


def tree_named(name: str) -> EventTree:
    """The tree of a YAML file, or of the pack with that name or domain.

    Raises:
        AppError: `not-found`, or `bad-tree` with file and line.
    """
    return trees.load_tree(Path(name)) if is_file(name) else trees.load_pack(name)


def rules_named(name: str) -> RuleSet:
    """The rule set of a YAML file, or of the pack with that name or domain, fit to be run.

    Raises:
        AppError: `not-found`, or `bad-rules` with file, line and column.
    """
    if not is_file(name):
        return rules.load_pack(name)
    ruleset = rules.load_ruleset(Path(name))
    require_runnable(ruleset)
    return ruleset


def tree_versioned(reference: str, file: str | None = None) -> EventTree:
    """The tree `name@version`: of a file when one is given, else of the packs.

    Raises:
        AppError: `version-unavailable` when it is another version, or there is no such pack.
    """
    tree = trees.load_tree(Path(file)) if file else _pack(reference, trees.load_pack)
    return tree if tree is not None and tree.ref == reference else _unavailable(reference, file)


def rules_versioned(reference: str, file: str | None = None) -> RuleSet:
    """The rule set `name@version`, as `tree_versioned`.

    Raises:
        AppError: `version-unavailable`.
    """
    found = rules.load_ruleset(Path(file)) if file else _pack(reference, rules.load_pack)
    if found is None or found.reference != reference:
        _unavailable(reference, file)
    return found


def _pack(reference: str, load: Callable[[str], T]) -> T | None:
    try:
        return load(reference.rpartition("@")[0])
    except AppError as error:
        if error.code != "not-found":
            raise
        return None


def _unavailable(reference: str, file: str | None) -> NoReturn:
    where = f"文件 {file}" if file else "自带的包"
    raise AppError(
        "version-unavailable",
        f"{where}里没有当时的 {reference or '（未记录）'}。请用 --tree 或 --rules 给出当时的文件。",
    )


class Analyzers:
    """One analyzer per domain, made when first asked for, all on one sentence encoder.

    `tree` and `rules` (pack name, domain or file) override the choice by domain for every call.
    A domain without a pack of its own is analysed with 电销通用.
    """

    def __init__(self, settings: Settings, tree: str | None, rules: str | None) -> None:
        self._settings = settings
        # Read at once: a mistake in a document ends the command before any work is done.
        self._tree = tree_named(tree) if tree else None
        self._rules = rules_named(rules) if rules else None
        self._encoder: SentenceEncoder | None = None
        self._made: dict[tuple[str, str], CallAnalyzer] = {}

    @staticmethod
    def of(settings: Settings, tree: EventTree, ruleset: RuleSet) -> "CallAnalyzer":
        """An analyzer with just these documents."""
        from pipeline.analysis import CallAnalyzer

        encoder = load_encoder(settings.nlp, settings.data_dir, offline=settings.offline)
        return CallAnalyzer(tree, ruleset, encoder)

    def tree_for(self, domain: str) -> EventTree:
        """The tree that calls of `domain` are matched with."""
        return self._tree or tree_of_domain(domain)

    def for_domain(self, domain: str) -> "CallAnalyzer":
        """The analyzer for calls of `domain` (`edu`, `ins`; empty or unknown = general)."""
        tree = self.tree_for(domain)
        ruleset = self._rules or _rules_of_domain(domain)
        key = (tree.ref, ruleset.reference)
        if key not in self._made:
            # Imported here: it brings the database library along, which most commands need not.
            from pipeline.analysis import CallAnalyzer

            if self._encoder is None:
                self._encoder = load_encoder(
                    self._settings.nlp, self._settings.data_dir, offline=self._settings.offline
                )
            self._made[key] = CallAnalyzer(tree, ruleset, self._encoder)
        return self._made[key]


@lru_cache(maxsize=32)
def tree_of_domain(domain: str) -> EventTree:
    """The tree of the pack for `domain`; 电销通用 when there is none, or no domain."""
    try:
        return trees.load_pack(domain or GENERAL)
    except AppError as error:
        if error.code != "not-found":
            raise
        return trees.load_pack(GENERAL)


@lru_cache(maxsize=32)
def _rules_of_domain(domain: str) -> RuleSet:
    try:
        return rules.load_pack(domain or GENERAL)
    except AppError as error:
        if error.code != "not-found":
            raise
        return rules.load_pack(GENERAL)
