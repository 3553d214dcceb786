"""Spans of speech from frame probabilities: pure decisions, no model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.span import Span


@dataclass(frozen=True, slots=True)
class VadOptions:
    """How probabilities become spans.

    A frame counts as speech at `threshold`; one that stands clearly above the channel's noise
    counts already at `weak_threshold`, because the model doubts narrow-band voices. Speech
    lasts until the probability has stayed under `end_threshold` for `min_silence_ms`. Spans
    shorter than `min_speech_ms` are noise. `pad_ms` of audio on each side go to the recogniser,
    so that soft onsets are heard. A span never exceeds `max_speech_ms` with its padding: it is
    cut at its quietest place.
    """

    threshold: float = 0.5
    weak_threshold: float = 0.12
    end_threshold: float = 0.35
    min_speech_ms: int = 96
    min_silence_ms: int = 320
    pad_ms: int = 240
    max_speech_ms: int = 29_000


# A frame stands above the noise by at least this, and by half of what the loudest speech does.
_LEAST_MARGIN_DB = 10.0
# Where speech and noise are this far apart, the lowest part of the range is noise.
_TELLING_RANGE_DB = 12.0
_QUIET_SHARE = 0.12
# Leaked speech is at least this much softer than the same moment of the channel it comes from,
# and this much softer than the own speaker's voice.
_LEAK_DB = 18.0
_LEAK_UNDER_VOICE_DB = 10.0
_SILENT_DB = 10.0  # re one step of int16: digital silence and dither
_FEW_FRAMES = 10


def frame_levels(pcm: NDArray[np.int16], frame_samples: int) -> NDArray[np.float32]:
    """Level of each frame in dB re one step of int16 (0 = digital silence, 90 = full scale).

    The last frame is padded with zeros, so there are as many levels as VAD probabilities.
    """
    levels = np.empty(-(-len(pcm) // frame_samples), np.float32)
    block = 1 << 14  # frames at a time: float copies stay small
    for first in range(0, len(levels), block):
        samples = pcm[first * frame_samples : (first + block) * frame_samples].astype(np.float32)
        samples = np.pad(samples, (0, -len(samples) % frame_samples))
        energy = np.square(samples.reshape(-1, frame_samples)).mean(axis=1)
        levels[first : first + block] = 10 * np.log10(energy + 1)
    return levels


def weigh(
    probabilities: NDArray[np.float32],
    levels: NDArray[np.float32],
    other_levels: NDArray[np.float32] | None,
    options: VadOptions,
) -> NDArray[np.float32]:
    """Speech probabilities corrected by loudness, same shape.

    Loud frames that the model half believes are raised to the threshold. Frames at the level of
    the line's noise are set to 0, and so are those in which the other channel's voice leaks
    into this one: the model follows the rhythm of a voice into what nobody here said.

    Args:
        probabilities: Of the VAD model, per frame.
        levels: Of the same frames, as of `frame_levels`.
        other_levels: Of the other channel's frames; None for a mono recording.
        options: The thresholds.
    """
    result = probabilities.copy()
    audible = levels[levels > _SILENT_DB]
    if len(audible) < _FEW_FRAMES:
        return result
    noise, loud = np.percentile(audible, [10, 95])
    if loud - noise >= _TELLING_RANGE_DB:
        result[levels < noise + _QUIET_SHARE * (loud - noise)] = 0
    is_clear = levels >= noise + max(_LEAST_MARGIN_DB, (loud - noise) / 2)
    raised = is_clear & (probabilities >= options.weak_threshold)
    result[raised] = np.maximum(result[raised], options.threshold)
    if other_levels is not None:
        result[_is_leak(result, levels, other_levels, options)] = 0
    return result


def _is_leak(
    probabilities: NDArray[np.float32],
    levels: NDArray[np.float32],
    other: NDArray[np.float32],
    options: VadOptions,
) -> NDArray[np.bool_]:
    softer = other - levels
    own = levels[(probabilities >= options.threshold) & (softer < _LEAK_DB / 2)]
    is_leak: NDArray[np.bool_] = softer >= _LEAK_DB
    if len(own) >= _FEW_FRAMES:
        is_leak &= levels <= np.median(own) - _LEAK_UNDER_VOICE_DB
    return is_leak


def speech_spans(
    probabilities: NDArray[np.float32], frame_ms: int, duration_ms: int, options: VadOptions
) -> tuple[Span, ...]:
    """Where speech is, unpadded: sorted, disjoint spans inside `[0, duration_ms)`.

    Args:
        probabilities: Speech probability per frame, shape (frames,).
        frame_ms: Length of a frame.
        duration_ms: Length of the recording; the last frame may reach beyond it.
        options: Thresholds and least lengths.
    """
    spans: list[Span] = []
    for first, last in _frame_runs(probabilities, options, frame_ms):
        start, end = first * frame_ms, min(last * frame_ms, duration_ms)
        if end - start >= options.min_speech_ms:
            longest = options.max_speech_ms - 2 * options.pad_ms
            spans.extend(_cut(probabilities, frame_ms, Span(start, end), longest))
    return tuple(spans)


def pad_spans(spans: Sequence[Span], pad_ms: int, duration_ms: int) -> tuple[Span, ...]:
    """Each span widened by `pad_ms` on both sides, still sorted and disjoint.

    Neighbours that come closer than two paddings share the gap at its middle; padding stops at
    the ends of the recording. There is one result per span, in order.
    """
    padded: list[Span] = []
    for index, span in enumerate(spans):
        before = spans[index - 1].end_ms if index else None
        after = spans[index + 1].start_ms if index + 1 < len(spans) else None
        start = max(0, span.start_ms - pad_ms)
        end = min(duration_ms, span.end_ms + pad_ms)
        if before is not None:
            start = max(start, (before + span.start_ms + 1) // 2)
        if after is not None:
            end = min(end, (span.end_ms + after + 1) // 2)
        padded.append(Span(start, end))
    return tuple(padded)


def _frame_runs(
    probabilities: NDArray[np.float32], options: VadOptions, frame_ms: int
) -> list[tuple[int, int]]:
    """Runs of speech frames `[first, last)`, by hysteresis between the two thresholds."""
    patience = -(-options.min_silence_ms // frame_ms)
    runs: list[tuple[int, int]] = []
    first: int | None = None
    quiet_from: int | None = None
    for index, probability in enumerate(probabilities.tolist()):
        if probability >= options.threshold:
            quiet_from = None
            if first is None:
                first = index
        elif first is not None and probability < options.end_threshold:
            if quiet_from is None:
                quiet_from = index
            if index - quiet_from + 1 >= patience:
                runs.append((first, quiet_from))
                first = quiet_from = None
    if first is not None:
        runs.append((first, len(probabilities) if quiet_from is None else quiet_from))
    return runs


def _cut(
    probabilities: NDArray[np.float32], frame_ms: int, span: Span, longest_ms: int
) -> list[Span]:
    """`span` in pieces of at most `longest_ms`, cut where speech is least likely."""
    pieces: list[Span] = []
    start = span.start_ms
    while span.end_ms - start > longest_ms:
        # Not in the first half of what fits: pieces stay long, so few windows are needed.
        first = (start + longest_ms // 2) // frame_ms
        last = max(first + 1, (start + longest_ms) // frame_ms)
        quietest = first + int(np.argmin(probabilities[first:last]))
        middle = quietest * frame_ms + frame_ms // 2
        cut = min(max(middle, start + frame_ms), start + longest_ms, span.end_ms)
        pieces.append(Span(start, cut))
        start = cut
    if start < span.end_ms:
        pieces.append(Span(start, span.end_ms))
    return pieces
