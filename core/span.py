"""Spans of time. The one place where times are rounded: integer milliseconds, half-open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The half-open interval `[start_ms, end_ms)` of call time, in integer milliseconds.

    An empty span (`start_ms == end_ms`) is allowed. Ordered by start, then end.

    Raises:
        ValueError: when the end lies before the start.
    """

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms < self.start_ms:
            raise ValueError(f"span ends before it starts: [{self.start_ms}, {self.end_ms})")

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds, never negative."""
        return self.end_ms - self.start_ms

    def overlap_ms(self, other: "Span") -> int:
        """Milliseconds that both spans cover; 0 when they only touch."""
        return max(0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))


def merge_spans(spans: Iterable[Span], max_gap_ms: int = 0) -> tuple[Span, ...]:
    """The union of `spans`, sorted and disjoint; gaps of at most `max_gap_ms` are bridged."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start_ms - merged[-1].end_ms <= max_gap_ms:
            last = merged[-1]
            merged[-1] = Span(last.start_ms, max(last.end_ms, span.end_ms))
        else:
            merged.append(span)
    return tuple(merged)


def subtract_spans(spans: Sequence[Span], holes: Sequence[Span]) -> tuple[Span, ...]:
    """What `spans` cover and `holes` do not, sorted and disjoint; empty pieces are left out."""
    remaining: list[Span] = []
    cuts = merge_spans(holes)
    for span in merge_spans(spans):
        start = span.start_ms
        for cut in cuts:
            if cut.end_ms <= start or cut.start_ms >= span.end_ms:
                continue
            if cut.start_ms > start:
                remaining.append(Span(start, cut.start_ms))
            start = max(start, cut.end_ms)
        if start < span.end_ms:
            remaining.append(Span(start, span.end_ms))
    return tuple(remaining)


def total_ms(spans: Iterable[Span]) -> int:
    """Milliseconds covered by the union of `spans`."""
    return sum(span.duration_ms for span in merge_spans(spans))


def ms_from_seconds(seconds: float) -> int:
    """Seconds as the nearest whole millisecond (halves away from zero)."""
    return int(seconds * 1000 + (0.5 if seconds >= 0 else -0.5))
