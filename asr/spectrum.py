"""Where the spectrum of a voice begins and ends: what a recording's declared rate is held to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ, SAMPLES_PER_MS
from core.span import Span

_FRAME = 1024  # 64 ms
_FRAME_MS = _FRAME // SAMPLES_PER_MS
_LEVEL_FRAME_MS = 32
_BIN_HZ = SAMPLE_RATE_HZ / _FRAME
_MOST_FRAMES = 4_000  # four minutes of voice tell all
_BATCH = 500
_LEAST_FRAMES = 45  # 3 s
# Frames this far up between the channel's noise and its loudest voice are voice.
_LOUD_SHARE = 0.6
# Fricatives are some 30 to 45 dB under a voice's loudest band; what a resampler leaves above the
# old limit is far softer than this.
_UPPER_DB = 50.0
_LOWER_DB = 10.0
_AUDIBLE_DB = 10.0  # re one step of int16


@dataclass(frozen=True, slots=True)
class VoiceBand:
    """Where the long-term spectrum of a voice begins and ends, in Hz.

    `lower_hz` is the lowest frequency within 10 dB of the spectrum's peak, `upper_hz` the highest
    within 50 dB of it; nothing above 8000 is in the decoded audio.
    """

    lower_hz: float
    upper_hz: float


def voice_band(
    pcm: NDArray[np.int16], levels: NDArray[np.float32], signals: Sequence[Span]
) -> VoiceBand | None:
    """The band of the channel's loud frames; None when there are under three seconds of them.

    Loud frames, and not what the VAD finds: it hears no speech in a voice at the wrong speed.

    Args:
        pcm: The channel at 16 kHz.
        levels: Level per 32 ms, as of `vad.frame_levels`.
        signals: Tones and music, which are left out.
    """
    starts = _loud_starts(levels, len(pcm), signals)
    if len(starts) < _LEAST_FRAMES:
        return None
    chosen = starts[:: -(-len(starts) // _MOST_FRAMES)]
    window = np.hanning(_FRAME)
    power = np.zeros(_FRAME // 2 + 1)
    for first in range(0, len(chosen), _BATCH):
        frames = np.stack([pcm[s : s + _FRAME] for s in chosen[first : first + _BATCH]])
        power += np.square(np.abs(np.fft.rfft(frames * window, axis=1))).sum(axis=0)
    smooth = np.convolve(power, np.ones(5) / 5, "same")
    smooth[:3] = 0  # hum and offset
    peak = float(smooth.max())
    if peak <= 0:
        return None
    lower = np.flatnonzero(smooth >= peak * 10 ** (-_LOWER_DB / 10))[0]
    upper = np.flatnonzero(smooth >= peak * 10 ** (-_UPPER_DB / 10))[-1]
    return VoiceBand(float(lower * _BIN_HZ), float(upper * _BIN_HZ))


def _loud_starts(
    levels: NDArray[np.float32], samples: int, signals: Sequence[Span]
) -> NDArray[np.int64]:
    """First samples of the loud frames, in order of time."""
    audible = levels[levels > _AUDIBLE_DB]
    if len(audible) == 0:
        return np.zeros(0, np.int64)
    noise, loud = np.percentile(audible, [10, 95])
    is_loud = levels >= max(_AUDIBLE_DB, noise + _LOUD_SHARE * (loud - noise))
    for span in signals:
        is_loud[span.start_ms // _LEVEL_FRAME_MS : -(-span.end_ms // _LEVEL_FRAME_MS)] = False
    step = _FRAME_MS // _LEVEL_FRAME_MS
    both = is_loud[: len(is_loud) // step * step].reshape(-1, step).all(axis=1)
    starts = np.flatnonzero(both).astype(np.int64) * _FRAME
    return starts[starts + _FRAME <= samples]
