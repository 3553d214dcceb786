"""Packing of speech into full encoder windows, and the way back from window to call time.

A recogniser of the Whisper family pays for 30 s of audio whatever a window holds, so pieces of
speech are laid end to end with a short silence between them. A window holds one channel only:
the decoder conditions on its own text, and another speaker's words would leak into it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLES_PER_MS, DecodedAudio
from core.span import Span


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one channel to be recognised.

    `heard` is the audio taken (with padding), `speech` the unpadded speech in it.
    """

    channel: int
    heard: Span
    speech: Span


@dataclass(frozen=True, slots=True)
class Placement:
    """Segment number `segment` lies in the window from `offset_ms` on, for its whole length."""

    segment: int
    offset_ms: int
    heard: Span

    @property
    def end_ms(self) -> int:
        """Where the segment ends in the window."""
        return self.offset_ms + self.heard.duration_ms


@dataclass(frozen=True)
class Window:
    """One window: segments of one channel in order of time, `gap_ms` or more apart."""

    channel: int
    placements: tuple[Placement, ...]

    @property
    def length_ms(self) -> int:
        """Length of the audio in the window."""
        return self.placements[-1].end_ms

    @cached_property
    def _borders(self) -> list[int]:
        """Middle of each gap: what lies before belongs to the segment on the left."""
        pairs = zip(self.placements, self.placements[1:], strict=False)
        return [(left.end_ms + right.offset_ms) // 2 for left, right in pairs]

    def placement_at(self, window_ms: int) -> int:
        """Which placement a moment of the window belongs to: the one it lies in, else nearest."""
        return bisect_right(self._borders, window_ms)

    def to_call_ms(self, placement: int, window_ms: int) -> int:
        """A moment of the window as call time, kept inside the given placement's audio."""
        place = self.placements[placement]
        call_ms = place.heard.start_ms + window_ms - place.offset_ms
        return min(max(call_ms, place.heard.start_ms), place.heard.end_ms)


def pack(segments: Sequence[Segment], window_ms: int, gap_ms: int) -> tuple[Window, ...]:
    """Windows that hold every segment exactly once, each window at most `window_ms` long.

    Segments of a channel are laid in order of time. The cost is one encoder run per window, so
    among the layouts with the fewest windows the one is taken whose fullest window is least
    full: equal windows lose no text at their ends and end the decoder's work together.

    Args:
        segments: Sorted by time within each channel.
        window_ms: Longest window.
        gap_ms: Silence between two segments of a window.

    Raises:
        ValueError: when a segment is longer than a window.
    """
    windows: list[Window] = []
    for channel in sorted({segment.channel for segment in segments}):
        numbers = [n for n, segment in enumerate(segments) if segment.channel == channel]
        lengths = [segments[n].heard.duration_ms for n in numbers]
        if lengths and max(lengths) > window_ms:
            raise ValueError(f"a segment of {max(lengths)} ms does not fit {window_ms} ms")
        windows.extend(
            _window(channel, [numbers[i] for i in group], segments, gap_ms)
            for group in _balanced(lengths, window_ms, gap_ms)
        )
    return tuple(windows)


def render(audio: DecodedAudio, window: Window) -> NDArray[np.float32]:
    """The window's samples: float32, 16 kHz, zeros in the gaps."""
    samples = np.zeros(window.length_ms * SAMPLES_PER_MS, np.float32)
    for place in window.placements:
        piece = audio.piece(window.channel, place.heard.start_ms, place.heard.end_ms)
        first = place.offset_ms * SAMPLES_PER_MS
        samples[first : first + len(piece)] = piece
    return samples


def _window(
    channel: int, numbers: Sequence[int], segments: Sequence[Segment], gap_ms: int
) -> Window:
    placements: list[Placement] = []
    offset = 0
    for number in numbers:
        heard = segments[number].heard
        placements.append(Placement(number, offset, heard))
        offset += heard.duration_ms + gap_ms
    return Window(channel, tuple(placements))


def _balanced(lengths: Sequence[int], window_ms: int, gap_ms: int) -> list[range]:
    """Consecutive groups: as few as possible, then with the smallest largest group."""
    fewest = len(_fill(lengths, window_ms, gap_ms))
    low, high = max(lengths, default=0), window_ms
    while low < high:
        middle = (low + high) // 2
        if len(_fill(lengths, middle, gap_ms)) <= fewest:
            high = middle
        else:
            low = middle + 1
    return _fill(lengths, high, gap_ms)


def _fill(lengths: Sequence[int], limit_ms: int, gap_ms: int) -> list[range]:
    """Consecutive groups of at most `limit_ms`, each filled before the next is begun."""
    groups: list[range] = []
    first, used = 0, 0
    for index, length in enumerate(lengths):
        needed = length if index == first else used + gap_ms + length
        if index > first and needed > limit_ms:
            groups.append(range(first, index))
            first, needed = index, length
        used = needed
    if first < len(lengths):
        groups.append(range(first, len(lengths)))
    return groups
