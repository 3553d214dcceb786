"""Music on a line: where notes are held, and what the VAD mistook for a voice in it.

The measure is the share of frames in which a spectral peak stays in its place, as in continuous
frequency activation (Seyerlehner, Pohle, Schedl and Widmer, "Automatic music detection in
television productions", 2007). A voice glides: even a level tone has no partial that stays for
half a second. Notes stay, also those of strings with vibrato and under drums.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ
from core.span import Span

FRAME = 512  # 32 ms: the frames of the VAD
FRAME_MS = FRAME * 1000 // SAMPLE_RATE_HZ
_WINDOW = 1024
_BIN_HZ = SAMPLE_RATE_HZ / _WINDOW
_BAND_HZ = (250.0, 3_430.0)
_AROUND = 8  # frames on each side over which a peak must stay: half a second in all
_NEIGHBOURHOOD_BINS = 21
_PEAK_DB = 3.0  # above the mean of its neighbourhood
_STRONGEST = 3
# Of noise and voices, over codecs and at 10 dB, 99 % of frames are under 0.51; of polyphonic
# music 95 % are over 0.58.
_HELD_SHARE = 0.55
_BLOCK = 2_000
_AUDIBLE_DB = 40.0  # re one step of int16, -50 dBFS: what is softer disturbs nobody

# The VAD model's probabilities for voices of a narrow band are low as well, so a span is music
# only when everything says so: held notes, a doubtful model, and no voice louder than the music.
_MUSIC_SHARE = 0.6
_BESIDE_SHARE = 0.8
_DOUBTFUL_MEAN, _DOUBTFUL_PEAK = 0.6, 0.9
_VOICE_OVER_MUSIC_DB = 3.0
_CLOSE_MS = 5_000


def held_notes(pcm: NDArray[np.int16], levels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Per frame of 32 ms whether notes are held there, shape (len(levels),).

    Args:
        pcm: One channel at 16 kHz.
        levels: Its frames' levels, as of `vad.frame_levels`.
    """
    held = np.zeros(len(levels), bool)
    frames = max(0, (len(pcm) - _WINDOW) // FRAME + 1)
    for first in range(0, frames, _BLOCK):
        last = min(first + _BLOCK, frames)
        begin, end = max(0, first - _AROUND), min(frames, last + _AROUND)
        audible = levels[begin:end] >= _AUDIBLE_DB
        if not audible[first - begin : last - begin].any():
            continue
        stays = _staying(_peaks(pcm, begin, audible))
        held[first:last] = (stays >= _HELD_SHARE)[first - begin : last - begin]
    return held & (levels >= _AUDIBLE_DB)


def without_music(
    spans: Sequence[Span],
    held: NDArray[np.bool_],
    music: Sequence[Span],
    probabilities: NDArray[np.float32],
    levels: NDArray[np.float32],
) -> tuple[Span, ...]:
    """The spans of speech that are no part of the music around them, in order.

    Args:
        spans: Speech of one channel.
        held: As of `held_notes`.
        music: Where the channel carries music, as of `tones.line_sounds`.
        probabilities: The VAD model's own, per frame.
        levels: Of the same frames.
    """
    if not music:
        return tuple(spans)
    return tuple(s for s in spans if not _is_music(s, held, music, probabilities, levels))


def _is_music(
    span: Span,
    held: NDArray[np.bool_],
    music: Sequence[Span],
    probabilities: NDArray[np.float32],
    levels: NDArray[np.float32],
) -> bool:
    frames = _frames(span)
    doubt = probabilities[frames]
    if not doubt.size or doubt.mean() >= _DOUBTFUL_MEAN or doubt.max() >= _DOUBTFUL_PEAK:
        return False
    around = Span(max(0, span.start_ms - _CLOSE_MS), span.end_ms + _CLOSE_MS)
    near = [levels[_frames(run)] for run in music if run.overlap_ms(around)]
    if not near or not _is_among_notes(frames, held):
        return False
    level_of_music = float(np.median(np.concatenate(near)))
    return float(np.median(levels[frames])) < level_of_music + _VOICE_OVER_MUSIC_DB


def _is_among_notes(frames: slice, held: NDArray[np.bool_]) -> bool:
    """Whether notes are held for most of the frames; of few frames, right before or after them.

    Where music sets in or ends, half of what a frame is judged by is not music.
    """
    if held[frames].mean() >= _MUSIC_SHARE:
        return True
    if frames.stop - frames.start > _AROUND:
        return False
    before = held[max(0, frames.start - _AROUND) : frames.start]
    after = held[frames.stop + _AROUND // 2 : frames.stop + _AROUND * 3 // 2]
    return any(side.size and side.mean() >= _BESIDE_SHARE for side in (before, after))


def _peaks(pcm: NDArray[np.int16], begin: int, audible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Per frame and frequency whether there is a peak; none in frames that are not audible."""
    low, high = (round(f / _BIN_HZ) for f in _BAND_HZ)
    found = np.zeros((len(audible), high - low), bool)
    rows = np.flatnonzero(audible)
    starts = (begin + rows) * FRAME
    pieces = pcm[starts[:, None] + np.arange(_WINDOW)[None]].astype(np.float32)
    spectrum = np.abs(np.fft.rfft(pieces * np.hanning(_WINDOW).astype(np.float32), axis=1))
    level = (20 * np.log10(spectrum[:, low:high] + 10)).astype(np.float32)
    half = _NEIGHBOURHOOD_BINS // 2
    sums = np.cumsum(np.pad(level, ((0, 0), (half + 1, half)), mode="edge"), axis=1)
    mean = (sums[:, _NEIGHBOURHOOD_BINS:] - sums[:, :-_NEIGHBOURHOOD_BINS]) / _NEIGHBOURHOOD_BINS
    inner = level[:, 1:-1]
    is_peak = (inner > mean[:, 1:-1] + _PEAK_DB) & (inner >= level[:, :-2])
    found[rows, 1:-1] = is_peak & (inner >= level[:, 2:])
    return found


def _staying(peaks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Per frame the share of the frames around it that have its strongest peaks, in [0, 1]."""
    length = 2 * _AROUND + 1
    padded = np.pad(peaks.astype(np.int16), ((_AROUND + 1, _AROUND), (0, 0)))
    sums = np.cumsum(padded, axis=0, dtype=np.int16)
    around = sums[length:] - sums[:-length]
    strongest = np.partition(around, -_STRONGEST, axis=1)[:, -_STRONGEST:]
    return np.asarray(strongest.mean(axis=1) / length, np.float32)


def _frames(span: Span) -> slice:
    return slice(span.start_ms // FRAME_MS, -(-span.end_ms // FRAME_MS))
