"""Voices as vectors: the contract of embedding models, and which stretches are embedded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLES_PER_MS, to_float
from core.span import Span

# One channel at 16 kHz: float32 in [-1, 1], or PCM as it was decoded. Hours of audio stay PCM.
Samples = NDArray[np.float32] | NDArray[np.int16]

_BATCH = 256  # windows cut out at once, so that hours of audio are not copied


class SpeakerEmbedder(Protocol):
    """A pretrained model that tells voices apart.

    `name` is for the record: model and version.
    """

    name: str

    def embed(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """One vector of unit length per window, shape (windows, dimensions), in order.

        Windows are float32 in [-1, 1] at 16 kHz, of any length above zero. A window's vector
        does not depend on the other windows. Cosine is the measure of likeness.
        """
        ...


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How speech is cut: windows of `length_ms`, one every `hop_ms`.

    Speech shorter than `length_ms` is one window. Shorter than `least_ms` says too little about
    a voice to be a window of its own: it is widened into what surrounds it.
    """

    length_ms: int = 1_500
    hop_ms: int = 400
    least_ms: int = 600


def windows_of(
    speech: Sequence[Span], duration_ms: int, options: WindowOptions
) -> tuple[Span, ...]:
    """Windows that cover all speech: each inside one span, sorted within it.

    Args:
        speech: Sorted, disjoint spans.
        duration_ms: Length of the recording, which no widened window leaves.
        options: Lengths.
    """
    windows: list[Span] = []
    for span in speech:
        if span.duration_ms <= 0:
            continue
        if span.duration_ms < options.least_ms:
            windows.append(_widened(span, options.least_ms, duration_ms))
            continue
        last = span.end_ms - options.length_ms
        windows.extend(
            Span(start, start + options.length_ms)
            for start in range(span.start_ms, last, options.hop_ms)
        )
        windows.append(Span(max(span.start_ms, last), span.end_ms))
    return tuple(windows)


def embed_spans(
    samples: Samples, spans: Sequence[Span], embedder: SpeakerEmbedder
) -> NDArray[np.float32]:
    """The voice in each span, shape (spans, dimensions).

    Raises:
        ValueError: when a span holds no sample.
    """
    if not spans:
        return np.zeros((0, 1), np.float32)
    parts = []
    for first in range(0, len(spans), _BATCH):
        cut = [float_samples(samples, span) for span in spans[first : first + _BATCH]]
        parts.append(embedder.embed(cut))
    return np.concatenate(parts)


def float_samples(samples: Samples, span: Span) -> NDArray[np.float32]:
    """The samples of a span as float32 in [-1, 1].

    Raises:
        ValueError: when the span holds no sample.
    """
    cut = samples[span.start_ms * SAMPLES_PER_MS : span.end_ms * SAMPLES_PER_MS]
    if not len(cut):
        raise ValueError(f"{span} lies outside the recording")
    if cut.dtype == np.int16:
        return to_float(np.asarray(cut, np.int16))
    return np.asarray(cut, np.float32)


def _widened(span: Span, least_ms: int, duration_ms: int) -> Span:
    missing = least_ms - span.duration_ms
    start = max(0, span.start_ms - missing // 2)
    end = min(max(duration_ms, span.end_ms), start + least_ms)
    return Span(max(0, min(start, end - least_ms)), end)
