"""Semantic layer: examples of every node against all the others and the background.

The score of a sentence for a node is the chance that it is meant, not a bare similarity: kernel
ridge regression over the tree's own sentences and ordinary ones of calls (positive: the node's
examples; negative: its counter-examples, the examples of the other nodes of that role, the
background), on the sum of a Gaussian kernel on sentence vectors, a linear kernel on character
n-grams and one on what the act model thinks of the turn. It is closed form, so a tree compiles in
about a second and always to the same values, and leave-one-out predictions come for free (Cawley
and Talbot, "Fast exact leave-one-out cross-validation of sparse least-squares support vector
machines", 2004). A logistic curve makes a chance of each margin; `events.nodes.thresholds` places
it.
"""

from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.nodes.chances import ActChances, chance_features, sentence_features
from events.nodes.sentences import TrainingSentences, folded, speaks, training_sentences
from events.nodes.thresholds import Expectation, best_threshold, expected, node_curve
from events.segments import semantic_text as semantic_text
from events.tree import EventTree
from nlp.encoders.base import SentenceEncoder
from nlp.grams import gram_slots
from nlp.threads import single_threaded_algebra

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_GRAM_BITS = 13
_GRAM_WEIGHT = 1.0
_GAMMA = 4.0
_RIDGE = 1.0
_LEAST_NORM = 1e-6
_SUREST = 4.6  # Log odds of 0.99: no wording but an example's own is surer.


class SemanticModel:
    """The semantic scores of one role's nodes, fitted to a tree once.

    `decided` are paths of nodes that something else decides: they are contrast, without scores.
    With `acts` the scores also look at what the act model thinks of the turn.
    """

    def __init__(
        self,
        tree: EventTree,
        role: Role,
        encoder: SentenceEncoder,
        decided: Set[str] = frozenset(),
        acts: ActChances | None = None,
    ) -> None:
        nodes = [
            node
            for node in tree.walk()
            if speaks(node.role, role)
            and node.path not in decided
            and any(map(folded, node.match.examples))
        ]
        self.paths: tuple[str, ...] = tuple(node.path for node in nodes)
        self._role = role
        if not self.paths:
            return
        sentences = training_sentences(nodes, tree, role)
        with single_threaded_algebra():
            self._train(sentences, encoder, acts)

    def _train(
        self, said: TrainingSentences, encoder: SentenceEncoder, acts: ActChances | None
    ) -> None:
        self._vectors = encoder.encode(said.texts)
        own = [np.flatnonzero(column) for column in said.examples.T]
        self._examples = [([said.texts[at] for at in rows], self._vectors[rows]) for rows in own]
        grams = _grams(said.texts)
        self._idf = _inverse_frequency(grams)
        weighted = grams * self._idf
        weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), _LEAST_NORM)
        thought = sentence_features(acts, self._role, said.texts, self._vectors)
        _describe(thought, said)
        kernel = self._gaussian(self._vectors)
        kernel += _GRAM_WEIGHT * _products(weighted) + thought @ thought.T + 1.0
        self._alphas, left_out = _fit(kernel.astype(np.float64), said.targets, said.weights)
        # The linear parts collapse into one weight per n-gram and label; only the Gaussian part
        # still needs the training sentences.
        by_gram = (_GRAM_WEIGHT * weighted.T @ self._alphas).astype(np.float32)
        self._gram_weights: Floats = by_gram * self._idf[:, None]
        self._label_weights: Floats = thought.T @ self._alphas
        self._bias = self._alphas.sum(axis=0)
        self._left_out = [left_out[rows, column] for column, rows in enumerate(own)]
        self._ordinary: Doubles = left_out[said.ordinary]
        known = map(self.known_of, self.paths)
        curves = np.array([node_curve(examples, ordinary) for examples, ordinary in known])
        self._slopes, self._offsets = curves[:, 0], curves[:, 1]

    def _gaussian(self, vectors: Floats) -> Floats:
        kernel: Floats = np.exp(_GAMMA * (vectors @ self._vectors.T - 1.0))
        return kernel

    def margins(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """What the words of texts say for each node, shape (len(texts), len(paths))."""
        if not self.paths or not texts:
            return np.zeros((len(texts), len(self.paths)), dtype=np.float32)
        with single_threaded_algebra():
            found: Floats = self._gaussian(vectors) @ self._alphas
            found += self._linear(texts) + self._bias
        return found

    def turn_margins(self, chances: Floats) -> Floats:
        """What the act model's chances of turns add, shape (len(chances), len(paths)).

        `chances` has a column for each label. Without an act model in the fit nothing is added.
        """
        added: Floats = chance_features(self._role, chances) @ self._label_weights
        return added

    def chances(self, margins: Floats) -> Floats:
        """The chances in [0, 1] that margins mean."""
        found: Floats = _sigmoid(margins * self._slopes + self._offsets).astype(np.float32)
        return found

    def scores(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """Scores in [0, 1], shape (len(texts), len(paths)), for texts by their words alone."""
        margins = self.margins(texts, vectors)
        return self.chances(margins) if margins.size else margins

    def _linear(self, texts: Sequence[str]) -> Floats:
        """The n-gram kernel's part of the margins, shape (len(texts), len(paths))."""
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

    def known_of(self, path: str) -> tuple[Doubles, Doubles]:
        """Margins of a node's examples and of ordinary sentences, each by a fit without it."""
        column = self.paths.index(path)
        return self._left_out[column], self._ordinary[:, column]

    def expectation(self, path: str, threshold: float | None) -> Expectation:
        """What to expect of a node's examples at a threshold; None = at the best one for it."""
        column = self.paths.index(path)
        margins, examples = self._ordinary[:, column], len(self._examples[column][0])
        ordinary = _sigmoid(margins * self._slopes[column] + self._offsets[column])
        if threshold is None:
            return best_threshold(ordinary, examples)
        return expected(threshold, ordinary, examples)


def _describe(thought: Floats, said: TrainingSentences) -> None:
    """Give each description the mean features of its examples: it is no sentence of a call."""
    for row in np.flatnonzero((said.targets.sum(axis=1) > 0) & ~said.examples.any(axis=1)):
        examples = said.examples[:, said.targets[row] > 0].any(axis=1)
        thought[row] = thought[examples].mean(axis=0)


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


def _products(weighted: Floats) -> Floats:
    """How alike rows are in n-grams; one that a single row has only counts on the diagonal."""
    shared = weighted[:, (weighted > 0).sum(axis=0) > 1]
    products: Floats = shared @ shared.T
    np.fill_diagonal(products, np.einsum("ij,ij->i", weighted, weighted))
    return products


def _inverse_frequency(grams: Floats) -> Floats:
    occurring = (grams > 0).sum(axis=0)
    weights: Floats = np.log((1 + len(grams)) / (1 + occurring)).astype(np.float32)
    return weights


def _sigmoid(values: Doubles) -> Doubles:
    result: Doubles = 1.0 / (1.0 + np.exp(-np.clip(values, -30.0, _SUREST)))
    return result
