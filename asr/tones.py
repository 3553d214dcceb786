"""Sounds of the line that nobody says: ring-back, keypad tones, hold music."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ
from asr.music import held_notes
from core.span import Span, merge_spans, total_ms

_FRAME = 512  # 32 ms: the frames of the VAD
_FRAME_MS = _FRAME * 1000 // SAMPLE_RATE_HZ
_BIN_HZ = SAMPLE_RATE_HZ / _FRAME
_BLOCK_FRAMES = 2_000  # a minute at a time

# Audible at all; softer tones are leakage of the other channel. Mean square of int16 samples.
_AUDIBLE = 10.0**2.8  # -62 dBFS
# YD/T 728 and GB 3378: one tone of 450 +- 25 Hz for all call progress signals in China, as
# ring-back 1 s on and 4 s off.
_RING_BAND_HZ = (400.0, 500.0)
_RING_PURITY = 0.85
_RING_ON_MS = (700, 1_300)
_RING_PERIOD_MS = 5_000
# ITU-T Q.23: a keypad tone is one of each group, both about equally loud.
_ROWS_HZ = (697.0, 770.0, 852.0, 941.0)
_COLUMNS_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
_KEY_PURITY = 0.85
_KEY_LEAST_PART = 0.12
_KEY_LEAST_MS = 40
# Music lasts; of a stretch of it no more than half sounds like a network or keypad tone.
_MUSIC_LEAST_SHARE = 0.5
_MUSIC_BRIDGE_MS = 320
_MUSIC_LEAST_MS = 2_500


@dataclass(frozen=True, slots=True, eq=False)
class LineSounds:
    """Where one channel carries sounds of the line: sorted, disjoint spans.

    `ring_back` spans hold each ring with the pause after it, as far as nobody speaks in it.
    `signals` are all frames of a network or keypad tone, whatever the cadence (busy tones too).
    `held` says per frame of 32 ms whether notes are held there (`asr.music`).
    """

    ring_back: tuple[Span, ...]
    keys: tuple[Span, ...]
    music: tuple[Span, ...]
    signals: tuple[Span, ...]
    held: NDArray[np.bool_]


def line_sounds(
    pcm: NDArray[np.int16], levels: NDArray[np.float32], speech: Sequence[Span]
) -> LineSounds:
    """The sounds of the line on one channel.

    Args:
        pcm: The channel at 16 kHz.
        levels: Level per 32 ms, as of `vad.frame_levels`.
        speech: Sorted speech of any channel, which nothing is looked for in.
    """
    is_ring, is_key = _classify(pcm)
    duration_ms = len(pcm) * 1000 // SAMPLE_RATE_HZ
    held = held_notes(pcm, levels)
    music = _music(held[: len(is_ring)], is_ring | is_key, speech)
    in_music = _mask(music, len(is_ring))
    is_ring &= ~in_music
    is_key &= ~in_music
    rings = [
        run
        for run in _runs(is_ring, bridge_ms=_FRAME_MS)
        if _RING_ON_MS[0] <= run.duration_ms <= _RING_ON_MS[1]
    ]
    keys = [run for run in _runs(is_key, bridge_ms=0) if run.duration_ms >= _KEY_LEAST_MS]
    return LineSounds(
        _with_pauses(rings, speech, duration_ms),
        tuple(keys),
        music,
        tuple(_runs(is_ring | is_key, bridge_ms=0)),
        held,
    )


def share_of(spans: Sequence[Span], duration_ms: int) -> float:
    """The share of the recording, in [0, 1]."""
    return min(1.0, total_ms(spans) / max(1, duration_ms))


def _music(
    held: NDArray[np.bool_], is_signal: NDArray[np.bool_], speech: Sequence[Span]
) -> tuple[Span, ...]:
    """Stretches of held notes, some of which may be as pure as a network tone."""
    is_tonal = held | is_signal
    is_tonal[_mask(speech, len(is_tonal))] = False
    is_note = is_tonal & ~is_signal
    return tuple(
        run
        for run in _runs(is_tonal, bridge_ms=_MUSIC_BRIDGE_MS)
        if run.duration_ms >= _MUSIC_LEAST_MS
        and is_note[run.start_ms // _FRAME_MS : run.end_ms // _FRAME_MS].mean()
        >= _MUSIC_LEAST_SHARE
    )


def _classify(pcm: NDArray[np.int16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Per frame: is it the 450 Hz tone, is it a keypad tone."""
    frames = len(pcm) // _FRAME
    found = np.zeros((2, frames), bool)
    window = np.hanning(_FRAME).astype(np.float32)
    for first in range(0, frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, frames)
        samples = pcm[first * _FRAME : last * _FRAME].reshape(-1, _FRAME).astype(np.float32)
        level = np.square(samples).mean(axis=1)
        power = np.square(np.abs(np.fft.rfft(samples * window))).astype(np.float32)
        power[:, :3] = 0  # hum and offset
        total = power.sum(axis=1) + 1e-3
        audible = level >= _AUDIBLE
        found[0, first:last] = audible & (_band(power, *_RING_BAND_HZ) >= _RING_PURITY * total)
        found[1, first:last] = audible & _is_key(power, total)
    return found[0], found[1]


def _is_key(power: NDArray[np.float32], total: NDArray[np.float32]) -> NDArray[np.bool_]:
    row, row_on = _strongest(power, _ROWS_HZ)
    column, column_on = _strongest(power, _COLUMNS_HZ)
    pure = row + column >= _KEY_PURITY * total
    both = np.minimum(row, column) >= _KEY_LEAST_PART * total
    result: NDArray[np.bool_] = pure & both & row_on & column_on
    return result


def _strongest(
    power: NDArray[np.float32], tones_hz: Sequence[float]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Energy around the group's strongest bin, and whether that bin is at one of its tones."""
    low, high = round((tones_hz[0] - 40) / _BIN_HZ), round((tones_hz[-1] + 40) / _BIN_HZ)
    peak = low + np.argmax(power[:, low : high + 1], axis=1)
    rows = np.arange(len(power))
    energy = sum(power[rows, peak + shift] for shift in (-2, -1, 0, 1, 2))
    at_tone = np.zeros(len(power), bool)
    for tone in tones_hz:
        at_tone |= np.abs(peak * _BIN_HZ - tone) <= 0.75 * _BIN_HZ
    return np.asarray(energy, np.float32), at_tone


def _band(power: NDArray[np.float32], low_hz: float, high_hz: float) -> NDArray[np.float32]:
    first, last = int(low_hz / _BIN_HZ), int(np.ceil(high_hz / _BIN_HZ))
    return np.asarray(power[:, first : last + 1].sum(axis=1), np.float32)


def _runs(flags: NDArray[np.bool_], bridge_ms: int) -> list[Span]:
    """Runs of true frames as spans, pauses of at most `bridge_ms` bridged."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    runs: list[Span] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        run = Span(first * _FRAME_MS, last * _FRAME_MS)
        if runs and run.start_ms - runs[-1].end_ms <= bridge_ms:
            runs[-1] = Span(runs[-1].start_ms, run.end_ms)
        else:
            runs.append(run)
    return runs


def _with_pauses(
    rings: Sequence[Span], speech: Sequence[Span], duration_ms: int
) -> tuple[Span, ...]:
    spoken_from = sorted(span.start_ms for span in speech)
    covered = []
    for ring in rings:
        end = min(ring.start_ms + _RING_PERIOD_MS, duration_ms)
        answered = next((start for start in spoken_from if start >= ring.end_ms), end)
        covered.append(Span(ring.start_ms, max(ring.end_ms, min(end, answered))))
    return merge_spans(covered)


def _mask(spans: Sequence[Span], frames: int) -> NDArray[np.bool_]:
    mask = np.zeros(frames, bool)
    for span in spans:
        mask[span.start_ms // _FRAME_MS : -(-span.end_ms // _FRAME_MS)] = True
    return mask
