"""Span logic of the VAD: hysteresis, padding, cutting, loudness and leaked voices."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asr.vad import VadOptions, frame_levels, pad_spans, speech_spans, weigh
from core.span import Span

FRAME_MS = 32
OPTIONS = VadOptions(max_speech_ms=15_000)


def spans_of(pattern: str, options: VadOptions = OPTIONS) -> tuple[Span, ...]:
    """`#` = speech, `-` = doubt between the thresholds, `.` = silence; one frame each."""
    values = {"#": 0.9, "-": 0.4, ".": 0.0}
    frames = np.array([values[c] for c in pattern], np.float32)
    return speech_spans(frames, FRAME_MS, len(frames) * FRAME_MS, options)


def test_silence_has_no_spans() -> None:
    assert spans_of("." * 50) == ()
    assert spans_of("") == ()


def test_short_pauses_are_bridged_and_long_ones_cut() -> None:
    assert spans_of("..####.....####..........") == (Span(2 * 32, 15 * 32),)
    assert spans_of("..####..........####.....") == (Span(64, 192), Span(16 * 32, 20 * 32))


def test_doubt_continues_speech_but_does_not_start_it() -> None:
    assert spans_of("--------------------") == ()
    assert spans_of("###------------------") == (Span(0, 21 * 32),)


def test_a_click_is_no_speech() -> None:
    assert spans_of("....#...............") == ()


def test_speech_to_the_end_ends_with_the_recording() -> None:
    frames = np.full(10, 0.9, np.float32)
    assert speech_spans(frames, FRAME_MS, 310, OPTIONS) == (Span(0, 310),)


@given(arrays(np.float32, st.integers(0, 900), elements=st.floats(0, 1, width=32)))
def test_spans_are_sorted_disjoint_inside_and_short_enough(frames: np.ndarray) -> None:
    options = VadOptions(max_speech_ms=3000)
    duration = max(0, len(frames) * FRAME_MS - 7)
    spans = speech_spans(frames, FRAME_MS, duration, options)
    padded = pad_spans(spans, options.pad_ms, duration)
    assert len(padded) == len(spans)
    for sequence in (spans, padded):
        assert all(a.end_ms <= b.start_ms for a, b in pairwise(sequence))
        assert all(0 <= s.start_ms < s.end_ms <= duration for s in sequence)
    for span, wide in zip(spans, padded, strict=True):
        assert wide.start_ms <= span.start_ms
        assert span.end_ms <= wide.end_ms
        assert wide.duration_ms <= options.max_speech_ms


def test_padding_reaches_200_ms_where_there_is_room() -> None:
    (padded,) = pad_spans([Span(1000, 2000)], OPTIONS.pad_ms, 5000)
    assert padded.start_ms <= 800
    assert padded.end_ms >= 2200


def test_levels_have_one_value_per_frame() -> None:
    pcm = np.zeros(512 * 3 + 1, np.int16)
    pcm[512:1024] = 1000
    levels = frame_levels(pcm, 512)
    assert levels.shape == (4,)
    assert levels[0] == 0
    assert abs(float(levels[1]) - 60) < 0.1


def test_a_doubted_but_loud_voice_is_heard() -> None:
    doubt = np.array([0.02] * 50 + [0.3] * 50 + [0.02] * 50, np.float32)
    levels = np.array([30.0] * 50 + [66.0] * 50 + [30.0] * 50, np.float32)
    assert speech_spans(doubt, FRAME_MS, 4800, OPTIONS) == ()
    weighed = weigh(doubt, levels, None, OPTIONS)
    assert speech_spans(weighed, FRAME_MS, 4800, OPTIONS) == (Span(1600, 3200),)


def test_a_loud_tone_that_the_model_rejects_is_not_heard() -> None:
    rejected = np.full(150, 0.02, np.float32)
    levels = np.array([30.0] * 50 + [80.0] * 50 + [30.0] * 50, np.float32)
    assert speech_spans(weigh(rejected, levels, None, OPTIONS), FRAME_MS, 4800, OPTIONS) == ()


def test_a_leaked_voice_is_not_heard_but_a_soft_answer_is() -> None:
    frames = np.array([0.9] * 100 + [0.9] * 50 + [0.0] * 50, np.float32)
    own = np.array([38.0] * 100 + [60.0] * 50 + [30.0] * 50, np.float32)
    other = np.array([70.0] * 100 + [35.0] * 50 + [35.0] * 50, np.float32)
    assert speech_spans(weigh(frames, own, other, OPTIONS), FRAME_MS, 6400, OPTIONS) == (
        Span(3200, 4800),
    )


def test_a_channel_with_nothing_but_leakage_is_silent() -> None:
    frames = np.full(100, 0.9, np.float32)
    own = np.full(100, 40.0, np.float32)
    assert not weigh(frames, own, np.full(100, 70.0, np.float32), OPTIONS).any()


def test_line_noise_is_no_speech_whatever_the_model_says() -> None:
    frames = np.array([0.9] * 40 + [0.7] * 60, np.float32)
    levels = np.array([66.0] * 40 + [33.0] * 60, np.float32)
    assert speech_spans(weigh(frames, levels, None, OPTIONS), FRAME_MS, 3200, OPTIONS) == (
        Span(0, 1280),
    )
