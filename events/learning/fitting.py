"""Fitting a head: labelled turns in, weights and the figures of its test out.

One logistic regression for each target, with the log odds of the other layers as a fixed offset
and a pull of all weights to zero, solved in the dual by Newton's method. Turns that nobody
corrected keep it where it was: they stand beside the labelled ones with the chance that the other
layers give as a soft label. So a handful of verdicts moves what is like them, and nothing else.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.acts.features import Floats
from events.learning.features import (
    GRAM_WEIGHT,
    HEAD_SLOTS,
    TurnFeatures,
    dense_rows,
    gram_products,
    gram_value,
)
from nlp.threads import single_threaded_algebra

Doubles = NDArray[np.float64]

STRENGTHS = (24.0, 8.0, 2.5)
"""Pulls to zero that are tried, strongest first; a weaker one must do better on left-out calls."""

NAMED = 0.5
"""Share of the missed events that people are taken to name; they judge every hit."""

FOLDS = 5
ANCHORS = 160
_ANCHOR_WEIGHT = 0.25
_STEPS = 12
_CLEARLY = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTurn:
    """One turn of a call, how each target stands in it, and what people said of some of them.

    `call` is empty for an anchor: a turn of the guard, which knows every label.
    `labels` maps targets to whether the turn is a hit of them; targets that are not in `odds`
    cannot be hit there and are left out.
    """

    call: str
    features: TurnFeatures
    odds: Mapping[str, float]
    labels: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of some targets, as a `Head` holds them."""

    targets: tuple[str, ...]
    dense: Floats
    grams: Floats

    def shifts(self, turns: Sequence[LabelledTurn]) -> list[dict[str, float]]:
        """For each turn what is added to the log odds of each target."""
        if not self.targets or not turns:
            return [{} for _ in turns]
        added = dense_rows([turn.features for turn in turns]) @ self.dense.T
        for row, turn in enumerate(turns):
            item = turn.features
            added[row] += GRAM_WEIGHT * gram_value(item) * self.grams[:, item.slots].sum(axis=1)
        return [dict(zip(self.targets, row.tolist(), strict=True)) for row in added]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """Hits that are right, wrong and missed, and what follows from them."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the hits that are right; None without a hit."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Share of what was said that is hit; None when nothing was said."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None

    @property
    def errors(self) -> int:
        """Hits that are wrong or missed."""
        return self.wrong + self.missed

    @property
    def f1(self) -> float:
        """F1, 0 when there is nothing to find and nothing was found."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)

    def plus(self, other: "Ratios") -> "Ratios":
        """The sum of both."""
        return Ratios(
            right=self.right + other.right,
            wrong=self.wrong + other.wrong,
            missed=self.missed + other.missed,
        )


@dataclass(frozen=True, slots=True)
class Tested:
    """A fitted head's weights, and how it did on calls it was not fitted on."""

    weights: Weights
    strength: float
    before: Ratios
    after: Ratios


def fit_and_test(turns: Sequence[LabelledTurn], anchors: Sequence[LabelledTurn]) -> Tested:
    """The weights from all labels, and the counts when each call is judged without its own.

    `anchors` are labelled turns that belong to no corrected call; they hold every target where
    it is right. Deterministic: the same turns in the same order give the same weights.
    """
    with single_threaded_algebra():
        best: tuple[float, float, list[dict[str, float]]] | None = None
        for strength in STRENGTHS:
            shifts = _left_out(turns, anchors, strength)
            loss = _loss(turns, shifts)
            if best is None or loss < best[0] * _CLEARLY:
                best = loss, strength, shifts
        assert best is not None
        nothing: list[dict[str, float]] = [{} for _ in turns]
        return Tested(
            fit(turns, anchors, best[1]), best[1], count(turns, nothing), count(turns, best[2])
        )


def fit(turns: Sequence[LabelledTurn], anchors: Sequence[LabelledTurn], strength: float) -> Weights:
    """Weights for every target that has a label."""
    targets = sorted({name for turn in turns for name in turn.labels if name in turn.odds})
    if not targets:
        return Weights((), np.zeros((0, 0), np.float32), np.zeros((0, HEAD_SLOTS), np.float32))
    pool = [*turns, *anchors]
    rows = dense_rows([turn.features for turn in pool])
    dense = np.zeros((len(targets), rows.shape[1]), dtype=np.float32)
    grams = np.zeros((len(targets), HEAD_SLOTS), dtype=np.float32)
    for at, target in enumerate(targets):
        picked = _picked(pool, rows, target)
        _fit_target([pool[i] for i in picked], rows[picked], target, strength, dense[at], grams[at])
    return Weights(tuple(targets), dense, grams)


def count(turns: Sequence[LabelledTurn], shifts: Sequence[Mapping[str, float]]) -> Ratios:
    """Right, wrong and missed hits in what people looked at, with these shifts.

    Who corrects a call judges its hits and names some of what was missed, about `NAMED` of it. So
    beside every missed event that was named there are others that were not, and of the hits that
    only the shifts make and nobody named, as many are taken for right as these allow; the rest is
    wrong.
    """
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    for turn, shift in zip(turns, shifts, strict=True):
        for target, said in turn.labels.items():
            odds = turn.odds.get(target)
            hit = odds is not None and odds + shift.get(target, 0.0) >= 0
            tallies[target].add(
                said=said,
                hit=hit,
                named=bool(turn.call) and said and (odds is None or odds < 0),
            )
        for target, added in shift.items():
            odds = turn.odds.get(target, 0.0)
            if turn.call and target not in turn.labels and odds < 0 <= odds + added:
                tallies[target].unnamed += 1
    total = Ratios()
    for tally in tallies.values():
        total = total.plus(tally.ratios())
    return total


@dataclass(slots=True)
class _Tally:
    """One target: verdicts that are right, wrong, missed; events named, found again, unnamed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    named: int = 0
    found: int = 0
    unnamed: int = 0

    def add(self, *, said: bool, hit: bool, named: bool) -> None:
        self.right += hit and said
        self.wrong += hit and not said
        self.missed += said and not hit
        self.named += named
        self.found += named and hit

    def ratios(self) -> Ratios:
        per_named = (1.0 - NAMED) / NAMED
        hidden = round(self.named * per_named)
        taken = min(self.unnamed, round(self.found * per_named))
        return Ratios(
            right=self.right + taken,
            wrong=self.wrong + self.unnamed - taken,
            missed=self.missed + hidden - taken,
        )


def changes(
    turns: Sequence[LabelledTurn], shifts: Sequence[Mapping[str, float]]
) -> tuple[int, int]:
    """Hits gained and lost in all turns, corrected or not."""
    gained = lost = 0
    for turn, shift in zip(turns, shifts, strict=True):
        for target, odds in turn.odds.items():
            now = odds + shift.get(target, 0.0) >= 0
            gained += now and odds < 0
            lost += odds >= 0 and not now
    return gained, lost


def _left_out(
    turns: Sequence[LabelledTurn], anchors: Sequence[LabelledTurn], strength: float
) -> list[dict[str, float]]:
    """The shifts of each turn by weights that were fitted without its call's fold."""
    calls = list(dict.fromkeys(turn.call for turn in turns))
    fold = {call: at % FOLDS for at, call in enumerate(calls)}
    found: list[dict[str, float]] = [{} for _ in turns]
    for number in range(min(FOLDS, len(calls))):
        seen = [turn for turn in turns if fold[turn.call] != number]
        rows = [at for at, turn in enumerate(turns) if fold[turn.call] == number]
        weights = fit(seen, anchors, strength)
        for row, shift in zip(rows, weights.shifts([turns[at] for at in rows]), strict=True):
            found[row] = shift
    return found


def _loss(turns: Sequence[LabelledTurn], shifts: Sequence[Mapping[str, float]]) -> float:
    losses = [
        np.logaddexp(0.0, -(1.0 if said else -1.0) * (turn.odds[target] + shift.get(target, 0.0)))
        for turn, shift in zip(turns, shifts, strict=True)
        for target, said in turn.labels.items()
        if target in turn.odds
    ]
    return float(np.mean(losses)) if losses else 0.0


def _picked(pool: Sequence[LabelledTurn], rows: Floats, target: str) -> list[int]:
    """The turns that a target is fitted on: those with a label from people, and anchors for it.

    Half of the anchors are the turns most like the labelled ones, half are spread evenly.
    """
    known = [i for i, turn in enumerate(pool) if target in turn.odds]
    taught = [i for i in known if pool[i].call and target in pool[i].labels]
    others = sorted(set(known) - set(taught))
    if not others:
        return taught
    centre = rows[taught].mean(axis=0) if taught else rows[others].mean(axis=0)
    order = np.argsort(-(rows[others] @ centre), kind="stable")
    near = [others[i] for i in order[: ANCHORS // 2]]
    step = max(len(others) // (ANCHORS // 2), 1)
    return [*taught, *sorted({*near, *others[::step]} - set(taught))]


def _fit_target(
    turns: Sequence[LabelledTurn],
    rows: Floats,
    target: str,
    strength: float,
    dense: Floats,
    grams: Floats,
) -> None:
    """Write the weights of one target into `dense` and `grams`."""
    features = [turn.features for turn in turns]
    kernel = (rows @ rows.T + GRAM_WEIGHT * gram_products(features, features)).astype(np.float64)
    offset = np.array([turn.odds[target] for turn in turns])
    usual = _sigmoid(offset)
    wanted = np.array([
        float(turn.labels[target]) if target in turn.labels else chance
        for turn, chance in zip(turns, usual, strict=True)
    ])  # fmt: skip
    # Verdicts of people count in full; a turn nobody looked at, and one of the guard, less.
    trust = np.array([
        1.0 if target in turn.labels and turn.call else _ANCHOR_WEIGHT for turn in turns
    ])  # fmt: skip
    alphas = _newton(kernel, offset, wanted, trust, strength)
    dense[:] = alphas @ rows
    for alpha, item in zip(alphas, features, strict=True):
        grams[item.slots] += np.float32(GRAM_WEIGHT * alpha * gram_value(item))


def _newton(
    kernel: Doubles, offset: Doubles, wanted: Doubles, trust: Doubles, strength: float
) -> Doubles:
    """Dual weights of the penalised logistic regression, shift = kernel @ alphas."""
    alphas: Doubles = np.zeros(len(offset))
    for _ in range(_STEPS):
        chance = _sigmoid(offset + kernel @ alphas)
        curve = np.maximum(trust * chance * (1.0 - chance), 1e-4)
        # Iteratively reweighted least squares: (K + strength / curve) alphas = working response.
        response = kernel @ alphas + trust * (wanted - chance) / curve
        solved = np.linalg.solve(kernel + np.diag(strength / curve), response)
        fresh: Doubles = solved.astype(np.float64)
        if np.abs(fresh - alphas).max() < 1e-6:
            return fresh
        alphas = fresh
    return alphas


def _sigmoid(values: Doubles) -> Doubles:
    result: Doubles = 1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0)))
    return result


def by_target(turns: Sequence[LabelledTurn]) -> dict[str, int]:
    """Number of labels for each target."""
    counts: dict[str, int] = defaultdict(int)
    for turn in turns:
        for target in turn.labels:
            counts[target] += 1
    return dict(counts)
