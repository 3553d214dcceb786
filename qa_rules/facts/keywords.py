"""Keyword expressions compiled for the normalised, heard and pinyin forms of a text."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from events.keywords import (
    AllOf,
    Term,
    find,
    map_terms,
    needed,
    parse_expression,
    substring_spans,
)
from nlp.normalise import TextForm, TextForms, forms
from nlp.phonetics import syllables
from qa_rules.facts.call_facts import SOUNDS
from qa_rules.facts.literals import rarest

_SHORTEST_SOUND = 3  # Two syllables sound like too many other words to be evidence.


class Keyword:
    """One expression, shared by every condition that states it: compare by identity.

    `signs` and `sound_signs` are words of which it needs one, in the forms they are looked for in.
    """

    holds_in = None

    def __init__(self, source: str) -> None:
        parsed = parse_expression(source)
        self._exact = map_terms(parsed, _folded)
        self._sounds = map_terms(parsed, _sounds_of)
        self._groups = needed(self._exact)
        self.signs = rarest(self._groups)
        self.sound_signs = _sounding(needed(self._sounds))
        # `&` means "in one utterance"; anything narrower must stay inside one sentence.
        self._wide = isinstance(parsed, AllOf)

    def may_hold_in(self, text: TextForms) -> bool:
        """Whether the words that it needs occur in a text; sounds left aside."""
        return all(
            any(word in text.normalised or word in text.heard for word in group)
            for group in self._groups
        )

    def spans(self, text: TextForms, by_sound: bool) -> Iterator[tuple[int, int, TextForm]]:
        """Raw-text spans where the expression holds, and the form that showed it."""
        form: TextForm = "normalised"
        hits = self._exactly(text.normalised, text, form)
        if not hits and text.heard != text.normalised:
            form = "heard"
            hits = self._exactly(text.heard, text, form)
        if not hits and by_sound and self.sound_signs:
            form = "pinyin"
            found = find(self._sounds, _soundingly(SOUNDS.encode(text.pinyin)))
            hits = self._kept(found, text, form)
        for start, end in hits:
            raw_start, raw_end = text.to_raw(start, end, form)
            yield raw_start, raw_end, form

    def _exactly(self, subject: str, text: TextForms, form: TextForm) -> Sequence[tuple[int, int]]:
        exact = self._exact
        if isinstance(exact, Term):
            found = substring_spans(exact.text, subject)
        else:
            found = find(exact, lambda term: substring_spans(term, subject))
        return self._kept(found, text, form) if found else found

    def _kept(
        self, spans: Sequence[tuple[int, int]], text: TextForms, form: TextForm
    ) -> Sequence[tuple[int, int]]:
        return spans if self._wide else [s for s in spans if in_one_sentence(text, s, form)]


@lru_cache(maxsize=1 << 16)
def keyword(source: str) -> Keyword:
    """The compiled expression, the same one for the same source.

    Raises:
        AppError: `bad-expression`.
    """
    return Keyword(source)


class Keywords:
    """Several expressions."""

    def __init__(self, words: Sequence[str]) -> None:
        self.each = tuple(keyword(word) for word in words)

    def hold_in(self, text: TextForms) -> bool:
        """Whether some expression holds in a text, sounds left aside."""
        return any(
            one.may_hold_in(text) and any(True for _ in one.spans(text, False)) for one in self.each
        )


def in_one_sentence(text: TextForms, span: tuple[int, int], form: TextForm) -> bool:
    """Whether a span of a form lies inside one sentence."""
    sentences = text.sentences if form == "normalised" else text.heard_sentences
    if len(sentences) == 1:
        return True
    start, end = span
    return any(low <= start and end <= high for low, high in sentences)


def _sounding(groups: Sequence[frozenset[str]]) -> frozenset[str]:
    """The first group without sounds that are too short; none when some group has no other."""
    kept = [frozenset(s for s in group if len(s) >= _SHORTEST_SOUND) for group in groups]
    return kept[0] if all(kept) else frozenset()


def _soundingly(codes: str) -> Callable[[str], tuple[tuple[int, int], ...]]:
    def occurrences(term: str) -> tuple[tuple[int, int], ...]:
        return substring_spans(term, codes) if len(term) >= _SHORTEST_SOUND else ()

    return occurrences


@lru_cache(maxsize=1 << 16)
def _folded(term: str) -> str:
    return forms(term).heard or term


@lru_cache(maxsize=1 << 16)
def _sounds_of(term: str) -> str:
    return SOUNDS.encode(syllables(_folded(term)))
