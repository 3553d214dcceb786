"""Where the speaker changes: stretches between pauses, and the likeliest sequence of voices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLES_PER_MS
from asr.diarization.embeddings import Samples, float_samples
from core.span import Span, subtract_spans

FRAME_MS = 50
_ENERGY_MS = 10
# A pause is where the level falls below this share (in dB) of the way from floor to speech.
_QUIET_SHARE = 0.3
_FLOOR_PERCENTILE, _SPEECH_PERCENTILE = 2, 80
_SMALLEST_RANGE_DB = 12.0  # flatter than this has no pauses that can be told from speech


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """How much a change of voice must be worth.

    Costs are in units of "one second of frames whose windows differ by 0.1 in cosine": a change
    inside fluent speech costs `fluent_cost`, one at a pause `pause_cost`. `least_pause_ms` is the
    shortest dip of level that counts as a pause.
    """

    fluent_cost: float = 6.0
    pause_cost: float = 1.0
    least_pause_ms: int = 120


@dataclass(frozen=True, slots=True)
class VoiceSpan:
    """A stretch of speech by voice 0 or 1."""

    span: Span
    voice: int


def stretches(samples: Samples, speech: Sequence[Span], options: ChangeOptions) -> tuple[Span, ...]:
    """`speech` without its pauses: sorted, disjoint spans, each of one breath of somebody.

    Speakers mostly change where nobody speaks for a moment, much shorter than what a VAD takes
    for the end of speech.
    """
    if not speech:
        return ()
    level = _level_db(samples)
    pauses: list[Span] = []
    for span in speech:
        pauses.extend(_pauses(level, span, options.least_pause_ms))
    found = subtract_spans(speech, pauses)
    return found or tuple(speech)


def voice_spans(
    places: Sequence[Span],
    windows: Sequence[Span],
    preference: NDArray[np.float32],
    options: ChangeOptions,
) -> tuple[VoiceSpan, ...]:
    """Who speaks in each stretch, as the likeliest sequence (Viterbi) over short frames.

    Args:
        places: Stretches of speech, sorted and disjoint.
        windows: What was embedded, sorted by start.
        preference: Per window, its cosine with voice 1 less that with voice 0.
        options: Costs of a change.

    Returns:
        Sorted, disjoint spans; neighbours of one voice inside a stretch are joined, stretches
        are not.
    """
    frames = [
        (index, Span(start, min(start + FRAME_MS, place.end_ms)))
        for index, place in enumerate(places)
        for start in range(place.start_ms, place.end_ms, FRAME_MS)
    ]
    if not frames:
        return ()
    gains = _frame_preference([span for _, span in frames], windows, preference)
    costs = [0.0] + [
        options.fluent_cost if frames[i][0] == frames[i - 1][0] else options.pause_cost
        for i in range(1, len(frames))
    ]
    voices = _likeliest(gains, costs)
    found: list[VoiceSpan] = []
    previous = -1
    for (place, span), voice in zip(frames, voices, strict=True):
        if found and place == previous and found[-1].voice == voice:
            found[-1] = VoiceSpan(Span(found[-1].span.start_ms, span.end_ms), voice)
        else:
            found.append(VoiceSpan(span, voice))
        previous = place
    return tuple(found)


def joined_runs(spans: Sequence[VoiceSpan], max_gap_ms: int) -> tuple[VoiceSpan, ...]:
    """Neighbours of one voice joined over pauses of at most `max_gap_ms`."""
    runs: list[VoiceSpan] = []
    for item in spans:
        last = runs[-1] if runs else None
        if (
            last
            and last.voice == item.voice
            and item.span.start_ms - last.span.end_ms <= max_gap_ms
        ):
            runs[-1] = VoiceSpan(Span(last.span.start_ms, item.span.end_ms), last.voice)
        else:
            runs.append(item)
    return tuple(runs)


def _frame_preference(
    frames: Sequence[Span], windows: Sequence[Span], preference: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The preference of each frame: the mean of the windows over it, the nearest counting most."""
    centres = np.asarray([(w.start_ms + w.end_ms) / 2 for w in windows])
    halves = np.asarray([max(1.0, w.duration_ms / 2) for w in windows])
    starts = np.asarray([w.start_ms for w in windows])
    longest = max(w.duration_ms for w in windows)
    result = np.zeros(len(frames))
    for index, frame in enumerate(frames):
        middle = (frame.start_ms + frame.end_ms) / 2
        first = int(np.searchsorted(starts, middle - longest, side="left"))
        last = int(np.searchsorted(starts, middle, side="right"))
        near = 1.0 - np.abs(centres[first:last] - middle) / halves[first:last]
        weight = np.clip(near, 0.0, None) ** 2
        if weight.sum() <= 0:
            continue
        mean = float((weight * preference[first:last]).sum() / weight.sum())
        result[index] = mean * frame.duration_ms / 1000 * 10
    return result


def _likeliest(gains: NDArray[np.float64], costs: Sequence[float]) -> list[int]:
    """Voice per frame: the path that gains most, each change costing what its place says."""
    score = np.asarray([-gains[0] / 2, gains[0] / 2])
    came: list[tuple[int, int]] = [(0, 1)]
    for gain, cost in zip(gains[1:].tolist(), costs[1:], strict=True):
        stay0, stay1 = float(score[0]), float(score[1])
        from0 = 0 if stay0 >= stay1 - cost else 1
        from1 = 1 if stay1 >= stay0 - cost else 0
        score = np.asarray(
            [
                (stay0 if from0 == 0 else stay1 - cost) - gain / 2,
                (stay1 if from1 == 1 else stay0 - cost) + gain / 2,
            ]
        )
        came.append((from0, from1))
    voice = int(score[1] > score[0])
    path = [voice]
    for step in reversed(came[1:]):
        voice = step[voice]
        path.append(voice)
    return path[::-1]


def _level_db(samples: Samples) -> NDArray[np.float32]:
    """Level per 10 ms over 30 ms, in dB; the last part of a step is left out."""
    step = _ENERGY_MS * SAMPLES_PER_MS
    count = len(samples) // step
    power = np.empty(count, np.float64)
    block = 60_000  # ten minutes at a time: hours of audio are not copied whole
    for first in range(0, count, block):
        piece = Span(first * _ENERGY_MS, min(first + block, count) * _ENERGY_MS)
        part = float_samples(samples, piece).reshape(-1, step)
        power[first : first + len(part)] = np.einsum("ij,ij->i", part, part) / step
    if count:
        padded = np.concatenate([power[:1], power, power[-1:]])
        power = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


def _pauses(level: NDArray[np.float32], span: Span, least_ms: int) -> list[Span]:
    """Dips of level inside a span of speech, by what is quiet and what is loud around it."""
    first, last = span.start_ms // _ENERGY_MS, min(len(level), span.end_ms // _ENERGY_MS)
    around = level[max(0, first - 1000) : last + 1000]
    if last - first < 2:
        return []
    floor, speech = np.percentile(around, [_FLOOR_PERCENTILE, _SPEECH_PERCENTILE])
    if speech - floor < _SMALLEST_RANGE_DB:
        return []
    quiet = level[first:last] < floor + _QUIET_SHARE * (speech - floor)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    return [
        Span((first + int(a)) * _ENERGY_MS, (first + int(b)) * _ENERGY_MS)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if (b - a) * _ENERGY_MS >= least_ms
    ]
