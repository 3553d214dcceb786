"""Meaning: how far a clause says what the examples of a semantic condition say.

A bare similarity is no measure: ordinary sales talk lies close to everything. The examples of
every semantic condition of a rule set are therefore set against their own counter-examples, the
examples of the other conditions, the rule set's `background` and the sentences of the event packs,
with the model of the event tree's semantic layer (`events.semantic`), whose scores are calibrated.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role, Utterance
from events.document import load_pack, pack_names
from events.semantic import SemanticModel, semantic_text
from events.tree import Background, EventNode, EventTree, Matchers
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms
from qa_rules.model import SaidBy, SemanticCondition

_LONGEST_UNIT = 40
_UNIT_STEP = 20
_SHORTEST_UNIT = 3
_SIDES: tuple[Role, ...] = ("agent", "customer")


class MeaningModel:
    """Scores of every semantic condition of a rule set; fitted once, safe to share."""

    def __init__(
        self,
        conditions: Sequence[SemanticCondition],
        background: Sequence[str],
        encoder: SentenceEncoder,
    ) -> None:
        self._encoder = encoder
        unique = list(dict.fromkeys(conditions))
        nodes = tuple(_node(str(at), condition) for at, condition in enumerate(unique))
        ordinary = (*(Background("unknown", _plain(t)) for t in background), *ordinary_speech())
        tree = EventTree(name="rules", nodes=nodes, background=ordinary)
        self._keys = {condition: str(at) for at, condition in enumerate(unique)}
        self._models = {side: SemanticModel(tree, side, encoder) for side in _SIDES}

    def read(self, utterance: Utterance, text: TextForms) -> "Meanings":
        """The units of an utterance with their scores for every condition of its role."""
        spans = meaning_units(text)
        texts = [semantic_text(_plain(text.normalised[start:end])) for start, end in spans]
        vectors = self._encoder.encode(texts)
        sides = _SIDES if utterance.role == "unknown" else (utterance.role,)
        scores = {side: self._models[side].scores(texts, vectors) for side in sides}
        return Meanings(self, spans, vectors, scores)

    def column(self, condition: SemanticCondition, side: Role) -> int | None:
        """The condition's place in the scores of a side; None when that side never says it."""
        paths = self._models[side].paths
        key = self._keys[condition]
        return paths.index(key) if key in paths else None

    def nearest(self, side: Role, column: int, vector: NDArray[np.float32]) -> str:
        """The example that is most like a vector."""
        return self._models[side].nearest(column, vector)


class Meanings:
    """One utterance's units (spans of the normalised text) and what they may mean."""

    def __init__(
        self,
        model: MeaningModel,
        spans: tuple[tuple[int, int], ...],
        vectors: NDArray[np.float32],
        scores: dict[Role, NDArray[np.float32]],
    ) -> None:
        self._model = model
        self._spans = spans
        self._vectors = vectors
        self._scores = scores

    def of(self, condition: SemanticCondition) -> list[tuple[float, int, int, str]]:
        """The units that reach the condition's threshold, best first: score, span, example."""
        found: list[tuple[float, int, int, str]] = []
        for side, scores in self._scores.items():
            column = self._model.column(condition, side)
            if column is None:
                continue
            for row in np.flatnonzero(scores[:, column] >= condition.threshold):
                start, end = self._spans[int(row)]
                nearest = self._model.nearest(side, column, self._vectors[row])
                found.append((float(scores[row, column]), start, end, nearest))
        return sorted(found, reverse=True)


def meaning_units(text: TextForms) -> tuple[tuple[int, int], ...]:
    """Spans of the normalised text that are compared with examples, each once.

    Clauses, neighbouring pairs of them, sentences, and windows of clauses that are too long to
    mean one thing.
    """
    clauses = text.clauses
    spans = [*clauses, *((a[0], b[1]) for a, b in pairwise(clauses))]
    spans += text.sentences
    units = [span for span in spans if _SHORTEST_UNIT <= span[1] - span[0] <= _LONGEST_UNIT]
    for start, end in clauses:
        if end - start > _LONGEST_UNIT:
            units += [(at, min(end, at + _UNIT_STEP)) for at in range(start, end, _UNIT_STEP // 2)]
    return tuple(dict.fromkeys(units))


@lru_cache(maxsize=1)
def ordinary_speech() -> tuple[Background, ...]:
    """Sentences of everyday sales calls: every example of the event packs that ship with us.

    What a violation sounds like is only learned against what calls are made of.
    """
    found: dict[Background, None] = {}
    for name in pack_names():
        tree = load_pack(name)
        for node in tree.walk():
            for text in (*node.match.examples, *node.match.counter_examples):
                found[Background(node.role, _plain(text))] = None
        for sentence in tree.background:
            found[Background(sentence.role, _plain(sentence.text))] = None
    return tuple(found)


def _node(key: str, condition: SemanticCondition) -> EventNode:
    return EventNode(
        key=key,
        name=key,
        path=key,
        role=_role(condition.scope.role),
        match=Matchers(
            examples=tuple(map(_plain, condition.examples)),
            counter_examples=tuple(map(_plain, condition.counter_examples)),
        ),
    )


def _plain(text: str) -> str:
    # 您 and 你 say nothing of a sentence's meaning, but a lot about who is likely to say it.
    return text.replace("您", "你")


def _role(said_by: SaidBy) -> Role:
    return "unknown" if said_by == "any" else said_by
