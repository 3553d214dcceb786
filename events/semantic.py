"""Semantic layer: examples of every node against all the others and the background.

The score of a sentence for a node is a margin, not a bare similarity: kernel ridge regression
over the tree's own sentences (positive: the node's examples; negative: its counter-examples,
the examples of the other nodes of that role, and the background), on the sum of a Gaussian
kernel on sentence vectors and a linear kernel on character n-grams. It is closed form, so a tree
compiles in about a second and always to the same values, and leave-one-out predictions come for
free (Cawley and Talbot, "Fast exact leave-one-out cross-validation of sparse least-squares
support vector machines", 2004). On these a logistic curve is fitted for each node (Platt 1999),
shrunk towards the curve of all nodes, so that 0.5 means the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.nodes.background import ordinary_sentences
from events.nodes.thresholds import Expectation, best_threshold, expected
from events.segments import semantic_text as semantic_text
from events.tree import EventNode, EventTree
from nlp.encoders.base import SentenceEncoder
from nlp.grams import gram_slots
from nlp.normalise import forms
from nlp.threads import single_threaded_algebra

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_GRAM_BITS = 13
_GRAM_WEIGHT = 0.75
_GAMMA = 3.0
_RIDGE = 0.4
_COUNTER_WEIGHT = 2.0
_LEAST_NORM = 1e-6
_USUAL_CURVE = np.array([9.0, -3.5])


@dataclass(frozen=True, slots=True)
class SemanticScore:
    """How far a sentence is a node's event: `score` in [0, 1], and the example that is nearest."""

    score: float
    nearest: str


class SemanticModel:
    """The semantic scores of one role's nodes, fitted to a tree once."""

    def __init__(self, tree: EventTree, role: Role, encoder: SentenceEncoder) -> None:
        nodes = [node for node in tree.walk() if _speaks(node.role, role) and node.match.examples]
        self.paths: tuple[str, ...] = tuple(node.path for node in nodes)
        self._role, self._encoder = role, encoder
        self._texts, targets, weights = _training_set(nodes, tree, role)
        self._targets = targets
        self._ordinary_scores: Doubles | None = None
        if not self.paths:
            return
        with single_threaded_algebra():
            self._train(encoder, targets, weights)

    def _train(self, encoder: SentenceEncoder, targets: Doubles, weights: Doubles) -> None:
        self._vectors = encoder.encode(self._texts)
        own = [np.flatnonzero(column > 0) for column in targets.T]
        self._examples = [([self._texts[at] for at in rows], self._vectors[rows]) for rows in own]
        grams = _grams(self._texts)
        self._idf = _inverse_frequency(grams)
        kernel = self._gaussian(self._vectors)
        weighted = grams * self._idf
        weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), _LEAST_NORM)
        kernel += _GRAM_WEIGHT * (weighted @ weighted.T) + 1.0
        self._alphas, left_out = _fit(kernel.astype(np.float64), targets, weights)
        # The linear part collapses into one weight per n-gram; only the Gaussian part still
        # needs the training sentences.
        by_gram = (_GRAM_WEIGHT * weighted.T @ self._alphas).astype(np.float32)
        self._gram_weights: Floats = by_gram * self._idf[:, None]
        self._bias = self._alphas.sum(axis=0)
        self._slopes, self._offsets = _calibrate(left_out, targets)
        self.left_out: Doubles = _sigmoid(left_out * self._slopes + self._offsets)

    def _gaussian(self, vectors: Floats) -> Floats:
        kernel: Floats = np.exp(_GAMMA * (vectors @ self._vectors.T - 1.0))
        return kernel

    def scores(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """Scores in [0, 1], shape (len(texts), len(paths)), for texts and their vectors."""
        if not self.paths or not texts:
            return np.zeros((len(texts), len(self.paths)), dtype=np.float32)
        with single_threaded_algebra():
            margins = self._gaussian(vectors) @ self._alphas
            margins += self._linear(texts) + self._bias
        scores: Floats = _sigmoid(margins * self._slopes + self._offsets).astype(np.float32)
        return scores

    def _linear(self, texts: Sequence[str]) -> Floats:
        """The linear kernel's part of the margins, shape (len(texts), len(paths))."""
        slots, starts = gram_slots(texts, _GRAM_BITS)
        sums: Floats = np.add.reduceat(self._gram_weights[slots], starts, axis=0)
        squares = np.add.reduceat(self._idf[slots] ** 2, starts)
        sums /= np.maximum(np.sqrt(squares), _LEAST_NORM)[:, None]
        return sums

    def is_example(self, column: int, text: str) -> bool:
        """Whether a text is one of a node's examples, word for word."""
        return text in self._examples[column][0]

    def nearest(self, column: int, vector: Floats) -> str:
        """The example of a node that is most like a sentence vector."""
        texts, vectors = self._examples[column]
        return texts[int(np.argmax(vectors @ vector))]

    def expectation(self, path: str, threshold: float | None) -> Expectation:
        """What to expect of a node's examples at a threshold; None = at the best one for it."""
        column = self.paths.index(path)
        examples = self.left_out[self._targets[:, column] > 0, column]
        ordinary = self._ordinary()[:, column]
        if threshold is None:
            return best_threshold(examples, ordinary)
        return expected(threshold, examples, ordinary)

    def _ordinary(self) -> Doubles:
        """Scores of ordinary sentences for every node, by a fit that has not seen them."""
        if self._ordinary_scores is None:
            own = set(self._texts)
            folded = dict.fromkeys(_folded(text) for text in ordinary_sentences(self._role))
            texts = [text for text in folded if text and text not in own]
            scores = self.scores(texts, self._encoder.encode(texts))
            self._ordinary_scores = scores.astype(np.float64)
        return self._ordinary_scores


def _speaks(node_role: Role, role: Role) -> bool:
    return node_role == role or node_role == "unknown"


def _training_set(
    nodes: Sequence[EventNode], tree: EventTree, role: Role
) -> tuple[list[str], Doubles, Doubles]:
    """Sentences, their 0/1 targets for each node, and their weights; each sentence once."""
    labels: dict[str, set[int]] = {}
    weights: dict[str, float] = {}
    for column, node in enumerate(nodes):
        for example in node.match.examples:
            labels.setdefault(_folded(example), set()).add(column)
        for example in node.match.counter_examples:
            labels.setdefault(_folded(example), set())
            weights[_folded(example)] = _COUNTER_WEIGHT
    for sentence in tree.background:
        if _speaks(sentence.role, role):
            labels.setdefault(_folded(sentence.text), set())
    labels.pop("", None)
    targets = np.zeros((len(labels), len(nodes)))
    for row, columns in enumerate(labels.values()):
        targets[row, list(columns)] = 1.0
    return list(labels), targets, np.array([weights.get(text, 1.0) for text in labels])


def _folded(text: str) -> str:
    return semantic_text(forms(text).normalised)


def _fit(kernel: Doubles, targets: Doubles, weights: Doubles) -> tuple[Floats, Doubles]:
    """Dual weights, and the prediction for each sentence by the fit without it."""
    inverse = np.linalg.inv(kernel + np.diag(_RIDGE / weights))
    alphas = inverse @ targets
    left_out = targets - alphas / np.diag(inverse)[:, None]
    return alphas.astype(np.float32), left_out


def _grams(texts: Sequence[str]) -> Floats:
    """Which hashed character n-grams occur, 0 or 1; shape (len(texts), 2 ** _GRAM_BITS)."""
    grams = np.zeros((len(texts), 1 << _GRAM_BITS), dtype=np.float32)
    slots, starts = gram_slots(texts, _GRAM_BITS)
    rows = np.repeat(np.arange(len(texts)), np.diff(starts, append=len(slots)))
    grams[rows, slots] = 1.0
    return grams


def _inverse_frequency(grams: Floats) -> Floats:
    occurring = (grams > 0).sum(axis=0)
    weights: Floats = np.log((1 + len(grams)) / (1 + occurring)).astype(np.float32)
    return weights


def _sigmoid(values: Doubles) -> Doubles:
    result: Doubles = 1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0)))
    return result


def _calibrate(margins: Doubles, targets: Doubles) -> tuple[Doubles, Doubles]:
    """Slope and offset of each node's logistic curve.

    A tree of a few sentences cannot place its curve; it stays near the usual one.
    """
    pooled = logistic_curve(margins.ravel(), targets.ravel(), _USUAL_CURVE, 0.3)
    curves = [
        logistic_curve(margins[:, column], targets[:, column], pooled, 0.5)
        for column in range(targets.shape[1])
    ]
    stacked = np.array(curves)
    return np.maximum(stacked[:, 0], 1.0), stacked[:, 1]


def logistic_curve(margins: Doubles, targets: Doubles, prior: Doubles, strength: float) -> Doubles:
    """Logistic curve (slope, offset) by Newton's method, with a quadratic pull to `prior`."""
    design = np.stack([margins, np.ones_like(margins)], axis=1)
    curve = prior.astype(np.float64)
    for _ in range(25):
        chance = _sigmoid(design @ curve)
        gradient = design.T @ (chance - targets) + strength * (curve - prior)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + strength * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        curve = curve - np.clip(step, -3.0, 3.0)
        if np.abs(step).max() < 1e-6:
            break
    return curve
