"""Meaning: how far a clause says what the examples of a semantic condition say.

A bare similarity is no measure: ordinary sales talk lies close to everything. The examples of
every semantic condition of a rule set are therefore set against their own counter-examples, the
examples of the other conditions, the rule set's `background` and the sentences of the event packs,
with the model of the event tree's semantic layer (`events.semantic`), whose scores are calibrated.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role, Utterance
from events.segments import segments, semantic_text
from events.semantic import SemanticModel
from events.tree import Background, EventNode, EventTree, Matchers
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms, forms
from qa_rules.conditions.scope import SaidBy
from qa_rules.conditions.searches import SemanticCondition
from qa_rules.facts.ordinary_speech import ordinary_speech

_SHORTEST_UNIT = 3
_UNLIKE = 0.6  # Unrelated sentences of sales calls reach about this similarity.
_MARGIN = 0.05
_SIDES: tuple[Role, ...] = ("agent", "customer")

Unit = tuple[float, int, int, str]
"""Score, span of the normalised text, and the nearest example."""


class MeaningModel:
    """Scores of every semantic condition of a rule set; fitted once, safe to share."""

    def __init__(
        self,
        conditions: Sequence[SemanticCondition],
        background: Sequence[str],
        encoder: SentenceEncoder,
    ) -> None:
        self._encoder = encoder
        self._unique = list(dict.fromkeys(conditions))
        self._thresholds = np.array([one.threshold for one in self._unique], dtype=np.float32)
        ordinary = (*(Background("unknown", text) for text in background), *ordinary_speech())
        nodes = tuple(_node(str(at), condition) for at, condition in enumerate(self._unique))
        tree = EventTree(name="rules", nodes=nodes, background=ordinary)
        self._models = {side: SemanticModel(tree, side, encoder) for side in _SIDES}
        said_by = {condition.scope.role for condition in self._unique}
        self._heard = frozenset(_SIDES if "any" in said_by else said_by) | {"unknown"}
        self._sentences = _sentences(tree)
        self._vectors = encoder.encode(self._sentences)
        place = {sentence: row for row, sentence in enumerate(self._sentences)}
        self._examples = [
            np.array([place[_folded(text)] for text in condition.examples])
            for condition in self._unique
        ]

    def read(
        self,
        said: Sequence[tuple[Utterance, TextForms]],
        known: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
    ) -> "Meanings":
        """What the utterances of a call may mean; only roles that some condition listens to.

        `known` are sentence vectors of the call that are there already; the others are encoded in
        one batch.
        """
        units = [
            (utterance, span, semantic_text(text.normalised[span[0] : span[1]]))
            for utterance, text in said
            if utterance.role in self._heard
            for span in segments(text)
            if span[1] - span[0] >= _SHORTEST_UNIT
        ]
        texts = list(dict.fromkeys(text for _, _, text in units))
        row = {text: at for at, text in enumerate(texts)}
        vectors = self._encoded(texts, known)
        scores, nearest = self._likeness(vectors)
        by_side = {side: self._side(side, units, row, vectors, scores) for side in _SIDES}
        found: dict[SemanticCondition, dict[int, list[Unit]]] = {}
        for utterance, span, text in units:
            sides = _SIDES if utterance.role == "unknown" else (utterance.role,)
            best = np.maximum.reduce([by_side[side][row[text]] for side in sides])
            for column in np.flatnonzero(best >= self._thresholds):
                example = self._sentences[nearest[row[text], column]]
                unit = (float(best[column]), *span, example)
                places = found.setdefault(self._unique[column], {})
                places.setdefault(utterance.index, []).append(unit)
        return Meanings(found)

    def _encoded(
        self, texts: Sequence[str], known: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        missing = [text for text in texts if text not in known]
        if len(missing) == len(texts):
            return self._encoder.encode(texts)
        made = dict(zip(missing, self._encoder.encode(missing), strict=True)) if missing else {}
        return np.array([known[text] if text in known else made[text] for text in texts])

    def _side(
        self,
        side: Role,
        units: Sequence[tuple[Utterance, tuple[int, int], str]],
        row: dict[str, int],
        vectors: NDArray[np.float32],
        likeness: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """The scores of every text if `side` says it, as far as that side does."""
        model = self._models[side]
        scores = likeness.copy()
        wanted = list(dict.fromkeys(t for u, _, t in units if u.role in (side, "unknown")))
        if wanted and model.paths:
            rows = np.array([row[text] for text in wanted])
            columns = np.array([int(path) for path in model.paths])
            place = np.ix_(rows, columns)
            scores[place] = np.maximum(scores[place], model.scores(wanted, vectors[rows]))
        return scores

    def _likeness(
        self, vectors: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """How plainly each text repeats an example of each condition, in [0, 1], and which.

        The fitted models need several examples to be sure of anything; a text that says an
        example nearly word for word is sure by itself, unless something else is as near.
        """
        likeness = np.zeros((len(vectors), len(self._unique)), dtype=np.float32)
        nearest = np.zeros(likeness.shape, dtype=np.int64)
        if not len(vectors):
            return likeness, nearest
        for column, rows in enumerate(self._examples):
            mine = vectors @ self._vectors[rows].T
            nearest[:, column] = rows[mine.argmax(axis=1)]
            near = mine.max(axis=1)
            # Few texts come near enough to be held against all other sentences.
            plain = np.flatnonzero(near > _UNLIKE)
            if not len(plain):
                continue
            others = np.ones(len(self._vectors), dtype=bool)
            others[rows] = False
            against = (vectors[plain] @ self._vectors[others].T).max(axis=1, initial=0.0)
            sure = np.clip((near[plain] - _UNLIKE) / (1 - _UNLIKE), 0.0, 1.0)
            likeness[plain, column] = np.where(near[plain] > against + _MARGIN, sure, 0.0)
        return likeness, nearest


class Meanings:
    """The units of a call that reach the threshold of a condition, by condition and utterance."""

    def __init__(self, found: Mapping[SemanticCondition, Mapping[int, list[Unit]]]) -> None:
        self._found = {
            condition: {at: sorted(units, reverse=True) for at, units in places.items()}
            for condition, places in found.items()
        }

    def of(self, condition: SemanticCondition) -> Mapping[int, list[Unit]]:
        """Units by the index of their utterance, best first."""
        return self._found.get(condition, {})

    @property
    def conditions(self) -> Collection[SemanticCondition]:
        """The conditions that some unit reaches."""
        return self._found.keys()


def _sentences(tree: EventTree) -> list[str]:
    texts = [sentence.text for sentence in tree.background]
    for node in tree.walk():
        texts += [*node.match.examples, *node.match.counter_examples]
    return list(dict.fromkeys(map(_folded, texts)))


def _folded(text: str) -> str:
    return semantic_text(forms(text).normalised)


def _node(key: str, condition: SemanticCondition) -> EventNode:
    return EventNode(
        key=key,
        name=key,
        path=key,
        role=_role(condition.scope.role),
        match=Matchers(
            examples=condition.examples,
            counter_examples=condition.counter_examples,
        ),
    )


def _role(said_by: SaidBy) -> Role:
    return "unknown" if said_by == "any" else said_by
