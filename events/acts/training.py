"""Training of the act model's first stage: labelled dialogues in, held-out chances out.

`stacking` adds the second stage.

Only for developers: needs scipy, and a few minutes. Every number depends on the corpus, the
encoder and the constants here alone, so the same machine makes the same file.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from asr.transcript import Role
from events.acts.corpus import Dialogue
from events.acts.curves import apply_curves, logistic_curve
from events.acts.features import PLACE_SIZE, Floats, Turn, place_of, read_turns
from events.acts.kernels import DIRECTIONS, context_vectors, mean_vectors
from events.acts.labels import labels_of
from events.acts.landmarks import Projection, choose_landmarks
from events.acts.noise import Homophones
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import forms

NOISE_RATE = 0.09
_GRAM_WEIGHT = 1.7
_PLACE_WEIGHT = 0.2
_RIDGE = 0.55
_RAREST_GRAM = 3
_MOST_GRAMS = 80_000  # Bounds the model file; the rarest n-grams are left out.
_USUAL_CURVE = np.array([9.0, -3.5])
_GRID = np.arange(0.12, 0.71, 0.02)
_PULL = 5000.0  # Pseudo-labels that draw a label's threshold to the common one: rare labels
# choose badly on their own, and held out one threshold for all did better than weaker pulls.


@dataclass(frozen=True)
class TurnSet:
    """All turns of a corpus as written, then all as misheard, with what the model reads of each.

    Row i belongs to `dialogues[i]`; `noisy[i]` says whether it is the misheard copy. `grams` rows
    have unit length and a column for each of the slots `known`, which occur often enough.
    `sizes` are the turns of each dialogue.
    """

    turns: tuple[Turn, ...]
    dialogues: tuple[Dialogue, ...]
    noisy: NDArray[np.bool_]
    labels: tuple[frozenset[str], ...]
    basis: Floats
    sizes: NDArray[np.int64]
    contexts: Floats
    places: Floats
    grams: Any
    known: NDArray[np.int32]
    idf: Floats

    def rows(self, role: Role, *, noisy: bool = False) -> NDArray[np.intp]:
        """Rows of one role, as written or as misheard; the same turns in the same order."""
        return np.array(
            [
                at
                for at, turn in enumerate(self.turns)
                if turn.role == role and self.noisy[at] == noisy
            ]
        )

    def targets(self, role: Role) -> Floats:
        """0/1 for each turn and label of a role."""
        names = labels_of(role)
        return np.array(
            [[name in self.labels[row] for name in names] for row in self.rows(role)], np.float32
        )


@dataclass(frozen=True)
class Fit:
    """Kernel ridge regression of one role's turns, solved.

    `inverse` is that of the kernel with its ridge: predictions without some of the turns follow
    from it (Cawley and Talbot 2004). `heard` is the kernel of the misheard copies with the turns.
    The Gaussian part of the kernel is the `projection`'s, whose landmarks are chosen without
    looking at labels.
    """

    role: Role
    projection: Projection
    targets: Floats
    mean: Floats
    inverse: Floats
    weights: Floats
    heard: Floats


@dataclass(frozen=True)
class HeldOut:
    """Probabilities of a role's turns by models that saw no dialogue of the same group."""

    groups: NDArray[np.str_]
    written: Floats
    misheard: Floats
    curves: Floats


def read_corpus(dialogues: Sequence[Dialogue], encoder: SentenceEncoder) -> TurnSet:
    """The turns of a corpus, with a misheard copy of every dialogue."""
    homophones = Homophones(turn.text for dialogue in dialogues for turn in dialogue.turns)
    turns: list[Turn] = []
    owners: list[Dialogue] = []
    labels: list[frozenset[str]] = []
    places: list[tuple[int, int]] = []
    for rate in (0.0, NOISE_RATE):
        for dialogue in dialogues:
            read = _turns(dialogue, homophones, rate)
            places += [(at, len(read)) for at in range(len(read))]
            turns += [turn for turn, _ in read]
            labels += [found for _, found in read]
            owners += [dialogue] * len(read)
    noisy = np.arange(len(turns)) >= len(turns) // 2
    means = mean_vectors(_vectors(turns, encoder))
    basis = _basis(means[~noisy])
    sizes = [size for (at, size), copy in zip(places, noisy, strict=True) if at == 0 and not copy]
    grams, known, idf = _gram_rows(turns, noisy)
    return TurnSet(
        tuple(turns),
        tuple(owners),
        noisy,
        tuple(labels),
        basis,
        np.array(sizes),
        context_vectors(means @ basis, places),
        np.array([place_of(t, *p) for t, p in zip(turns, places, strict=True)]),
        grams,
        known,
        idf,
    )


def fit(data: TurnSet, role: Role) -> Fit:
    """The regression of a role's turns as written."""
    rows = data.rows(role)
    targets = data.targets(role)
    mean: Floats = targets.mean(axis=0)
    projection = Projection(choose_landmarks(data.contexts[rows]))
    features = projection.features(data.contexts[rows])
    inverse = _inverse(_kernel(data, rows, rows, features, features))
    noisy = data.rows(role, noisy=True)
    heard = _kernel(data, noisy, rows, projection.features(data.contexts[noisy]), features)
    return Fit(role, projection, targets, mean, inverse, inverse @ (targets - mean), heard)


def held_out(data: TurnSet, fitted: Fit, groups: Sequence[str]) -> HeldOut:
    """Probabilities for every turn of a role by models trained without its group.

    `groups[i]` is the group of row i of `data`. Misheard copies are predicted from the turns as
    written of the other groups; the curves are those of the turns as written.
    """
    names = np.array([groups[row] for row in data.rows(fitted.role)])
    written, misheard = np.empty_like(fitted.targets), np.empty_like(fitted.targets)
    for name in sorted(set(names.tolist())):
        out = np.flatnonzero(names == name)
        block = fitted.inverse[np.ix_(out, out)].astype(np.float64)
        gone = np.linalg.solve(block, fitted.weights[out]).astype(np.float32)
        written[out] = fitted.targets[out] - gone
        weights = fitted.weights - fitted.inverse[:, out] @ gone
        weights[out] = 0.0
        misheard[out] = fitted.heard[out] @ weights + fitted.mean
    curves = fit_curves(written, fitted.targets)
    return HeldOut(names, apply_curves(written, curves), apply_curves(misheard, curves), curves)


def choose_thresholds(chances: Floats, targets: Floats) -> Floats:
    """For each label the probability with the best F1, drawn to the best one for all labels.

    F1 of a label counts as if some labels with the pooled ratios had been seen too.
    """
    tp, fp, fn = _counts(chances, targets)
    total = 2 * tp.sum(1) / np.maximum(2 * tp.sum(1) + fp.sum(1) + fn.sum(1), 1)
    size = np.maximum(targets.sum(), 1.0)
    extra = [_PULL * part.sum(1, keepdims=True) / size for part in (tp, fp, fn)]
    tp, fp, fn = (part + more for part, more in zip((tp, fp, fn), extra, strict=True))
    smooth = 2 * tp / np.maximum(2 * tp + fp + fn, 1e-9) + 1e-3 * total[:, None]
    best: Floats = _GRID[smooth.argmax(axis=0)].astype(np.float32)
    return best


def fit_curves(margins: Floats, targets: Floats) -> Floats:
    """The logistic curve (slope, offset) of each label, from margins of turns not trained on."""
    margins64, targets64 = margins.astype(np.float64), targets.astype(np.float64)
    pooled = logistic_curve(margins64.ravel(), targets64.ravel(), _USUAL_CURVE, 0.3)
    curves = [
        logistic_curve(margins64[:, at], targets64[:, at], pooled, 0.5)
        for at in range(targets.shape[1])
    ]
    return np.array(curves, dtype=np.float32)


def landmark_weights(data: TurnSet, fitted: Fit) -> Floats:
    """What the Gaussian kernels come to: weights (landmarks, labels)."""
    return fitted.projection.weights(data.contexts[data.rows(fitted.role)], fitted.weights)


def grams_and_place(data: TurnSet, fitted: Fit) -> tuple[Floats, Floats]:
    """What the linear kernels come to: weights (known n-grams, labels) and (PLACE_SIZE, labels)."""
    rows = data.rows(fitted.role)
    grams = np.asarray(_GRAM_WEIGHT * (data.grams[rows].T @ fitted.weights), dtype=np.float32)
    return grams, (_PLACE_WEIGHT / PLACE_SIZE) * (data.places[rows].T @ fitted.weights)


def _counts(chances: Floats, targets: Floats) -> tuple[Any, Any, Any]:
    hit = chances[None] >= _GRID[:, None, None]
    said = targets[None] > 0
    return (hit & said).sum(1), (hit & ~said).sum(1), (~hit & said).sum(1)


def _turns(
    dialogue: Dialogue, homophones: Homophones, rate: float
) -> list[tuple[Turn, frozenset[str]]]:
    chance = random.Random(f"{dialogue.name} {rate}")  # noqa: S311 - noise, not a secret
    grouped: list[tuple[Role, list[str], set[str]]] = []
    for turn in dialogue.turns:
        text = homophones.confuse(turn.text, rate, chance) if rate else turn.text
        if grouped and grouped[-1][0] == turn.role:
            grouped[-1][1].append(text)
            grouped[-1][2].update(turn.labels)
        else:
            grouped.append((turn.role, [text], set(turn.labels)))
    turns = read_turns([(role, [forms(text) for text in texts]) for role, texts, _ in grouped])
    return [(turn, frozenset(found)) for turn, (_, _, found) in zip(turns, grouped, strict=True)]


def _vectors(turns: Sequence[Turn], encoder: SentenceEncoder) -> list[Floats]:
    texts = {text: None for turn in turns for text in turn.segment_texts}
    row = {text: at for at, text in enumerate(texts)}
    vectors = encoder.encode(list(texts))
    return [vectors[[row[text] for text in turn.segment_texts]] for turn in turns]


def _basis(means: Floats) -> Floats:
    """The directions in which turns differ most, shape (dimensions, DIRECTIONS)."""
    _, directions = np.linalg.eigh(np.cov(means.T))
    basis: Floats = directions[:, ::-1][:, :DIRECTIONS].astype(np.float16).astype(np.float32)
    return basis


def _gram_rows(
    turns: Sequence[Turn], noisy: NDArray[np.bool_]
) -> tuple[Any, NDArray[np.int32], Floats]:
    """Weighted n-grams of all turns, the slots that occur often enough, and their weights."""
    sizes = np.array([len(turn.slots) for turn in turns])
    slots = np.concatenate([turn.slots for turn in turns])
    known, occurring = np.unique(slots[np.repeat(~noisy, sizes)], return_counts=True)
    order = np.argsort(-occurring, kind="stable")[:_MOST_GRAMS]
    kept = np.sort(order[occurring[order] >= _RAREST_GRAM])
    known, occurring = known[kept], occurring[kept]
    idf = np.log((1 + (~noisy).sum()) / (1 + occurring)).astype(np.float16).astype(np.float32)
    columns = np.minimum(np.searchsorted(known, slots), len(known) - 1)
    values = np.where(known[columns] == slots, idf[columns], np.float32(0))
    ends = np.append(0, np.cumsum(sizes))
    weighted = sparse.csr_matrix((values, columns, ends), shape=(len(turns), len(known)))
    weighted.sum_duplicates()
    weighted.eliminate_zeros()
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    unit = (sparse.diags(1.0 / np.maximum(norms, 1e-6)) @ weighted).tocsr()
    return unit.astype(np.float32), known.astype(np.int32), idf


def _kernel(
    data: TurnSet,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    left_features: Floats,
    right_features: Floats,
) -> Floats:
    values = left_features @ right_features.T
    values += (_PLACE_WEIGHT / PLACE_SIZE) * (data.places[left] @ data.places[right].T)
    values += (_GRAM_WEIGHT * (data.grams[left] @ data.grams[right].T)).toarray()
    return values


def _inverse(matrix: Floats) -> Floats:
    """The inverse of a kernel with the ridge on its diagonal; `matrix` is overwritten."""
    matrix[np.diag_indices(len(matrix))] += _RIDGE
    factor, _ = linalg.cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    lower, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    inverse: Floats = np.tril(lower) + np.tril(lower, -1).T
    return inverse
