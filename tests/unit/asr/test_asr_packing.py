"""Packing: every segment once, one channel per window, full windows, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.decode import DecodedAudio
from asr.packing import Segment, pack, render
from asr.transcript import AudioFacts
from core.span import Span

WINDOW_MS, GAP_MS = 15_000, 300


def segment(channel: int, start: int, end: int) -> Segment:
    return Segment(channel, Span(start, end), Span(start, end))


@st.composite
def calls(draw: st.DrawFn) -> list[Segment]:
    segments = []
    for channel in range(draw(st.integers(1, 2))):
        position = 0
        for pause, length in draw(
            st.lists(st.tuples(st.integers(0, 5000), st.integers(1, WINDOW_MS)), max_size=30)
        ):
            start = position + pause
            segments.append(segment(channel, start, start + length))
            position = start + length
    return segments


@given(calls())
def test_every_segment_is_in_exactly_one_window_of_its_channel(segments: list[Segment]) -> None:
    windows = pack(segments, WINDOW_MS, GAP_MS)
    placed = [p.segment for w in windows for p in w.placements]
    assert sorted(placed) == list(range(len(segments)))
    for window in windows:
        assert window.length_ms <= WINDOW_MS
        assert window.placements[0].offset_ms == 0
        for place in window.placements:
            assert segments[place.segment].channel == window.channel
            assert place.heard == segments[place.segment].heard
        for left, right in zip(window.placements, window.placements[1:], strict=False):
            assert right.offset_ms == left.end_ms + GAP_MS
            assert left.heard.end_ms <= right.heard.start_ms


@given(calls())
def test_no_two_neighbouring_windows_would_fit_into_one(segments: list[Segment]) -> None:
    windows = pack(segments, WINDOW_MS, GAP_MS)
    for channel in (0, 1):
        own = [w for w in windows if w.channel == channel]
        lengths = [s.heard.duration_ms for s in segments if s.channel == channel]
        assert len(own) == greedy_count(lengths)


@given(calls(), st.data())
def test_window_times_come_back_to_the_call(segments: list[Segment], data: st.DataObject) -> None:
    for window in pack(segments, WINDOW_MS, GAP_MS):
        at = data.draw(st.integers(0, window.length_ms))
        index = window.placement_at(at)
        place = window.placements[index]
        call_ms = window.to_call_ms(index, at)
        assert place.heard.start_ms <= call_ms <= place.heard.end_ms
        if place.offset_ms <= at <= place.end_ms:
            assert call_ms - place.heard.start_ms == at - place.offset_ms
        nearest = min(abs(at - edge) for p in window.placements for edge in (p.offset_ms, p.end_ms))
        inside = place.offset_ms <= at <= place.end_ms
        assert inside or nearest == min(abs(at - place.offset_ms), abs(at - place.end_ms))


def test_windows_of_a_channel_are_about_equally_full() -> None:
    segments = [segment(0, i * 2000, i * 2000 + 1700) for i in range(9)]
    lengths = [w.length_ms for w in pack(segments, WINDOW_MS, GAP_MS)]
    assert len(lengths) == 2
    assert max(lengths) - min(lengths) <= 2000


def test_nothing_to_pack() -> None:
    assert pack([], WINDOW_MS, GAP_MS) == ()


def test_a_segment_longer_than_a_window_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        pack([segment(0, 0, WINDOW_MS + 1)], WINDOW_MS, GAP_MS)


def test_a_window_holds_the_samples_of_its_channel_and_silence_between() -> None:
    pcm = tuple(np.arange(16_000 * 3, dtype=np.int16) % 100 + 1 + 1000 * c for c in range(2))
    audio = DecodedAudio(pcm, AudioFacts(3000, 16_000, 2, "pcm_s16le", "wav"))
    (window,) = pack([segment(1, 100, 300), segment(1, 1000, 1500)], WINDOW_MS, GAP_MS)
    samples = render(audio, window)
    assert samples.dtype == np.float32
    assert len(samples) == (200 + 300 + 500) * 16
    assert not samples[200 * 16 : 500 * 16].any()
    assert np.array_equal(samples[: 200 * 16], audio.piece(1, 100, 300))
    assert np.array_equal(samples[500 * 16 :], audio.piece(1, 1000, 1500))


def greedy_count(lengths: list[int]) -> int:
    count, used = 0, None
    for length in lengths:
        if used is None or used + GAP_MS + length > WINDOW_MS:
            count, used = count + 1, length
        else:
            used += GAP_MS + length
    return count
