"""Log-mel spectrograms as Whisper was trained on, of exactly the length that is needed.

Definition: `whisper/audio.py` of Whisper's reference implementation. Frames of 25 ms every 10 ms,
Hann window, the signal mirrored at its ends; mel filters after Slaney, each of unit area; decimal
logarithm, no more than 8 below the maximum, scaled to about [-1, 1].
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ

HOP_SAMPLES = 160
_FRAME_SAMPLES = 400
_BINS = _FRAME_SAMPLES // 2 + 1
# Matrix products up to this many frames are too small for the BLAS library to start threads on,
# which would go on spinning for longer than the product takes.
_FRAMES_PER_PRODUCT = 16
_FLOOR = 1e-10
_RANGE = 8.0
# Slaney's scale: linear up to 1 kHz, then 27 steps to each factor of 6.4.
_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def log_mel(samples: NDArray[np.float32], mels: int) -> NDArray[np.float32]:
    """The spectrogram, shape (mels, len(samples) // 160).

    Args:
        samples: 16 kHz in [-1, 1], 201 samples or more.
        mels: Bands: 80, or 128 for large-v3 and its kin.
    """
    frames = len(samples) // HOP_SAMPLES
    padded = np.pad(samples, _FRAME_SAMPLES // 2, mode="reflect")
    slices = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SAMPLES)
    spectrum = np.fft.rfft(slices[::HOP_SAMPLES][:frames] * _window())
    power = np.zeros((-(-frames // _FRAMES_PER_PRODUCT) * _FRAMES_PER_PRODUCT, _BINS), np.float32)
    power[:frames] = spectrum.real**2 + spectrum.imag**2
    bands = power.reshape(-1, _FRAMES_PER_PRODUCT, _BINS) @ _filters(mels)
    levels = np.log10(np.maximum(bands.reshape(-1, mels)[:frames], _FLOOR))
    levels = (np.maximum(levels, levels.max() - _RANGE) + 4) / 4
    return np.ascontiguousarray(levels.T)


@lru_cache(maxsize=1)
def _window() -> NDArray[np.float32]:
    return np.hanning(_FRAME_SAMPLES + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=2)
def _filters(mels: int) -> NDArray[np.float32]:
    """Triangles between neighbouring steps of the mel scale, shape (FFT bins, mels)."""
    linear = _BREAK_HZ / _HZ_PER_MEL
    top = linear + np.log(SAMPLE_RATE_HZ / 2 / _BREAK_HZ) / _LOG_STEP
    steps = np.linspace(0, top, mels + 2)
    edges = np.where(
        steps < linear, steps * _HZ_PER_MEL, _BREAK_HZ * np.exp(_LOG_STEP * (steps - linear))
    )
    bins = np.fft.rfftfreq(_FRAME_SAMPLES, 1 / SAMPLE_RATE_HZ)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(triangles * 2 / (edges[2:] - edges[:-2]), np.float32)
