"""Precision and recall of one rule from sampled human verdicts, with intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from insights.agreement import cohen_kappa
from insights.intervals import Z_95, ratio_interval, wilson_of_share
from insights.reviewer_error import ReviewerError

Stratum = Literal["hit", "non_hit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumCount:
    """One stratum of one sample: of `population` findings `drawn` were drawn at random.

    `judged` of those have a human verdict, `positive` of them say that the rule was truly broken.
    `population` is an estimate where samples overlap or only a part of the calls is asked about;
    `population_variance` is then what is unsure about it (`insights.sampled_findings`).
    """

    sample: str
    stratum: Stratum
    population: float
    drawn: int
    judged: int
    positive: int
    population_variance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share in [0, 1] with its 95 % interval.

    `judged` verdicts stand behind it, with the information of `effective` unweighted ones.
    """

    value: float
    low: float
    high: float
    judged: int
    effective: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAccuracy:
    """What the verdicts say of a rule.

    `precision` and `recall` take every verdict for the truth. The `corrected_...` ones take the
    reviewers' measured error out; None without a calibration. `kappa` is human against machine,
    weighted to the population. A figure is None while nothing was judged that it needs.
    """

    precision: Estimate | None
    recall: Estimate | None
    corrected_precision: Estimate | None
    corrected_recall: Estimate | None
    kappa: float | None


def rule_accuracy(
    counts: Sequence[StratumCount], error: ReviewerError | None = None
) -> RuleAccuracy:
    """The accuracy of one rule version from the strata of all samples of it.

    Within a stratum each finding was drawn with the same chance, and which of the drawn ones have
    been judged is taken as random, so a verdict stands for population / judged findings. Samples
    are added up: share = sum(population * positive / judged) / sum(population), measured with
    the information of Kish's (sum of weights)² / (sum of squared weights) verdicts, and given
    Wilson's interval at that number. Recall = true hits / (true hits + misses) with true hits =
    hits * precision and misses = non-hits * share of non-hits judged to be broken; the ratio of
    the two gets its interval from theirs (`insights.intervals.ratio_interval`). Samples enter
    recall only when both strata have been judged.

    A reviewer who errs makes both figures wrong, recall most of all: one invented miss in twenty
    non-hits outweighs every true one when misses are rare. With known error rates each share q is
    replaced by (q - f) / (1 - f - s), f and s the chances of a false hit and a false clear (Rogan
    and Gladen 1978, Am. J. Epidemiol. 107, pp. 71-76), and the uncertainty of f and s widens the
    interval. Where populations are estimates, their relative variances widen the interval of the
    ratio on the scale of its logarithm.
    """
    hits = _of(counts, "hit")
    both = _judged_in_both(counts)
    use = error if error is not None and error.usable else None
    return RuleAccuracy(
        precision=_share(hits, None),
        recall=_recall(both, None),
        corrected_precision=_share(hits, use) if use else None,
        corrected_recall=_recall(both, use) if use else None,
        kappa=_kappa(both),
    )


def _of(counts: Sequence[StratumCount], stratum: Stratum) -> list[StratumCount]:
    return [count for count in counts if count.stratum == stratum]


def _judged_in_both(counts: Sequence[StratumCount]) -> list[StratumCount]:
    """The strata of samples of which every stratum that has findings has been judged."""
    waiting = {count.sample for count in counts if count.judged == 0}
    complete = [count for count in counts if count.sample not in waiting]
    # Without any judged non-hit nothing is known of what was missed.
    return complete if _of(complete, "non_hit") else []


def _share(counts: Sequence[StratumCount], error: ReviewerError | None) -> Estimate | None:
    judged = [count for count in counts if count.judged]
    if not judged:
        return None
    population = sum(count.population for count in judged)
    value = sum(count.population * count.positive / count.judged for count in judged) / population
    effective = population**2 / sum(count.population**2 / count.judged for count in judged)
    value = min(1.0, max(0.0, value))
    low, high = wilson_of_share(value, effective)
    n = sum(count.judged for count in judged)
    plain = Estimate(value=value, low=low, high=high, judged=n, effective=effective)
    return plain if error is None else _corrected(plain, error)


def _corrected(share: Estimate, error: ReviewerError) -> Estimate:
    f, s = error.false_hit, error.false_clear
    gain = 1 - f - s
    value = (share.value - f) / gain
    low, high = (share.low - f) / gain, (share.high - f) / gain
    inside = min(1.0, max(0.0, value))
    spread = (
        Z_95
        / gain
        * math.sqrt(
            (1 - inside) ** 2 * _variance(f, error.false_hit_trials)
            + inside**2 * _variance(s, error.false_clear_trials)
        )
    )
    # Two independent sources of doubt on each side add up as squares.
    low = value - math.hypot(value - low, spread)
    high = value + math.hypot(high - value, spread)
    return Estimate(
        value=inside,
        low=_clipped(low),
        high=_clipped(high),
        judged=share.judged,
        effective=share.effective,
    )


def _variance(rate: float, trials: float) -> float:
    # Wilson's centre rather than the rate itself: no error seen is not proof of none.
    centre = (rate * trials + Z_95**2 / 2) / (trials + Z_95**2)
    return centre * (1 - centre) / (trials + Z_95**2)


def _clipped(value: float) -> float:
    return min(1.0, max(0.0, value))


def _recall(counts: Sequence[StratumCount], error: ReviewerError | None) -> Estimate | None:
    found = _share(_of(counts, "hit"), error)
    missed = _share(_of(counts, "non_hit"), error)
    if missed is None:
        return None
    hits = sum(count.population for count in _of(counts, "hit"))
    non_hits = sum(count.population for count in _of(counts, "non_hit"))
    found = found or Estimate(value=0.0, low=0.0, high=0.0, judged=0, effective=0.0)
    true_hits, misses = hits * found.value, non_hits * missed.value
    if true_hits + misses <= 0:
        return None
    low, high = ratio_interval(
        misses,
        (non_hits * missed.low, non_hits * missed.high),
        true_hits,
        (hits * found.low, hits * found.high),
    )
    doubt = _relative_variance(counts, "hit") + _relative_variance(counts, "non_hit")
    if spread := Z_95 * math.sqrt(doubt):
        low, high = _widened(misses / true_hits if true_hits else math.inf, low, high, spread)
    return Estimate(
        value=true_hits / (true_hits + misses),
        low=0.0 if math.isinf(high) else 1 / (1 + high),
        high=1 / (1 + low),
        judged=found.judged + missed.judged,
        effective=found.effective + missed.effective,
    )


def _relative_variance(counts: Sequence[StratumCount], stratum: Stratum) -> float:
    chosen = _of(counts, stratum)
    total = sum(count.population for count in chosen)
    return sum(count.population_variance for count in chosen) / total**2 if total else 0.0


def _widened(ratio: float, low: float, high: float, spread: float) -> tuple[float, float]:
    """The bounds of a ratio moved out by a second, independent doubt `spread` in its logarithm."""
    if not 0 < ratio < math.inf:
        return low * math.exp(-spread), high * math.exp(spread)
    below = ratio * math.exp(-math.hypot(math.log(ratio / low), spread)) if low > 0 else 0.0
    if math.isinf(high):
        return below, high
    return below, ratio * math.exp(math.hypot(math.log(high / ratio), spread))


def _kappa(counts: Sequence[StratumCount]) -> float | None:
    cells: dict[tuple[str, str], float] = {}
    for count in counts:
        machine = "hit" if count.stratum == "hit" else "clear"
        weight = count.population / count.judged
        positive, negative = count.positive, count.judged - count.positive
        for human, number in (("hit", positive), ("clear", negative)):
            cells[machine, human] = cells.get((machine, human), 0.0) + weight * number
    return cohen_kappa(cells)
