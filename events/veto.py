"""What the act model takes back from the other layers.

A shipped phrase or example means its event in most calls, not in all: "第三方的钱谁出" is no
doubt about the seller. Where the act model finds the node's act very unlikely, such a hit does not
count. Phrases and examples that people wrote themselves always do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from events.acts.features import Floats
from events.acts.labels import LABELS
from events.document import load_pack, pack_names
from events.exact import ExactMatch, ExactMatcher
from events.tree import EventNode
from nlp.normalise import TextForms

UNLIKELY = 0.05
"""Chance of an act below which a shipped phrase is not believed: held out, 18 % of them were
right there, and 94 % above."""


class ActVeto:
    """The veto for the nodes of one tree that name an act. Immutable and thread safe."""

    def __init__(self, nodes: Sequence[EventNode]) -> None:
        self._columns = {
            node.path: LABELS.index(node.match.act) for node in nodes if node.match.act
        }
        self._typed = ExactMatcher(tuple(_typed(node) for node in nodes if node.match.act))

    def unlikely(self, paths: Iterable[str], chances: Floats | None) -> frozenset[str]:
        """Those of `paths` whose act is unlikely in a turn with these chances, if they are known.

        `chances` has one for each label; None where nothing was read.
        """
        if chances is None:
            return frozenset()
        columns = self._columns
        return frozenset(
            path for path in paths if path in columns and chances[columns[path]] < UNLIKELY
        )

    def exact(
        self, found: Mapping[str, ExactMatch], text: TextForms, chances: Floats | None
    ) -> Mapping[str, ExactMatch]:
        """The exact matches that stand: in unlikely nodes those of people's own phrases."""
        doubted = self.unlikely(found, chances)
        if not doubted:
            return found
        kept = {path: match for path, match in found.items() if path not in doubted}
        return kept | self._typed.match(text, doubted)


def _typed(node: EventNode) -> EventNode:
    """The node with only the expressions that no shipped pack has."""
    shipped = _shipped_expressions()
    match = replace(
        node.match,
        keywords=tuple(text for text in node.match.keywords if text not in shipped),
        regex=tuple(text for text in node.match.regex if text not in shipped),
    )
    return replace(node, match=match)


@lru_cache(maxsize=1)
def _shipped_expressions() -> frozenset[str]:
    nodes = [node for name in pack_names() for node in load_pack(name).walk()]
    return frozenset(text for node in nodes for text in (*node.match.keywords, *node.match.regex))
