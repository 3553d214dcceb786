"""Pinyin: syllables of a text, and codes that are equal for sounds which recognisers confuse."""

import threading
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Any

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import RE_HANS
from pypinyin.seg.mmseg import seg

_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"))
_FINALS = (("ing", "in"), ("eng", "en"), ("ang", "an"))
_CODES_FROM = 0xF0000  # Supplementary private use area A: no text has these code points.


def syllables(text: str) -> tuple[str, ...]:
    """The toneless pinyin of each code point of `text`; one that has none stands for itself.

    Readings are chosen by word (`银行` is yin hang), so they depend on the neighbours.
    """
    return tuple(without_tone(syllable) for syllable in toned_syllables(text))


def toned_syllables(text: str) -> tuple[str, ...]:
    """As `syllables`, with the tone as a digit, 5 for the neutral one (`yin2`, `hang2`)."""
    found: list[str] = []
    for has_reading, characters in groupby(text, _has_reading):
        if has_reading:
            for word in seg.cut("".join(characters)):
                found += _readings(word)
        else:
            found += characters
    return tuple(found)


@lru_cache(maxsize=1 << 16)
def _readings(word: str) -> tuple[str, ...]:
    """The toned syllables of one word of pypinyin's dictionary, or of one character."""
    return tuple(
        lazy_pinyin(word, style=Style.TONE3, errors=_characters, neutral_tone_with_five=True)
    )


@lru_cache(maxsize=1 << 15)
def _has_reading(character: str) -> bool:
    return RE_HANS.match(character) is not None


def without_tone(syllable: str) -> str:
    """A toned syllable without its tone digit; other text (also a lone digit) unchanged."""
    return syllable[:-1] if len(syllable) > 1 and syllable[-1] in "12345" else syllable


def _characters(text: str) -> Any:
    # pypinyin spreads a list over the result; its annotations only know of strings.
    return list(text)


@lru_cache(maxsize=4096)
def fuzzy_syllable(syllable: str) -> str:
    """The representative of all syllables that sound alike in accents and to recognisers.

    Classes: zh/z, ch/c, sh/s, n/l, f/h, in/ing, en/eng, an/ang
    (ian/iang and uan/uang follow). Source: the usual southern mergers and the substitutions
    that Mandarin recognisers make on telephone speech.
    """
    sound = syllable
    for long, short in _INITIALS:
        if sound.startswith(long):
            sound = short + sound[len(long) :]
            break
    if sound.startswith("n") and len(sound) > 1:
        sound = "l" + sound[1:]
    elif sound.startswith("hu") and len(sound) > 2:
        sound = "f" + sound[2:]
    elif sound.startswith("h"):
        sound = "f" + sound[1:]
    for long, short in _FINALS:
        if sound.endswith(long):
            return sound[: -len(long)] + short
    return sound


class SoundCodes:
    """Codes sounds as single code points, so that "sounds like" becomes a substring search.

    Equal codes mean equal fuzzy syllables (equal syllables with `fuzzy` off), within one
    instance. Thread safe.
    """

    def __init__(self, *, fuzzy: bool = True) -> None:
        self._fuzzy = fuzzy
        self._codes: dict[str, str] = {}
        self._lock = threading.Lock()

    def encode(self, sounds: Iterable[str]) -> str:
        """One code point for each syllable of `sounds`, in order."""
        codes = self._codes
        return "".join([codes.get(sound) or self._new(sound) for sound in sounds])

    def _new(self, sound: str) -> str:
        fuzzy = fuzzy_syllable(sound) if self._fuzzy else sound
        with self._lock:
            code = self._codes.setdefault(fuzzy, chr(_CODES_FROM + len(self._codes)))
            return self._codes.setdefault(sound, code)
