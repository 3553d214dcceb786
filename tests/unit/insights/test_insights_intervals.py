import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.intervals import Z_95, wilson_interval


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        # Published worked values of the score interval.
        (0, 10, 0.0, 0.277533),
        (10, 10, 0.722467, 1.0),
        (5, 10, 0.236593, 0.763407),
        (15, 148, 0.062429, 0.160583),
    ],
)
def test_known_values(successes: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(successes, total) == pytest.approx((low, high), abs=2e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_solves_the_score_equation(successes: int, failures: int) -> None:
    total = successes + failures
    interval = wilson_interval(successes, total)
    if total == 0:
        assert interval is None
        return
    assert interval is not None
    share = successes / total
    assert 0 <= interval[0] <= share <= interval[1] <= 1
    for bound in interval:
        if 0 < bound < 1:
            # |p̂ - p| = z sqrt(p (1 - p) / n) defines both bounds.
            assert abs(share - bound) == pytest.approx(
                Z_95 * (bound * (1 - bound) / total) ** 0.5, rel=1e-6
            )


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson_interval(3, 2)
