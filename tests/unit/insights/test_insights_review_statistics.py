"""Kappa, reviewer error, precision and recall: known values, invariants, and honest intervals."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.agreement import cohen_kappa, fleiss_agreement
from insights.intervals import ratio_interval, wilson_interval, wilson_of_share
from insights.reviewer_error import ReviewerError, reviewer_error
from insights.rule_accuracy import StratumCount, rule_accuracy


def counts(
    hits: tuple[int, int, int], non_hits: tuple[int, int, int], sample: str = "s"
) -> list[StratumCount]:
    """(population, judged, positive) of both strata."""
    return [
        StratumCount(
            sample=sample, stratum=stratum, population=n, drawn=judged, judged=judged,
            positive=positive,
        )
        for stratum, (n, judged, positive) in (("hit", hits), ("non_hit", non_hits))
    ]  # fmt: skip


def test_cohen_kappa_of_a_textbook_table() -> None:
    cells = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}
    assert cohen_kappa(cells) == pytest.approx(0.4)
    assert cohen_kappa({key: weight * 7.5 for key, weight in cells.items()}) == pytest.approx(0.4)
    assert cohen_kappa({}) is None
    assert cohen_kappa({("y", "y"): 9}) is None


def test_fleiss_kappa_of_the_published_example() -> None:
    # Fleiss 1971, table 1, as ten subjects and fourteen raters: kappa = 0.210.
    rows = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    items = [{str(i): n for i, n in enumerate(row) if n} for row in rows]
    found = fleiss_agreement(items)
    assert found.items == 10
    assert found.agreement == pytest.approx(0.378, abs=5e-4)
    assert found.kappa == pytest.approx(0.210, abs=5e-4)


def test_items_that_only_one_judged_say_nothing() -> None:
    assert fleiss_agreement([{"hit": 1}]).kappa is None
    assert reviewer_error([(1, 1)]) is None


def test_error_rates_come_back_from_three_judges_who_differ() -> None:
    rng = random.Random(5)
    items = []
    for _ in range(4000):
        truth = rng.random() < 0.3
        chance = 0.9 if truth else 0.04
        items.append((3, sum(rng.random() < chance for _ in range(3))))
    found = reviewer_error(items)
    assert found is not None
    assert found.false_hit == pytest.approx(0.04, abs=0.01)
    assert found.false_clear == pytest.approx(0.10, abs=0.02)


def test_two_judges_give_one_common_rate() -> None:
    # 9.5 % of pairs disagree when each errs in 5 % of cases.
    items = [(2, 1)] * 95 + [(2, 0)] * 700 + [(2, 2)] * 205
    found = reviewer_error(items)
    assert found is not None
    assert found.false_hit == found.false_clear == pytest.approx(0.05, abs=1e-6)


def test_a_whole_population_without_error_gives_its_precision_and_recall() -> None:
    accuracy = rule_accuracy(counts((50, 50, 40), (950, 950, 10)))
    assert accuracy.precision is not None
    assert accuracy.recall is not None
    assert accuracy.precision.value == pytest.approx(0.8)
    assert (accuracy.precision.low, accuracy.precision.high) == wilson_interval(40, 50)
    assert accuracy.recall.value == pytest.approx(0.8)
    assert accuracy.recall.low < 0.8 < accuracy.recall.high
    assert accuracy.corrected_recall is None


def test_verdicts_are_weighted_by_what_they_stand_for() -> None:
    both = [*counts((100, 10, 10), (0, 0, 0), "a")[:1], *counts((900, 10, 0), (0, 0, 0), "b")[:1]]
    accuracy = rule_accuracy(both)
    assert accuracy.precision is not None
    assert accuracy.precision.value == pytest.approx(0.1)
    assert accuracy.precision.judged == 20
    assert accuracy.precision.effective == pytest.approx(1000**2 / (100**2 / 10 + 900**2 / 10))
    assert accuracy.recall is None, "no non-hit was judged"


def test_a_sample_that_is_half_judged_does_not_enter_recall() -> None:
    waiting = counts((50, 0, 0), (950, 40, 4), "half")
    done = counts((50, 20, 20), (950, 40, 0), "done")
    assert rule_accuracy(waiting).recall is None
    alone, together = rule_accuracy(done), rule_accuracy([*waiting, *done])
    assert together.recall == alone.recall


def test_a_rule_without_hits_has_recall_zero_when_something_was_missed() -> None:
    only = counts((0, 0, 0), (500, 100, 5))[1:]
    accuracy = rule_accuracy(only)
    assert accuracy.precision is None
    assert accuracy.recall is not None
    assert (accuracy.recall.value, accuracy.recall.low) == (0.0, 0.0)


shares = st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
errors = st.builds(
    ReviewerError, false_hit=st.floats(0, 0.3), false_clear=st.floats(0, 0.3),
    false_hit_trials=st.floats(1, 1000), false_clear_trials=st.floats(1, 1000),
)  # fmt: skip


@settings(deadline=None)
@given(hits=shares, non_hits=shares, scale=st.integers(1, 50), error=st.one_of(st.none(), errors))
def test_every_estimate_lies_inside_its_interval_inside_the_unit_interval(
    hits: tuple[int, int], non_hits: tuple[int, int], scale: int, error: ReviewerError | None
) -> None:
    found = rule_accuracy(counts((hits[0] * scale, *hits), (non_hits[0] * scale, *non_hits)), error)
    for estimate in (
        found.precision, found.recall, found.corrected_precision, found.corrected_recall,
    ):  # fmt: skip
        if estimate is not None:
            assert 0 <= estimate.low <= estimate.value + 1e-9
            assert estimate.value <= estimate.high + 1e-9 <= 1 + 2e-9
    assert found.kappa is None or -1 - 1e-9 <= found.kappa <= 1 + 1e-9


@settings(deadline=None)
@given(n=st.integers(1, 300), data=st.data())
def test_the_weighted_form_of_wilson_is_wilson(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    assert wilson_of_share(k / n, n) == wilson_interval(k, n)


@settings(deadline=None)
@given(a=shares, b=shares)
def test_a_ratio_lies_in_its_interval_and_turns_round(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    one, other = a[1] / a[0], b[1] / b[0]
    of_one, of_other = wilson_of_share(one, a[0]), wilson_of_share(other, b[0])
    low, high = ratio_interval(one, of_one, other, of_other)
    assert 0 <= low <= high
    if other > 0:
        assert low - 1e-9 <= one / other <= high + 1e-9
    if one > 0 and other > 0:
        back = ratio_interval(other, of_other, one, of_one)
        assert back[0] == pytest.approx(1 / high, rel=1e-6, abs=1e-9)


def test_intervals_hold_the_truth_at_about_their_rate_when_reviewers_err() -> None:
    """A small campaign over and over: 20,000 findings, reviewers wrong in one case in twenty."""
    rng = random.Random(20260301)
    inside = {"precision": 0, "recall": 0, "raw_recall": 0}
    rounds = 250
    for _ in range(rounds):
        true_hits, false_hits, misses, rest = 1600, 280, 400, 17_720

        def judged(n: int, positive: int, population: int) -> int:
            drawn = rng.sample(range(population), n)
            return sum((i < positive) != (rng.random() < 0.05) for i in drawn)

        found = rule_accuracy(
            counts(
                (1880, 200, judged(200, true_hits, true_hits + false_hits)),
                (18_120, 400, judged(400, misses, misses + rest)),
            ),
            reviewer_error(
                [(3, sum((t < 100) != (rng.random() < 0.05) for _ in range(3))) for t in range(300)]
            ),
        )
        precision, recall = true_hits / 1880, true_hits / 2000
        assert found.corrected_precision is not None
        assert found.corrected_recall is not None
        assert found.recall is not None
        for name, estimate, truth in (
            ("precision", found.corrected_precision, precision),
            ("recall", found.corrected_recall, recall),
            ("raw_recall", found.recall, recall),
        ):
            inside[name] += estimate.low <= truth <= estimate.high
    assert inside["precision"] / rounds > 0.91
    assert inside["recall"] / rounds > 0.91
    assert inside["raw_recall"] / rounds < 0.2, "without correction invented misses swamp recall"
