"""The sentences that the examples of a tree's nodes are contrasted with, and their weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.nodes.background import ordinary_sentences
from events.segments import semantic_text
from events.tree import EventNode, EventTree
from nlp.normalise import forms

Doubles = NDArray[np.float64]

_COUNTER_WEIGHT = 2.0
_DESCRIPTION_WEIGHT = 0.5
_ORDINARY_WEIGHT = 0.1  # Some of the ordinary sentences are what a node looks for.


@dataclass(frozen=True, slots=True)
class TrainingSentences:
    """What one role's nodes are fitted on, each sentence once.

    `targets` (sentences, nodes) is 1 where a sentence means a node; `weights` says how much a
    sentence counts. `examples` (sentences, nodes) marks the examples that people wrote,
    descriptions left out; `ordinary` marks the ordinary sentences of calls.
    """

    texts: tuple[str, ...]
    targets: Doubles
    weights: Doubles
    examples: NDArray[np.bool_]
    ordinary: NDArray[np.bool_]


def training_sentences(
    nodes: Sequence[EventNode], tree: EventTree, role: Role
) -> TrainingSentences:
    """The sentences for those nodes of a tree that stand on their examples, said by a role.

    A node's name and description are one more example of it, at half the weight, unless the act
    that it names says better what it means. The examples of all other nodes are contrast.
    """
    columns = {node.path: column for column, node in enumerate(nodes)}
    spoken = [node for node in tree.walk() if speaks(node.role, role)]
    rows = _Rows(len(nodes))
    for node in spoken:
        for example in node.match.examples:
            rows.add(example, 1.0, columns.get(node.path), example=True)
        for example in node.match.counter_examples:
            rows.add(example, _COUNTER_WEIGHT, sets_weight=True)
    for sentence in tree.background:
        if speaks(sentence.role, role):
            rows.add(sentence.text, 1.0)
    for node in nodes:
        if node.description and not node.match.act:
            text = f"{node.name} {node.description}"
            rows.add(text, _DESCRIPTION_WEIGHT, columns[node.path])
    known = len(rows.targets)
    for text in ordinary_sentences(role):
        rows.add(text, _ORDINARY_WEIGHT)
    return rows.told(known)


def speaks(node_role: Role, role: Role) -> bool:
    """Whether a node of one role may be said by another."""
    return node_role in (role, "unknown")


@lru_cache(maxsize=1 << 13)
def folded(text: str) -> str:
    """A sentence as segments of calls are compared with it."""
    return semantic_text(forms(text).normalised)


class _Rows:
    """Sentences being gathered, in the order in which they came."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self.targets: dict[str, set[int]] = {}
        self._examples: dict[str, set[int]] = {}
        self._weights: dict[str, float] = {}

    def add(
        self,
        text: str,
        weight: float,
        column: int | None = None,
        *,
        example: bool = False,
        sets_weight: bool = False,
    ) -> None:
        text = folded(text)
        if not text:
            return
        if text not in self.targets or sets_weight:
            self._weights[text] = weight
        meant = self.targets.setdefault(text, set())
        if column is not None:
            meant.add(column)
            if example:
                self._examples.setdefault(text, set()).add(column)

    def told(self, known: int) -> TrainingSentences:
        count = len(self.targets)
        return TrainingSentences(
            tuple(self.targets),
            self._flags(self.targets),
            np.array([self._weights[text] for text in self.targets]),
            self._flags({text: self._examples.get(text, set()) for text in self.targets}) > 0,
            np.arange(count) >= known,
        )

    def _flags(self, columns: dict[str, set[int]]) -> Doubles:
        flags = np.zeros((len(columns), self._columns))
        for row, found in enumerate(columns.values()):
            flags[row, list(found)] = 1.0
        return flags
