"""Automatic thresholds: the score from which a node is most likely right, and what to expect.

Each example is scored by the fit without it, and so are the other sentences of the tree; ordinary
sentences of calls, which the fit has not seen, tell how often anything else reaches a score. The
threshold is the one with the best expected F1. Some ordinary sentences are what the node looks
for, so scores up there are not counted against it beyond what is usual for an event.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

LOWEST, HIGHEST = 0.004, 0.9
"""Range of automatic thresholds. Few examples beside many other sentences give low scores."""

USUAL_SHARE = 0.03
"""Share of a side's sentences that an event usually takes: 3 in 100."""

_STEPS = 78
_SPREAD = 1.6
_PRIOR_EXAMPLES = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A threshold with the precision and recall to expect at it, all in [0, 1]."""

    threshold: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def best_threshold(examples: Doubles, ordinary: Doubles) -> Expectation:
    """The threshold for a node, from scores of its examples left out and of ordinary sentences.

    `examples` and `ordinary` hold scores in [0, 1]; there is at least one of each.
    """
    best: Expectation | None = None
    for threshold in GRID:
        found = expected(threshold, examples, ordinary)
        if best is None or found.f1 > best.f1 + 1e-9:
            best = found
    assert best is not None
    return best


def expected(threshold: float, examples: Doubles, ordinary: Doubles) -> Expectation:
    """What to expect of a node at a threshold.

    The scores of a few examples say little, so they are taken as a normal curve of log odds that
    is drawn towards a usual spread. Ordinary sentences above the threshold count as mistakes, but
    as many as the node should find there at all are taken for what it looks for.
    """
    odds = _log_odds(examples)
    mean = float(odds.mean())
    variance = float(((odds - mean) ** 2).sum() + _PRIOR_EXAMPLES * _SPREAD**2)
    spread = math.sqrt(variance / (len(odds) + _PRIOR_EXAMPLES))
    recall = 0.5 * math.erfc((_scalar_odds(threshold) - mean) / spread / math.sqrt(2.0))
    reached = float((ordinary >= threshold).sum() + 0.5) / (len(ordinary) + 1.0)
    sought = USUAL_SHARE * recall
    wrong = max(reached - sought, 0.5 / (len(ordinary) + 1.0))
    precision = sought / (sought + wrong)
    return Expectation(
        threshold=round(threshold, 4), precision=round(precision, 4), recall=round(recall, 4)
    )


def _log_odds(scores: Doubles) -> Doubles:
    cut = np.clip(scores, 0.002, 0.998)
    result: Doubles = np.log(cut / (1.0 - cut))
    return result


def _scalar_odds(score: float) -> float:
    return float(_log_odds(np.array([score]))[0])


def _even_steps() -> tuple[float, ...]:
    """Thresholds from the lowest to the highest, evenly spaced in log odds."""
    odds = np.linspace(_scalar_odds(LOWEST), _scalar_odds(HIGHEST), _STEPS)
    return tuple(round(float(value), 4) for value in 1.0 / (1.0 + np.exp(-odds)))


GRID = _even_steps()
"""The thresholds that are tried."""
