"""Recognised text corrected towards a vocabulary, by sound, with a log of every replacement.

A recogniser that has never met a company's name or a product writes other characters of the same
sound. Where a stretch of text sounds like a term, is not the term, and makes no word of its own,
the term is put in its place. A replacement has as many characters as it replaces, so offsets and
word times stay valid. Doubt means no change: a missed correction is an error the recogniser made,
a false one is an error of ours.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from asr.text import normalise_numbers
from asr.transcript import Replacement, Transcript, Utterance, Word
from nlp.phonetics import SoundCodes, fuzzy_syllable, readings
from nlp.tokenizer import Tokenizer, default_tokenizer
from nlp.word_search import WordSearch

Verdict = Literal["fixed", "harmed", "neutral"]

_HAN = re.compile(r"[一-鿿]+")
_LEAST_CHARACTERS, _MOST_CHARACTERS = 2, 12
# Distance of a syllable: the same sound 0, one that accents and recognisers merge 1, one that
# shares its initial or its final 2.
_MERGED, _NEAR = 1, 2
_MAY_DIFFER = 4  # From this length on one syllable may only be near.
# A dictionary word this frequent is taken as meant.
_COMMON_WORD = 5
# Characters that stand alone in running text: they are not the broken half of a name.
_FUNCTION = frozenset(
    "的了是在不就都也很会要有没和跟给对我你他她它您们这那哪谁吗呢吧啊呀哦嗯把被让从到为与或但而且"
    "个一二两三四五六七八九十百千万多少几年月日天号点分块元钱上下来去说看想能可还再又才只好啥什么怎"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CorrectedText:
    """The text after correction and what was replaced, in order of place."""

    text: str
    replacements: tuple[Replacement, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    text: str
    sounds: tuple[str, ...]
    toned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    term: _Term
    heard: tuple[str, ...]
    distance: int

    @property
    def end(self) -> int:
        return self.start + len(self.term.text)

    @property
    def is_same_sound(self) -> bool:
        return all(
            fuzzy_syllable(a) == fuzzy_syllable(b)
            for a, b in zip(self.heard, self.term.sounds, strict=True)
        )


class Vocabulary:
    """Terms to correct towards: names of companies, products, people; words of the trade.

    Terms of 2 to 12 Chinese characters take part; others (Latin, digits, single characters) have
    no sound to go by and are left out. Safe to share between threads.

    Args:
        terms: In any order; repeats count once.
        tokenizer: Knows which stretches of a text are words; None = the shared one.
    """

    def __init__(self, terms: Iterable[str], tokenizer: Tokenizer | None = None) -> None:
        cleaned = (term.strip() for term in terms)
        self.terms = tuple(sorted({term for term in cleaned if _is_usable(term)}))
        self._tokenizer = tokenizer or default_tokenizer()
        self._known = frozenset(self.terms)
        self._codes = SoundCodes()
        self._by_part: dict[str, list[tuple[int, _Term]]] = {}
        for text in self.terms:
            term = _Term(text, *reversed(readings(text)))
            for offset, part in _parts_to_find(self._codes.encode(term.sounds)):
                self._by_part.setdefault(part, []).append((offset, term))
        self._parts = WordSearch(self._by_part)

    def correct(self, text: str, utterance_index: int = 0) -> CorrectedText:
        """`text` with what sounds like a term, and is nothing else, replaced by the term.

        Correcting twice changes nothing more: the search goes on until nothing is found, and
        what already is a term is never touched.

        Args:
            text: As recognised.
            utterance_index: For the log.
        """
        done: list[Replacement] = []
        while self.terms and (matches := self._matches(text)):
            for match in matches:
                done.append(
                    Replacement(
                        utterance_index,
                        match.start,
                        match.end,
                        text[match.start : match.end],
                        match.term.text,
                        "same-sound" if match.distance == 0 else "near-sound",
                        " ".join(match.term.sounds),
                        " ".join(match.heard),
                        match.distance,
                    )
                )
                text = text[: match.start] + match.term.text + text[match.end :]
        return CorrectedText(text, tuple(sorted(done, key=lambda r: r.start)))

    def _matches(self, text: str) -> list[_Match]:
        """Replacements of one pass: disjoint, the surest first, then the longest."""
        toned, sounds = readings(text)
        if len(sounds) != len(text):
            return []
        candidates: list[_Match] = []
        protected: set[int] | None = None
        for window, terms in self._sounding(text, sounds).items():
            match = self._match(text, toned, sounds, window, terms)
            if match is None:
                continue
            if protected is None:
                protected, borders = self._occurrences(text), self._tokenizer.boundaries(text)
            is_free = not any(i in protected for i in range(match.start, match.end))
            if is_free and self._is_broken(text, match, borders):
                candidates.append(match)
        chosen: list[_Match] = []
        taken: set[int] = set()
        for match in sorted(candidates, key=lambda m: (m.distance, -len(m.term.text), m.start)):
            place = set(range(match.start, match.end))
            if not place & taken:
                chosen.append(match)
                taken |= place
        return chosen

    def _sounding(self, text: str, sounds: Sequence[str]) -> dict[tuple[int, int], set[_Term]]:
        """Stretches of Chinese text with a part that sounds like the same part of some terms."""
        found: dict[tuple[int, int], set[_Term]] = {}
        for number, start, _ in self._parts.places_in(self._codes.encode(sounds)):
            for offset, term in self._by_part[self._parts.words[number]]:
                first, last = start - offset, start - offset + len(term.text)
                if first >= 0 and _HAN.fullmatch(text, first, last) and last <= len(text):
                    found.setdefault((first, last), set()).add(term)
        return found

    def _match(
        self,
        text: str,
        toned: Sequence[str],
        sounds: Sequence[str],
        window: tuple[int, int],
        terms: Iterable[_Term],
    ) -> _Match | None:
        """The one of some terms that a stretch sounds like; None when two are as near."""
        start, end = window
        if text[start:end] in self._known:
            return None
        heard = tuple(sounds[start:end])
        if end - start == _LEAST_CHARACTERS:
            # Two toneless syllables are often some other wording (报过, 包过): tones must agree.
            terms = [term for term in terms if term.toned == tuple(toned[start:end])]
        ranked = sorted(
            (
                _Match(start, term, heard, distance)
                for term in terms
                if (distance := _distance(heard, term.sounds)) is not None
            ),
            key=lambda match: match.distance,
        )
        if not ranked or (len(ranked) > 1 and ranked[1].distance == ranked[0].distance):
            return None
        return ranked[0]

    def _is_broken(self, text: str, match: _Match, borders: frozenset[int]) -> bool:
        """Whether the replaced text is no wording of its own, so that a term may stand there."""
        term, start, end = match.term.text, match.start, match.end
        if self._tokenizer.frequency(text[start:end]) >= _COMMON_WORD:
            return False
        same = sum(a == b for a, b in zip(text[start:end], term, strict=True))
        is_mostly_there = len(term) >= 4 and same * 2 >= len(term) and match.is_same_sound
        for first, last in _tokens_over(start, end, borders):
            token = text[first:last]
            frequency = self._tokenizer.frequency(token) if last - first > 1 else 0
            if first < start or last > end:
                if frequency:
                    return False  # a word that begins or goes on outside would be torn
                continue
            is_word = frequency >= _COMMON_WORD
            is_kept = token == term[first - start : last - start]
            if is_kept or is_mostly_there:
                continue
            if is_word or (len(term) < 4 and last - first == 1 and token in _FUNCTION):
                return False
        return True

    def _occurrences(self, text: str) -> set[int]:
        """Offsets that belong to a term as it should be."""
        places: set[int] = set()
        for term in self.terms:
            at = text.find(term)
            while at >= 0:
                places.update(range(at, at + len(term)))
                at = text.find(term, at + 1)
        return places


def correct_transcript(transcript: Transcript, vocabulary: Vocabulary) -> Transcript:
    """The transcript with every utterance corrected: text, normalised text and words alike.

    What was corrected before is taken back first, so that the result depends on the recognised
    text and on this vocabulary only. Times, confidences and the number of words do not change;
    `corrections` says what was replaced.
    """
    heard = as_recognised(transcript)
    found = [vocabulary.correct(u.text, u.index) for u in heard.utterances]
    corrections = tuple(made for corrected in found for made in corrected.replacements)
    if corrections == transcript.corrections:
        return transcript
    utterances = tuple(
        _with_text(utterance, corrected.text)
        for utterance, corrected in zip(heard.utterances, found, strict=True)
    )
    return replace(heard, utterances=utterances, corrections=corrections)


def as_recognised(transcript: Transcript) -> Transcript:
    """The transcript without its corrections: the text as the engine wrote it."""
    if not transcript.corrections:
        return transcript
    by_utterance: dict[int, list[Replacement]] = {}
    for made in transcript.corrections:
        by_utterance.setdefault(made.utterance_index, []).append(made)
    utterances = []
    for utterance in transcript.utterances:
        text = utterance.text
        for made in by_utterance.get(utterance.index, ()):
            text = text[: made.start] + made.before + text[made.end :]
        utterances.append(_with_text(utterance, text))
    return replace(transcript, utterances=tuple(utterances), corrections=())


def _with_text(utterance: Utterance, text: str) -> Utterance:
    if text == utterance.text:
        return utterance
    return replace(
        utterance,
        text=text,
        normalised=normalise_numbers(text).text,
        words=_rewritten(utterance, text),
    )


def judge(replacement: Replacement, reference: str) -> Verdict:
    """What a replacement did, by what was really said at that place.

    Args:
        replacement: One correction.
        reference: The true text of the turn that the utterance belongs to.

    Returns:
        `fixed` when the term was said, `harmed` when the replaced text was, `neutral` when
        neither was (the text was wrong before and is wrong now).
    """
    if replacement.after in reference:
        return "fixed"
    return "harmed" if replacement.before in reference else "neutral"


def _is_usable(term: str) -> bool:
    return bool(_LEAST_CHARACTERS <= len(term) <= _MOST_CHARACTERS and _HAN.fullmatch(term))


def _parts_to_find(codes: str) -> list[tuple[int, str]]:
    """What of a term's sounds must occur for it to be near: offset and codes.

    A longer term may differ in one syllable, so that one of its halves is as it should be.
    """
    if len(codes) < _MAY_DIFFER:
        return [(0, codes)]
    middle = len(codes) // 2
    return [(0, codes[:middle]), (middle, codes[middle:])]


def _distance(heard: Sequence[str], wanted: Sequence[str]) -> int | None:
    """How far apart two soundings are, None when too far for their length.

    Two characters must sound the same (to the tone, see `_match`); three may have one merged
    sound; from four on two merged sounds or one near one are allowed: the longer a term, the
    less likely by chance.
    """
    merged = near = 0
    for a, b in zip(heard, wanted, strict=True):
        if a == b:
            continue
        if fuzzy_syllable(a) == fuzzy_syllable(b):
            merged += 1
        elif _is_near(a, b):
            near += 1
        else:
            return None
    length = len(wanted)
    allowed = (near == 0 and merged <= max(0, min(2, length - 2))) or (
        near == 1 and merged == 0 and length >= _MAY_DIFFER
    )
    return merged * _MERGED + near * _NEAR if allowed else None


def _is_near(a: str, b: str) -> bool:
    """Whether two syllables share their initial or their final, merged sounds taken as one."""
    (initial_a, final_a), (initial_b, final_b) = _parts(a), _parts(b)
    return (initial_a == initial_b != "") or final_a == final_b


def _parts(syllable: str) -> tuple[str, str]:
    fuzzy = fuzzy_syllable(syllable)
    match = re.match(r"[bpmfdtnlgkhjqxrzcsyw]?", fuzzy)
    initial = match.group() if match else ""
    return initial, fuzzy[len(initial) :]


def _tokens_over(start: int, end: int, borders: frozenset[int]) -> list[tuple[int, int]]:
    """The tokens that touch `[start, end)`, as offsets."""
    first = max(b for b in borders if b <= start)
    inner = sorted(b for b in borders if start < b < end)
    last = min(b for b in borders if b >= end)
    edges = [first, *inner, last]
    return list(itertools.pairwise(edges))


def _rewritten(utterance: Utterance, text: str) -> tuple[Word, ...]:
    """The words with the characters that now stand where theirs stood."""
    words: list[Word] = []
    position = 0
    for word in utterance.words:
        core = word.text.strip()
        at = utterance.text.find(core, position) if core else -1
        if at < 0:  # not of this text: nothing to rewrite it by
            words.append(word)
            continue
        lead = word.text.index(core)
        rest = word.text[lead + len(core) :]
        words.append(replace(word, text=word.text[:lead] + text[at : at + len(core)] + rest))
        position = at + len(core)
    return tuple(words)
