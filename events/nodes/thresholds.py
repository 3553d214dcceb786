"""From margins to probabilities: curves, automatic thresholds, and what to expect at them.

A node with a few examples cannot place a probability curve of its own. What can be known of it is
how well its examples find each other when left out, and how high the ordinary sentences of calls
come. `CURVE` says what these mean: it was fitted on built-in acts that were hidden, played by a
few examples of one author, and read in calls of others (`tests/bench/bench_user_nodes.py --fit`).
A score is thereby the chance that a sentence is meant, and the sum of the scores of ordinary
sentences says how many hits will be right.
"""

import math
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

LOWEST, HIGHEST = 0.05, 0.5
"""Range of automatic thresholds."""

FEWEST_EXAMPLES = 3
"""Nodes with fewer examples have no figures to expect: one or two say too little."""

_HIGH_QUANTILE = 0.97
_LEAST_SPREAD = 0.01


@dataclass(frozen=True, slots=True)
class Curve:
    """Log odds of a margin: what each number that is known of a node adds.

    `margin` and `level` multiply the margin and its distance from the high ordinary sentences, in
    their standard deviations; `level_by_size` adds to `level` with the log of the number of
    examples; `left_out` multiplies the mean margin of the examples left out, `size` that log.
    """

    margin: float
    level: float
    level_by_size: float
    left_out: float
    size: float
    bias: float


CURVE = Curve(10.88, 0.45, 0.15, -6.74, 0.30, -2.67)

PRECISION_SPREAD = (-1.2, 2.0)
RECALL_SPREAD = (-1.3, 1.7)
"""Log odds around the expected figure in which 8 of 10 simulated nodes really were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A threshold with the precision and recall to expect at it, all in [0, 1].

    Figures and the ranges in which they will be 8 times of 10 are None for nodes with too few
    examples to tell.
    """

    threshold: float
    precision: float | None
    recall: float | None
    precision_range: tuple[float, float] | None
    recall_range: tuple[float, float] | None


def node_curve(left_out: Doubles, ordinary: Doubles, curve: Curve = CURVE) -> tuple[float, float]:
    """Slope and offset of a node's log odds over its margins.

    `left_out` are the margins of its examples by a fit without each, at least one; `ordinary`
    those of ordinary sentences, at least one.
    """
    factors = np.array(astuple(curve))
    at_0, at_1 = curve_features(np.array([0.0, 1.0]), left_out, ordinary) @ factors
    return float(at_1 - at_0), float(at_0)


def curve_features(margins: Doubles, left_out: Doubles, ordinary: Doubles) -> Doubles:
    """What the numbers of a `Curve` multiply, shape (len(margins), 6)."""
    size = math.log(len(left_out))
    spread = max(float(ordinary.std()), _LEAST_SPREAD)
    level = (margins - float(np.quantile(ordinary, _HIGH_QUANTILE))) / spread
    same = np.ones_like(margins)
    columns = [margins, level, size * level, same * float(left_out.mean()), same * size, same]
    return np.stack(columns, axis=1)


def best_threshold(ordinary: Doubles, examples: int) -> Expectation:
    """The threshold with the best expected F1, from the scores of ordinary sentences.

    Where scores are probabilities that is half of the best F1 itself (Lipton et al., "Optimal
    thresholding of classifiers to maximize F1 measure", 2014), a steadier figure than the place
    of the best one.
    """
    highest_first = np.sort(ordinary)[::-1]
    right, total = np.cumsum(highest_first), float(ordinary.sum())
    f1 = 2.0 * right / np.maximum(np.arange(1, len(ordinary) + 1) + total, 1e-9)
    return expected(float(np.clip(f1.max() / 2.0, LOWEST, HIGHEST)), ordinary, examples)


def expected(threshold: float, ordinary: Doubles, examples: int) -> Expectation:
    """What to expect of a node at a threshold, from the scores of ordinary sentences.

    Scores are probabilities, so their sum counts what will be right. One more sentence right at
    the threshold keeps the figure sober where hardly any ordinary sentence comes.
    """
    reached = ordinary[ordinary >= threshold]
    right = float(reached.sum())
    if examples < FEWEST_EXAMPLES:
        return Expectation(
            threshold=round(threshold, 4),
            precision=None,
            recall=None,
            precision_range=None,
            recall_range=None,
        )
    precision = (right + threshold) / (len(reached) + 1.0)
    recall = right / max(float(ordinary.sum()), 1e-9)
    return Expectation(
        threshold=round(threshold, 4),
        precision=round(precision, 4),
        recall=round(recall, 4),
        precision_range=_around(precision, PRECISION_SPREAD),
        recall_range=_around(recall, RECALL_SPREAD),
    )


def log_odds(chances: Doubles) -> Doubles:
    """Log odds, finite for 0 and 1."""
    cut = np.clip(chances, 0.002, 0.998)
    result: Doubles = np.log(cut / (1.0 - cut))
    return result


def _around(chance: float, spread: tuple[float, float]) -> tuple[float, float]:
    odds = float(log_odds(np.array([chance]))[0])
    low, high = (1.0 / (1.0 + math.exp(-(odds + step))) for step in spread)
    return round(low, 4), round(high, 4)
