"""Operators that read words: keyword, regex and not_regex."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Generic, TypeVar

from asr.transcript import Utterance
from core.evidence import Form, Layer
from nlp.normalise import TextForm
from qa_rules.conditions.searches import KeywordCondition, Polarity, RegexCondition
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.facts.keywords import Keyword, Keywords, in_one_sentence
from qa_rules.facts.patterns import Pattern, pattern
from qa_rules.facts.polarity import affirmed
from qa_rules.facts.selection import Selection, bits
from qa_rules.operators.searching import (
    Group,
    SearchOperator,
    Setting,
    Triggers,
    combine,
    combine_in_one,
    entries_needed,
)
from qa_rules.verdicts.place import Place
from qa_rules.verdicts.verdict import Verdict, merge_evidence, opposite

_NORMALISED: TextForm = "normalised"
_HEARD: TextForm = "heard"


class Claims:
    """Whether words are the speaker's own claim, not excused by an `unless`, and `plausible`."""

    def __init__(self, polarity: Polarity, unless: tuple[str, ...], plausible: str) -> None:
        self._plausible = plausible
        self._unless = Keywords(unless) if unless else None
        self._affirmed = polarity == "affirmed"

    def allow(self, facts: CallFacts, utterance: Utterance, start: int, end: int) -> bool:
        """Whether a match counts."""
        if self._affirmed and not affirmed(utterance.text, start, end):
            return False
        if self._plausible and not facts.may_be(self._plausible, utterance):
            return False
        return not self.excuse(facts, utterance)

    def excuse(self, facts: CallFacts, utterance: Utterance) -> bool:
        """Whether the utterance holds an expression of `unless`."""
        return self._unless is not None and self._unless.hold_in(facts.forms(utterance))


@lru_cache(maxsize=1 << 14)
def claims(polarity: Polarity, unless: tuple[str, ...], plausible: str = "") -> Claims:
    """The claims that a condition lets count, the same ones for the same words."""
    return Claims(polarity, unless, plausible)


Trigger = TypeVar("Trigger", Keyword, Pattern)


class _WordingOperator(SearchOperator, Generic[Trigger]):
    """Looks for any of `each` in what was said; what was found is kept for all that look for it."""

    each: Sequence[Trigger]
    claims: Claims

    def occurs(self, facts: CallFacts, selection: Selection) -> bool | None:
        """Whether one of them is said in a way that counts."""
        return any(self._quoted(which, facts, at) for which, at in self._places(facts, selection))

    def _places(self, facts: CallFacts, selection: Selection) -> Iterator[tuple[int, int]]:
        """Where which of them may be: numbers in `each`, and of the utterances in the call."""
        for which, mask in sorted(facts.found.get(self, ())):
            for at in bits(facts.matched(self.each[which], mask & selection.mask)):
                yield which, at

    def _quoted(self, which: int, facts: CallFacts, at: int) -> tuple[Place, ...]:
        one = self.each[which]
        key = (one, self.claims, at)
        known = facts.quoted.get(key)
        if known is None:
            known = facts.quoted[key] = tuple(self._quotes(one, facts, at))
        return known

    @abstractmethod
    def _quotes(self, one: Trigger, facts: CallFacts, at: int) -> Iterator[Place]:
        """What is said of it in an utterance, as far as it counts."""


class KeywordOperator(_WordingOperator[Keyword]):
    """Runs a `KeywordCondition`."""

    def __init__(self, condition: KeywordCondition, setting: Setting) -> None:
        self._condition = condition
        self.each = Keywords(condition.words).each
        self._needed = entries_needed(condition.mode, len(condition.words), condition.at_least)
        self.claims = claims(condition.polarity, condition.unless, condition.plausible)
        self._combine = combine_in_one if condition.in_one_utterance else combine
        super().__init__(
            condition.scope,
            setting,
            Triggers(self.each),
            asks_absence=condition.mode == "none",
            counts=condition.mode != "any",
            layer="keyword",
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        found: dict[int, list[Place]] = {}
        for which, at in self._places(facts, selection):
            found.setdefault(which, []).extend(self._quoted(which, facts, at))
        groups: list[Group] = [
            tuple(filter(selection.covers, places) if selection.beside else places)
            for places in found.values()
        ]
        searched = partial(self.searched, selection)
        return self._combine(self._condition.mode, self._needed, groups, selection.gap, searched)

    def occurs(self, facts: CallFacts, selection: Selection) -> bool | None:
        """Whether some word is said in a way that counts, where one is enough."""
        if self._condition.mode not in ("any", "none"):
            return None
        return super().occurs(facts, selection)

    def _quotes(self, one: Keyword, facts: CallFacts, at: int) -> Iterator[Place]:
        utterance = facts.transcript.utterances[at]
        for start, end, form in one.spans(facts.forms(utterance), facts.recognised):
            if self.claims.allow(facts, utterance, start, end):
                layer: Layer = "pinyin" if form == "pinyin" else "keyword"
                shown: Form = "raw" if form == "heard" else form
                score = 0.9 if form == "pinyin" else 1.0
                yield quote(utterance, start, end, layer, shown, score)


class RegexOperator(_WordingOperator[Pattern]):
    """Runs a `RegexCondition` on the normalised text, then on the text as heard."""

    def __init__(self, condition: RegexCondition, setting: Setting) -> None:
        self._negated = condition.negated
        self.each = tuple(map(pattern, condition.patterns))
        self.claims = claims(condition.polarity, condition.unless, condition.plausible)
        super().__init__(
            condition.scope,
            setting,
            Triggers(self.each),
            asks_absence=condition.negated,
            layer="regex",
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        found: list[Place] = []
        for which, at in self._places(facts, selection):
            found += self._quoted(which, facts, at)
        kept = filter(selection.covers, found) if selection.beside else found
        verdict = self.verdict(merge_evidence(tuple(kept)), selection)
        return opposite(verdict) if self._negated else verdict

    def _quotes(self, one: Pattern, facts: CallFacts, at: int) -> Iterator[Place]:
        utterance, (normalised, heard) = facts.transcript.utterances[at], facts.line(at)
        text = facts.forms(utterance)
        for form, line in ((_NORMALISED, normalised), (_HEARD, heard)):
            for span in one.spans(line) if line is not None else ():
                if not in_one_sentence(text, span, form):
                    continue
                start, end = text.to_raw(*span, form)
                if self.claims.allow(facts, utterance, start, end):
                    shown: Form = "normalised" if form == "normalised" else "raw"
                    yield quote(utterance, start, end, "regex", shown)
