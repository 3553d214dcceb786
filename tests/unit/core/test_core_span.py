"""Spans: union, difference and rounding hold for random input."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.span import Span, merge_spans, ms_from_seconds, subtract_spans, total_ms

spans = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 40)).map(lambda p: Span(p[0], p[0] + p[1])),
    max_size=12,
)


def covered(items: list[Span] | tuple[Span, ...]) -> set[int]:
    return {ms for span in items for ms in range(span.start_ms, span.end_ms)}


def test_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        Span(5, 4)


@given(spans)
def test_merge_covers_the_same_milliseconds_and_is_sorted_and_disjoint(items: list[Span]) -> None:
    merged = merge_spans(items)
    assert covered(merged) == covered(items)
    assert total_ms(items) == len(covered(items))
    assert all(a.end_ms < b.start_ms for a, b in itertools.pairwise(merged))


@given(spans, st.integers(0, 30))
def test_merge_bridges_exactly_the_small_gaps(items: list[Span], gap: int) -> None:
    merged = merge_spans(items, gap)
    assert covered(items) <= covered(merged)
    assert all(b.start_ms - a.end_ms > gap for a, b in itertools.pairwise(merged))


@given(spans, spans)
def test_subtract_is_set_difference(items: list[Span], holes: list[Span]) -> None:
    rest = subtract_spans(items, holes)
    assert covered(rest) == covered(items) - covered(holes)
    assert all(span.duration_ms > 0 for span in rest)


@given(spans, spans)
def test_overlap_counts_shared_milliseconds(a: list[Span], b: list[Span]) -> None:
    for left in a:
        for right in b:
            assert left.overlap_ms(right) == len(covered([left]) & covered([right]))


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0, 0), (0.0004, 0), (0.0005, 1), (1.2345, 1235), (-0.0005, -1)]
)
def test_seconds_round_half_away_from_zero(seconds: float, expected: int) -> None:
    assert ms_from_seconds(seconds) == expected
