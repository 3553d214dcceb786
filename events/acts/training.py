"""Training of the act model: labelled dialogues in, `ActModel` and its held-out figures out.

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
from events.acts.features import GRAM_SLOTS, PLACE_SIZE, Floats, Turn, place_of, read_turn
from events.acts.labels import ACTS, labels_of
from events.acts.model import (
    ActModel,
    RoleHead,
    context_vectors,
    draw_frequencies,
    fourier,
    mean_vectors,
)
from events.acts.noise import Homophones
from events.semantic import logistic_curve
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import forms

GAMMA = 0.7
FREQUENCIES = 4096
"""Pairs of Fourier features."""

NOISE_RATE = 0.09
_NOISE_WEIGHT = 0.25  # A misheard copy says less about what the words mean.
_GRAM_WEIGHT = 2.5
_PLACE_WEIGHT = 0.3
_RIDGE = 0.4
_RAREST_GRAM = 3
_USUAL_CURVE = np.array([9.0, -3.5])
_GRID = np.arange(0.12, 0.71, 0.02)
_PULL = 5000.0  # Pseudo-labels that draw a label's threshold to the common one: rare labels
# choose badly on their own, and held out one threshold for all did better than weaker pulls.


@dataclass(frozen=True)
class TurnSet:
    """All turns of a corpus, clean and as misheard, with what the model reads of each.

    Row i belongs to `dialogues[i]`; `noisy[i]` says whether it is a misheard copy. `grams` rows
    have unit length.
    """

    turns: tuple[Turn, ...]
    dialogues: tuple[Dialogue, ...]
    noisy: NDArray[np.bool_]
    labels: tuple[frozenset[str], ...]
    contexts: Floats
    places: Floats
    grams: Any
    idf: Floats

    def rows(self, role: Role) -> NDArray[np.intp]:
        """Rows of one role."""
        return np.array([at for at, turn in enumerate(self.turns) if turn.role == role])

    def targets(self, role: Role, rows: NDArray[np.intp]) -> Floats:
        """0/1 for each row and label of a role."""
        names = labels_of(role)
        return np.array([[name in self.labels[row] for name in names] for row in rows], np.float32)


@dataclass(frozen=True)
class HeldOut:
    """Probabilities of turns by models that saw no dialogue of the same group."""

    rows: NDArray[np.intp]
    margins: Floats
    chances: Floats
    curves: Floats


def read_corpus(dialogues: Sequence[Dialogue], encoder: SentenceEncoder) -> TurnSet:
    """The turns of a corpus with a misheard copy of every dialogue."""
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
    texts = {text: None for turn in turns for text in turn.segment_texts}
    row = {text: at for at, text in enumerate(texts)}
    vectors = encoder.encode(list(texts))
    means = mean_vectors([vectors[[row[t] for t in turn.segment_texts]] for turn in turns])
    noisy = np.arange(len(turns)) >= len(turns) // 2
    grams, idf = _gram_rows(turns, noisy)
    return TurnSet(
        tuple(turns),
        tuple(owners),
        noisy,
        tuple(labels),
        context_vectors(means, places),
        np.array([place_of(t, *p) for t, p in zip(turns, places, strict=True)]),
        grams,
        idf,
    )


def train(data: TurnSet, groups: Sequence[str], encoder: str, version: str) -> ActModel:
    """The model of all turns; curves and thresholds from turns of groups that were held out.

    `groups[i]` is the group of row i (its author).
    """
    frequencies = draw_frequencies(data.contexts.shape[1], FREQUENCIES, GAMMA)
    heads: dict[Role, RoleHead] = {}
    for role in ("agent", "customer"):
        held = held_out(data, role, groups)
        heads[role] = _head(data, role, held)
    return ActModel(encoder, version, frequencies, data.idf, heads)


def held_out(data: TurnSet, role: Role, groups: Sequence[str]) -> HeldOut:
    """Probabilities for every turn of a role by models trained without its group.

    Noisy copies are in the training, and are predicted like the others.
    """
    rows = data.rows(role)
    kernel, _ = _kernel(data, rows)
    targets = data.targets(role, rows)
    names = np.array([groups[row] for row in rows])
    noisy = data.noisy[rows]
    margins = np.zeros_like(targets)
    for name in sorted(set(names.tolist())):
        seen, unseen = np.flatnonzero(names != name), np.flatnonzero(names == name)
        weights, mean = _solve(kernel[np.ix_(seen, seen)], targets[seen], noisy[seen])
        margins[unseen] = kernel[np.ix_(unseen, seen)] @ weights + mean
    curves = _curves(margins, targets)
    logits = np.clip(margins * curves[:, 0] + curves[:, 1], -30, 30)
    return HeldOut(rows, margins, (1 / (1 + np.exp(-logits))).astype(np.float32), curves)


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
    return [
        (read_turn(role, [forms(text) for text in texts]), frozenset(labels))
        for role, texts, labels in grouped
    ]


def _gram_rows(turns: Sequence[Turn], noisy: NDArray[np.bool_]) -> tuple[Any, Floats]:
    ends = np.cumsum([0, *(len(turn.slots) for turn in turns)])
    slots = np.concatenate([turn.slots for turn in turns])
    ones = np.ones(len(slots), dtype=np.float32)
    counts = sparse.csr_matrix((ones, slots, ends), shape=(len(turns), GRAM_SLOTS))
    clean = ~noisy
    occurring = np.asarray(counts[clean].sum(axis=0)).ravel()
    idf = np.log((1 + clean.sum()) / (1 + occurring)).astype(np.float16).astype(np.float32)
    idf[occurring < _RAREST_GRAM] = 0.0
    weighted = counts @ sparse.diags(idf)
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    unit = (sparse.diags(1.0 / np.maximum(norms, 1e-6)) @ weighted).tocsr()
    return unit.astype(np.float32), idf


def _kernel(data: TurnSet, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
    frequencies = draw_frequencies(data.contexts.shape[1], FREQUENCIES, GAMMA)
    features = fourier(data.contexts[rows], frequencies)
    places = data.places[rows]
    kernel: Floats = features @ features.T
    kernel += (_PLACE_WEIGHT / PLACE_SIZE) * (places @ places.T)
    grams = data.grams[rows]
    kernel += _GRAM_WEIGHT * (grams @ grams.T).toarray()
    return kernel, features


def _solve(kernel: Floats, targets: Floats, noisy: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    mean: Floats = targets.mean(axis=0)
    matrix = kernel.copy()
    matrix[np.diag_indices(len(matrix))] += np.where(noisy, _RIDGE / _NOISE_WEIGHT, _RIDGE)
    factor = linalg.cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    weights: Floats = linalg.cho_solve(factor, targets - mean, check_finite=False)
    return weights.astype(np.float32), mean


def _curves(margins: Floats, targets: Floats) -> Floats:
    margins64, targets64 = margins.astype(np.float64), targets.astype(np.float64)
    pooled = logistic_curve(margins64.ravel(), targets64.ravel(), _USUAL_CURVE, 0.3)
    curves = [
        logistic_curve(margins64[:, at], targets64[:, at], pooled, 0.5)
        for at in range(targets.shape[1])
    ]
    return np.array(curves, dtype=np.float32)


def _head(data: TurnSet, role: Role, held: HeldOut) -> RoleHead:
    kernel, features = _kernel(data, held.rows)
    targets = data.targets(role, held.rows)
    weights, mean = _solve(kernel, targets, data.noisy[held.rows])
    clean = ~data.noisy[held.rows]
    return RoleHead(
        labels=labels_of(role),
        fourier=features.T @ weights,
        grams=np.asarray(_GRAM_WEIGHT * (data.grams[held.rows].T @ weights), dtype=np.float32),
        place=(_PLACE_WEIGHT / PLACE_SIZE) * (data.places[held.rows].T @ weights),
        bias=mean,
        curves=held.curves,
        thresholds=choose_thresholds(held.chances[clean], targets[clean]),
    )


def figures(data: TurnSet, groups: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Held-out precision, recall, F1 and support, for turns `as written` and `misheard`.

    By label, and of all acts as `micro` and `macro`. A group's thresholds come from the other
    groups' turns, so nothing of it is used to choose.
    """
    counts: dict[str, dict[str, NDArray[np.int64]]] = {"as written": {}, "misheard": {}}
    for role in ("agent", "customer"):
        held = held_out(data, role, groups)
        targets = data.targets(role, held.rows)
        names = np.array([groups[row] for row in held.rows])
        noisy = data.noisy[held.rows]
        for name in sorted(set(names.tolist())):
            other = ~noisy & (names != name)
            limits = choose_thresholds(held.chances[other], targets[other])
            for part, wanted in (("as written", ~noisy), ("misheard", noisy)):
                here = wanted & (names == name)
                hit, said = held.chances[here] >= limits, targets[here] > 0
                found = np.stack([(hit & said).sum(0), (hit & ~said).sum(0), (~hit & said).sum(0)])
                for at, label in enumerate(labels_of(role)):
                    row = counts[part].setdefault(label, np.zeros(3, dtype=np.int64))
                    row += found[:, at]
    return {part: _table(rows) for part, rows in counts.items()}


def _table(rows: dict[str, NDArray[np.int64]]) -> dict[str, dict[str, float]]:
    table = {label: _ratios(*row.tolist()) for label, row in rows.items()}
    table["micro"] = _ratios(*sum(rows[label] for label in ACTS).tolist())  # type: ignore[union-attr]
    table["macro"] = {"f1": float(np.mean([table[label]["f1"] for label in ACTS]))}
    return table


def _ratios(tp: int, fp: int, fn: int) -> dict[str, float]:
    return {
        "precision": tp / max(tp + fp, 1),
        "recall": tp / max(tp + fn, 1),
        "f1": 2 * tp / max(2 * tp + fp + fn, 1),
        "support": float(tp + fn),
    }
