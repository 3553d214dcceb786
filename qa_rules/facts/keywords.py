"""Keyword expressions compiled for the normalised, heard and pinyin forms of a text."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from events.keywords import (
    AllOf,
    AnyOf,
    Expression,
    Near,
    Not,
    Term,
    find,
    map_terms,
    parse_expression,
    substring_spans,
    terms,
)
from nlp.normalise import TextForm, TextForms, forms
from nlp.phonetics import syllables
from qa_rules.facts.call_facts import SOUNDS, CallFacts
from qa_rules.facts.scan import Triggers

Occurring = Mapping[str, Set[int]]
Placing = Callable[[Occurring], Set[int] | None]
_NOWHERE: frozenset[int] = frozenset()
_SHORTEST_SOUND = 3  # Two syllables sound like too many other words to be evidence.


class Keyword:
    """One expression, shared by every condition that states it: compare by identity."""

    def __init__(self, source: str) -> None:
        parsed = parse_expression(source)
        self._exact = map_terms(parsed, _folded)
        self._sounds = map_terms(parsed, _sounds_of)
        self.terms = tuple(term for term in terms(self._exact) if term)
        self.sounds = tuple(s for s in terms(self._sounds) if len(s) >= _SHORTEST_SOUND)
        self._near_terms = _placed(self._exact, 1)
        self._near_sounds = _placed(self._sounds, _SHORTEST_SOUND)
        # `&` means "in one utterance"; anything narrower must stay inside one sentence.
        self._wide = isinstance(parsed, AllOf)

    def places(self, facts: CallFacts) -> Set[int]:
        """Indexes of the utterances in which the expression may hold, by the words in them."""
        scan = facts.scan
        found = self._near_terms(scan.terms) or frozenset()
        by_sound = self._near_sounds(scan.sounds) if scan.sounds else None
        return found | by_sound if by_sound else found

    def spans(self, text: TextForms, by_sound: bool) -> Iterator[tuple[int, int, TextForm]]:
        """Raw-text spans where the expression holds, and the form that showed it."""
        form: TextForm = "normalised"
        hits = self._exactly(text.normalised, text, form)
        if not hits and text.heard != text.normalised:
            form = "heard"
            hits = self._exactly(text.heard, text, form)
        if not hits and by_sound and self.sounds:
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
    """Several expressions, and where in a call each of them may hold."""

    def __init__(self, words: Sequence[str]) -> None:
        self.each = tuple(keyword(word) for word in words)
        self._of_term = _by_term([one.terms for one in self.each])
        self._of_sound = _by_term([one.sounds for one in self.each])

    @property
    def triggers(self) -> Triggers:
        """The terms of the expressions; without one of them no expression can hold.

        An expression must hold something positive.
        """
        return Triggers(terms=tuple(self._of_term), sounds=tuple(self._of_sound))

    def places(self, facts: CallFacts) -> Iterator[tuple[int, Set[int]]]:
        """Each expression that may hold somewhere, and in which utterances."""
        scan, maybe = facts.scan, set[int]()
        for term in self._of_term.keys() & scan.terms.keys():
            maybe.update(self._of_term[term])
        for sound in self._of_sound.keys() & scan.sounds.keys():
            maybe.update(self._of_sound[sound])
        for which in maybe:
            if places := facts.places_of(self.each[which]):
                yield which, places

    def hold_in(self, text: TextForms) -> bool:
        """Whether some expression holds in a text, sounds left aside."""
        return any(True for one in self.each for _ in one.spans(text, False))


def in_one_sentence(text: TextForms, span: tuple[int, int], form: TextForm) -> bool:
    """Whether a span of a form lies inside one sentence."""
    sentences = text.sentences if form == "normalised" else text.heard_sentences
    if len(sentences) == 1:
        return True
    start, end = span
    return any(low <= start and end <= high for low, high in sentences)


def _placed(expression: Expression, shortest: int) -> Placing:
    """What finds the utterances that hold the words which an expression cannot do without.

    None stands for every utterance: an expression may hold on what is not there.
    """
    if isinstance(expression, Term):
        text = expression.text
        return (lambda occurring: occurring.get(text, _NOWHERE)) if len(text) >= shortest else _none
    if isinstance(expression, Not):
        return lambda _occurring: None
    if isinstance(expression, AnyOf):
        return _union([_placed(part, shortest) for part in expression.parts])
    parts = (
        (expression.left, expression.right) if isinstance(expression, Near) else expression.parts
    )
    return _intersection([_placed(part, shortest) for part in parts])


def _none(_occurring: Occurring) -> Set[int]:
    return _NOWHERE


def _union(parts: Sequence[Placing]) -> Placing:
    def found(occurring: Occurring) -> Set[int] | None:
        together: set[int] = set()
        for part in parts:
            places = part(occurring)
            if places is None:
                return None
            together |= places
        return together

    return found


def _intersection(parts: Sequence[Placing]) -> Placing:
    def found(occurring: Occurring) -> Set[int] | None:
        together: Set[int] | None = None
        for part in parts:
            places = part(occurring)
            if places is not None:
                together = places if together is None else together & places
                if not together:
                    return together
        return together

    return found


def _by_term(of_each: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """The expressions, by position, in which each term occurs."""
    found: dict[str, list[int]] = {}
    for which, terms_of in enumerate(of_each):
        for term in terms_of:
            found.setdefault(term, []).append(which)
    return found


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
