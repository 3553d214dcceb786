"""Forms of a text that matchers read, each aligned with the raw text that people read."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from asr.text import NumberNormalised, normalise_numbers
from nlp.phonetics import readings

TextForm = Literal["normalised", "heard", "pinyin"]

_SENTENCE_ENDS = frozenset("。！？!?；;…\n")
_ORPHAN = 4  # A clause shorter than this joins its neighbour: "对，" says nothing alone.


@dataclass(frozen=True, slots=True)
class _Stripped:
    """A text without punctuation, in lower case. `at[i]` is where code point i came from."""

    text: str
    at: tuple[int, ...]
    clauses: tuple[tuple[int, int], ...]
    sentences: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class TextForms:
    """One text in the forms that matchers compare.

    `normalised`: NFKC, Latin in lower case, spoken numbers as digits, no punctuation or spaces.
    `heard`: the same with numbers as they were spoken. `pinyin`: one toneless syllable for each
    code point of `heard`. `clauses` and `sentences` are half-open spans of `normalised`, cut at
    every punctuation mark and at sentence ends; they cover it without gaps.
    """

    raw: str

    @cached_property
    def _numbers(self) -> NumberNormalised:
        return normalise_numbers(self.raw)

    @cached_property
    def _normalised(self) -> _Stripped:
        return _strip(self._numbers.text)

    @cached_property
    def _heard(self) -> _Stripped:
        return self._normalised if self._numbers.text == self.raw else _strip(self.raw)

    @property
    def normalised(self) -> str:
        """The text with numbers as digits."""
        return self._normalised.text

    @property
    def heard(self) -> str:
        """The text with numbers as spoken."""
        return self._heard.text

    @cached_property
    def _readings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return readings(self.heard)

    @property
    def toned(self) -> tuple[str, ...]:
        """Syllables with the tone as a digit, one for each code point of `heard`."""
        return self._readings[0]

    @property
    def pinyin(self) -> tuple[str, ...]:
        """Toneless syllables, one for each code point of `heard`."""
        return self._readings[1]

    @property
    def clauses(self) -> tuple[tuple[int, int], ...]:
        """Spans of `normalised` between punctuation marks; very short ones join a neighbour."""
        return self._normalised.clauses

    @property
    def sentences(self) -> tuple[tuple[int, int], ...]:
        """Spans of `normalised` between sentence ends."""
        return self._normalised.sentences

    @property
    def heard_sentences(self) -> tuple[tuple[int, int], ...]:
        """Spans of `heard` between sentence ends."""
        return self._heard.sentences

    def to_raw(self, start: int, end: int, form: TextForm = "normalised") -> tuple[int, int]:
        """The half-open code points of `raw` that `[start, end)` of a form came from.

        An empty span maps to an empty span.

        Raises:
            ValueError: when the span lies outside the form.
        """
        stripped = self._normalised if form == "normalised" else self._heard
        if not 0 <= start <= end <= len(stripped.at):
            raise ValueError(f"[{start}, {end}) is outside a form of {len(stripped.at)} characters")
        if start == end:
            place = stripped.at[start] if start < len(stripped.at) else None
            raw = len(self.raw) if place is None else self._raw(place, place + 1, form)[0]
            return raw, raw
        return self._raw(stripped.at[start], stripped.at[end - 1] + 1, form)

    def _raw(self, start: int, end: int, form: TextForm) -> tuple[int, int]:
        return self._numbers.to_raw(start, end) if form == "normalised" else (start, end)


def forms(text: str) -> TextForms:
    """The forms of `text`; each is worked out when it is first asked for."""
    return TextForms(text)


def _strip(text: str) -> _Stripped:
    characters: list[str] = []
    at: list[int] = []
    clause_ends: list[int] = []
    sentence_ends: list[int] = []
    for index, character in enumerate(text):
        if "一" <= character <= "鿿":  # The common case, and NFKC leaves it alone.
            characters.append(character)
            at.append(index)
            continue
        kept = False
        for folded in _folded(character):
            if _kept(folded) or (folded in "%." and _inside_number(text, index)):
                characters.append(folded)
                at.append(index)
                kept = True
        if not kept:
            clause_ends.append(len(characters))
            if character in _SENTENCE_ENDS:
                sentence_ends.append(len(characters))
    length = len(characters)
    return _Stripped(
        "".join(characters),
        tuple(at),
        _spans(clause_ends, length, _ORPHAN),
        _spans(sentence_ends, length, 1),
    )


@lru_cache(maxsize=1 << 14)
def _folded(character: str) -> str:
    return unicodedata.normalize("NFKC", character).lower()


@lru_cache(maxsize=1 << 14)
def _kept(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _inside_number(text: str, index: int) -> bool:
    before = text[index - 1] if index else ""
    after = text[index + 1] if index + 1 < len(text) else ""
    return before.isdigit() and (text[index] in "%％" or after.isdigit())


def _spans(ends: list[int], length: int, shortest: int) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    start = 0
    for end in (*ends, length):
        if end - start >= shortest:
            spans.append((start, end))
            start = end
    if start < length:  # A short rest joins the clause before it.
        start = spans.pop()[0] if spans else 0
        spans.append((start, length))
    return tuple(spans)
