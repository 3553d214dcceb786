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
from nlp.normalise import TextForms, forms
from qa_rules.model import SaidBy, SemanticCondition

_LONGEST_UNIT = 40
_UNIT_STEP = 20
_SHORTEST_UNIT = 3
_UNLIKE = 0.6  # Unrelated sentences of sales calls reach about this similarity.
_MARGIN = 0.05
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
        self._keys = {condition: str(at) for at, condition in enumerate(unique)}
        ordinary = (*(Background("unknown", _plain(t)) for t in background), *ordinary_speech())
        nodes = tuple(_node(self._keys[condition], condition) for condition in unique)
        tree = EventTree(name="rules", nodes=nodes, background=ordinary)
        self._models = {side: SemanticModel(tree, side, encoder) for side in _SIDES}
        self._sentences = _sentences(tree)
        self._vectors = encoder.encode(self._sentences)
        place = {sentence: row for row, sentence in enumerate(self._sentences)}
        self._examples = {
            condition: np.array([place[_folded(text)] for text in condition.examples])
            for condition in unique
        }

    def read(self, said: Sequence[tuple[Utterance, TextForms]], role: Role) -> list["Meanings"]:
        """The units of each utterance of one role, ready to be scored for any condition."""
        spans = [meaning_units(text) for _, text in said]
        texts = [
            semantic_text(_plain(text.normalised[start:end]))
            for (_, text), units in zip(said, spans, strict=True)
            for start, end in units
        ]
        unique = list(dict.fromkeys(texts))
        row = {text: at for at, text in enumerate(unique)}
        vectors = self._encoder.encode(unique)
        similar = vectors @ self._vectors.T
        sides = _SIDES if role == "unknown" else (role,)
        scores = [
            (self._models[side], self._models[side].scores(unique, vectors)) for side in sides
        ]
        found, at = [], 0
        for units in spans:
            rows = [row[text] for text in texts[at : at + len(units)]]
            at += len(units)
            fitted = tuple((model, values[rows]) for model, values in scores)
            found.append(Meanings(self, units, similar[rows], fitted))
        return found

    def key(self, condition: SemanticCondition) -> str:
        """The name of a condition in the fitted models."""
        return self._keys[condition]

    def likeness(
        self, condition: SemanticCondition, similar: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], list[str]]:
        """How plainly each unit repeats an example, in [0, 1], and the nearest examples.

        The fitted models need several examples to be sure of anything; a unit that says an
        example nearly word for word is sure by itself, unless something else is as near.
        """
        rows = self._examples[condition]
        mine = similar[:, rows]
        best = mine.argmax(axis=1)
        others = np.ones(similar.shape[1], dtype=bool)
        others[rows] = False
        near = mine.max(axis=1)
        against = similar[:, others].max(axis=1) if others.any() else np.zeros_like(near)
        plain = np.where(near > against + _MARGIN, (near - _UNLIKE) / (1 - _UNLIKE), 0.0)
        likeness: NDArray[np.float32] = np.clip(plain, 0.0, 1.0).astype(np.float32)
        return likeness, [self._sentences[rows[at]] for at in best]


class Meanings:
    """One utterance's units (spans of the normalised text) and what they may mean."""

    def __init__(
        self,
        model: MeaningModel,
        spans: tuple[tuple[int, int], ...],
        similar: NDArray[np.float32],
        scores: tuple[tuple[SemanticModel, NDArray[np.float32]], ...],
    ) -> None:
        self._model = model
        self._spans = spans
        self._similar = similar
        self._scores = scores

    def of(self, condition: SemanticCondition) -> list[tuple[float, int, int, str]]:
        """The units that reach the condition's threshold, best first: score, span, example."""
        if not self._spans:
            return []
        best, nearest = self._model.likeness(condition, self._similar)
        key = self._model.key(condition)
        for fitted, scores in self._scores:
            if key in fitted.paths:
                best = np.maximum(best, scores[:, fitted.paths.index(key)])
        rows = np.flatnonzero(best >= condition.threshold)
        found = [(float(best[row]), *self._spans[int(row)], nearest[int(row)]) for row in rows]
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


def _sentences(tree: EventTree) -> list[str]:
    texts = [sentence.text for sentence in tree.background]
    for node in tree.walk():
        texts += [*node.match.examples, *node.match.counter_examples]
    return list(dict.fromkeys(map(_folded, texts)))


def _folded(text: str) -> str:
    return semantic_text(forms(_plain(text)).normalised)


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
