"""Sounds of a telephone line that nobody says, made from scratch: 8 kHz, mono, int16 range.

Every sound lies on the faint hiss that a real line has, except digital silence. Music is six
styles that hold lines play: the harder ones (strings, flute) have the vibrato and the single
melody line that make them voice-like.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8_000
Samples = NDArray[np.float64]

_DTMF_HZ = {
    "1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "4": (770, 1209), "5": (770, 1336),
    "6": (770, 1477), "7": (852, 1209), "8": (852, 1336), "9": (852, 1477), "0": (941, 1336),
    "*": (941, 1209), "#": (941, 1477),
}  # fmt: skip
# Four chords of three notes as semitones from a base, and a scale for melodies.
_CHORDS = ((0, 4, 7), (-3, 0, 4), (5, 9, 12), (7, 11, 14))
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)


def make(sound: str, seconds: float, seed: int = 0) -> Samples:
    """The named sound, shape (seconds * 8000,).

    Raises:
        KeyError: for a name that is not in `SOUNDS`.
    """
    rng = np.random.default_rng([seed, *sound.encode()])
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    made = SOUNDS[sound](t, rng)
    if sound != "digital-silence":
        made = made + rng.normal(0, 12, len(t))
    return np.clip(made, -32768, 32767)


def _silence(t: Samples, _rng: np.random.Generator) -> Samples:
    return np.zeros(len(t))


def _line_noise(t: Samples, rng: np.random.Generator) -> Samples:
    crackle = rng.normal(0, 900, len(t)) * (rng.random(len(t)) < 0.0005)
    return rng.normal(0, 40, len(t)) + 60 * np.sin(2 * np.pi * 50 * t) + crackle


def _white(t: Samples, rng: np.random.Generator) -> Samples:
    return rng.normal(0, 1_500, len(t))


def _pink(t: Samples, rng: np.random.Generator) -> Samples:
    spectrum = np.fft.rfft(rng.normal(0, 1, len(t)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    shaped = np.fft.irfft(spectrum, len(t))
    return 1_500 * shaped / shaped.std()


def _bursts(t: Samples, rng: np.random.Generator) -> Samples:
    return rng.normal(0, 3_000, len(t)) * (t % 1.2 < 0.4)


def _ring_back(t: Samples, _rng: np.random.Generator) -> Samples:
    return 6_000 * np.sin(2 * np.pi * 450 * t) * (t % 5 < 1)


def _busy(t: Samples, _rng: np.random.Generator) -> Samples:
    return 6_000 * np.sin(2 * np.pi * 450 * t) * (t % 0.7 < 0.35)


def _dtmf(t: Samples, rng: np.random.Generator) -> Samples:
    result = np.zeros(len(t))
    for press in range(int(t[-1] / 0.5) + 1):
        low, high = _DTMF_HZ[str(rng.choice(list(_DTMF_HZ)))]
        on = (t >= press * 0.5) & (t < press * 0.5 + 0.18)
        result[on] = 4_000 * (np.sin(2 * np.pi * low * t[on]) + np.sin(2 * np.pi * high * t[on]))
    return result


def _fax(t: Samples, _rng: np.random.Generator) -> Samples:
    return 6_000 * np.sin(2 * np.pi * 1_100 * t) * (t % 3.5 < 0.5)


def _beep(t: Samples, _rng: np.random.Generator) -> Samples:
    return 7_000 * np.sin(2 * np.pi * 1_000 * t) * (t % 6 < 0.6)


def _chords(t: Samples, rng: np.random.Generator) -> Samples:
    """Block chords struck twice a second."""
    base = 220 * 2 ** (rng.integers(0, 6) / 12)
    beats = np.arange(0, t[-1], 0.5)
    notes = [
        (at, 0.5, base * 2 ** (step / 12))
        for at in beats
        for step in _CHORDS[int(at // 2) % len(_CHORDS)]
    ]
    return _played(t, notes, decay=3.0, partials=(1, 0.5, 0.33), level=1_600)


def _piano(t: Samples, rng: np.random.Generator) -> Samples:
    """Broken chords, each note fading."""
    base = 262 * 2 ** (rng.integers(-5, 3) / 12)
    notes = []
    for number, at in enumerate(np.arange(0, t[-1], 0.22)):
        chord = _CHORDS[number // 8 % len(_CHORDS)]
        step = chord[number % 3] + 12 * int(rng.integers(0, 2))
        notes.append((at, 1.2, base * 2 ** (step / 12)))
    return _played(t, notes, decay=4.0, partials=(1, 0.6, 0.3, 0.15), level=4_500)


def _strings(t: Samples, rng: np.random.Generator) -> Samples:
    """Held chords of bowed strings with vibrato, slowly swelling."""
    base = 196 * 2 ** (rng.integers(-2, 4) / 12)
    notes = [
        (at, 3.0, base * 2 ** (step / 12))
        for at in np.arange(0, t[-1], 3.0)
        for step in _CHORDS[int(at // 3) % len(_CHORDS)]
    ]
    partials = tuple(1 / k for k in range(1, 9))
    return _played(t, notes, decay=0.0, partials=partials, level=1_100, vibrato=0.006)


def _flute(t: Samples, rng: np.random.Generator) -> Samples:
    """One melody line with vibrato, breathing between phrases."""
    base, at, notes = 392.0, 0.0, []
    while at < t[-1]:
        length = float(rng.choice([0.25, 0.5, 0.5, 1.0]))
        if rng.random() > 0.15:
            notes.append((at, length, base * 2 ** (int(rng.choice(_SCALE)) / 12)))
        at += length
    return _played(t, notes, decay=0.3, partials=(1, 0.35, 0.12, 0.05), level=4_500, vibrato=0.008)


def _pop(t: Samples, rng: np.random.Generator) -> Samples:
    """Drums, bass and chords at 110 beats a minute."""
    beat = 60 / 110
    result = 0.6 * _chords(t, rng)
    root = [110 * 2 ** (chord[0] / 12) for chord in _CHORDS]
    bass = [(at, beat, root[int(at // 2) % 4]) for at in np.arange(0, t[-1], beat)]
    result += _played(t, bass, decay=2.0, partials=(1, 0.7, 0.5, 0.3), level=3_000)
    for number, at in enumerate(np.arange(0, t[-1], beat / 2)):
        on = (t >= at) & (t < at + 0.12)
        since = t[on] - at
        snare = number % 4 == 2
        hit = rng.normal(0, 4_000 if snare else 1_200, int(on.sum())) * np.exp(-since * 35)
        if number % 4 == 0:
            hit += 8_000 * np.sin(2 * np.pi * 90 * since) * np.exp(-since * 20)
        result[on] += hit
    return result


def _music_box(t: Samples, rng: np.random.Generator) -> Samples:
    """High plucked notes with pauses."""
    notes = [
        (at, 1.0, 880 * 2 ** (int(rng.choice(_SCALE)) / 12))
        for at in np.arange(0, t[-1], 0.3)
        if rng.random() > 0.25
    ]
    return _played(t, notes, decay=5.0, partials=(1, 0.2, 0.3), level=5_000)


def _played(
    t: Samples,
    notes: Sequence[tuple[float, float, float]],
    *,
    decay: float,
    partials: Sequence[float],
    level: float,
    vibrato: float = 0.0,
) -> Samples:
    """Notes (start, length in s, Hz), with a soft attack and release; nothing above 3.4 kHz."""
    result = np.zeros(len(t))
    for start, length, pitch in notes:
        first = round(start * RATE_HZ)
        last = min(len(t), first + round(length * RATE_HZ))
        since = np.arange(last - first) / RATE_HZ
        shape = np.exp(-decay * since)
        shape *= np.minimum(1, since / 0.02) * np.minimum(1, (length - since) / 0.03)
        bend = vibrato / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * since)
        for number, loudness in enumerate(partials, 1):
            if pitch * number < 3_400:
                wave = np.sin(2 * np.pi * pitch * number * (since + bend))
                result[first:last] += level * loudness * shape * wave
    return result


SOUNDS: dict[str, Callable[[Samples, np.random.Generator], Samples]] = {
    "digital-silence": _silence,
    "line-noise": _line_noise,
    "ring-back": _ring_back,
    "busy-tone": _busy,
    "dtmf": _dtmf,
    "fax-tone": _fax,
    "beeps": _beep,
    "white-noise": _white,
    "pink-noise": _pink,
    "noise-bursts": _bursts,
    "music-chords": _chords,
    "music-piano": _piano,
    "music-strings": _strings,
    "music-flute": _flute,
    "music-pop": _pop,
    "music-box": _music_box,
}
MUSIC = tuple(name for name in SOUNDS if name.startswith("music-"))
