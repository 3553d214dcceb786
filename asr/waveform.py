"""Waveform peaks for the player: small enough to send with the page."""

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ, DecodedAudio


def peaks(audio: DecodedAudio, per_second: int = 20) -> tuple[tuple[int, ...], ...]:
    """Per channel, `min, max, min, max, ...` of each stretch, as int8 values (-128..127).

    Args:
        audio: The recording.
        per_second: Stretches per second; each gives two values.

    Raises:
        ValueError: when `per_second` is not between 1 and 1000.
    """
    if not 1 <= per_second <= 1000:
        raise ValueError(f"per_second must be 1..1000, not {per_second}")
    return tuple(_channel_peaks(pcm, SAMPLE_RATE_HZ // per_second) for pcm in audio.pcm)


def _channel_peaks(pcm: NDArray[np.int16], step: int) -> tuple[int, ...]:
    starts = np.arange(0, len(pcm), step)
    if not len(starts):
        return ()
    lows = np.minimum.reduceat(pcm, starts)
    highs = np.maximum.reduceat(pcm, starts)
    return tuple((np.column_stack([lows, highs]).reshape(-1) >> 8).tolist())
