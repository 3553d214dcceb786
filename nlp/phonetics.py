"""Pinyin: syllables of a text, and codes that are equal for sounds which recognisers confuse."""

import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Any

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT, RE_HANS
from pypinyin.seg.mmseg import p_set

_CHINESE = re.compile("[一-鿿]*")
_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"))
_FINALS = (("ing", "in"), ("eng", "en"), ("ang", "an"))
_CODES_FROM = 0xF0000  # Supplementary private use area A: no text has these code points.


def syllables(text: str) -> tuple[str, ...]:
    """The toneless pinyin of each code point of `text`; one that has none stands for itself.

    Readings are chosen by word (`银行` is yin hang), so they depend on the neighbours.
    """
    return readings(text)[1]


def toned_syllables(text: str) -> tuple[str, ...]:
    """As `syllables`, with the tone as a digit, 5 for the neutral one (`yin2`, `hang2`)."""
    return readings(text)[0]


def readings(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`toned_syllables` and `syllables` of one text, for the price of one."""
    toned: list[str] = []
    toneless: list[str] = []
    for has_reading, run in _runs(text):
        if has_reading:
            for sounds in map(_readings, _words(run)):
                toned += sounds[0]
                toneless += sounds[1]
        else:
            toned += run
            toneless += run
    return tuple(toned), tuple(toneless)


def _runs(text: str) -> Iterable[tuple[bool, str]]:
    """The runs of characters that pypinyin may read, and of those between them."""
    if _CHINESE.fullmatch(text):  # The usual case, in one step.
        return ((True, text),)
    runs = groupby(text, _has_reading)
    return ((has_reading, "".join(characters)) for has_reading, characters in runs)


def _words(text: str) -> list[str]:
    """Words of pypinyin's dictionary, from the left the longest, and the characters between.

    They are those of `pypinyin.seg.mmseg`, which looks at every prefix of every rest of the text.
    As there, a rest that only begins a longer word is read character by character.
    """
    longest_from = _longest_words()
    words: list[str] = []
    at, size = 0, len(text)
    while at < size:
        longest = longest_from.get(text[at : at + 2])
        if longest is None:
            words.append(text[at])
            at += 1
            continue
        end = _word_end(text, at, longest)
        if end == at + 1 and longest > size - at and text[at:] in p_set:
            return [*words, *text[at:]]
        words.append(text[at:end])
        at = end
    return words


def _word_end(text: str, at: int, longest: int) -> int:
    """Where the longest word of the dictionary that begins at `at` ends, or its character."""
    for end in range(min(at + longest, len(text)), at + 1, -1):
        if text[at:end] in PHRASES_DICT:
            return end
    return at + 1


@lru_cache(maxsize=1)
def _longest_words() -> dict[str, int]:
    """Length of the longest word of the dictionary that begins with two characters."""
    longest: dict[str, int] = {}
    for word in PHRASES_DICT:
        longest[word[:2]] = max(longest.get(word[:2], 0), len(word))
    return longest


@lru_cache(maxsize=1 << 16)
def _readings(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The syllables of one word of pypinyin's dictionary, or of one character; also toneless."""
    toned = tuple(
        lazy_pinyin(word, style=Style.TONE3, errors=_characters, neutral_tone_with_five=True)
    )
    return toned, tuple(without_tone(syllable) for syllable in toned)


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
        self._codes = _Codes(fuzzy=fuzzy)

    def encode(self, sounds: Iterable[str]) -> str:
        """One code point for each syllable of `sounds`, in order."""
        return "".join(map(self._codes.__getitem__, sounds))


class _Codes(dict[str, str]):
    """The codes of the sounds met so far; one that is new gets its own when it is looked up."""

    def __init__(self, *, fuzzy: bool) -> None:
        super().__init__()
        self._fuzzy = fuzzy
        self._lock = threading.Lock()

    def __missing__(self, sound: str) -> str:
        fuzzy = fuzzy_syllable(sound) if self._fuzzy else sound
        with self._lock:
            code = self.setdefault(fuzzy, chr(_CODES_FROM + len(self)))
            return self.setdefault(sound, code)
