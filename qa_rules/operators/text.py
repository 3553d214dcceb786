"""Operators that read words: keyword, regex and not_regex."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from asr.transcript import Utterance
from core.evidence import Form, Layer
from qa_rules.conditions.searches import KeywordCondition, Polarity, RegexCondition
from qa_rules.facts.call_facts import CallFacts, Selection, quote
from qa_rules.facts.keywords import Keyword, Keywords, in_one_sentence
from qa_rules.facts.patterns import Pattern, pattern
from qa_rules.facts.polarity import affirmed
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


class KeywordOperator(SearchOperator):
    """Runs a `KeywordCondition`."""

    def __init__(self, condition: KeywordCondition, setting: Setting) -> None:
        self._condition = condition
        self._keywords = Keywords(condition.words)
        self._needed = entries_needed(condition.mode, len(condition.words), condition.at_least)
        self._claims = claims(condition.polarity, condition.unless, condition.plausible)
        self._combine = combine_in_one if condition.in_one_utterance else combine
        super().__init__(
            condition.scope,
            setting,
            Triggers(self._keywords.each),
            asks_absence=condition.mode == "none",
            layer="keyword",
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        groups = [
            self._occurrences(which, facts, selection, selection.among(mask))
            for which, mask in sorted(facts.found.get(self, ()))
        ]
        searched = partial(self.searched, selection)
        return self._combine(self._condition.mode, self._needed, groups, selection.gap, searched)

    def _occurrences(
        self, which: int, facts: CallFacts, selection: Selection, said: Sequence[Utterance]
    ) -> Group:
        word = self._keywords.each[which]
        found: list[Place] = []
        for utterance in said:
            key = (word, self._claims, utterance.index)
            known = facts.quoted.get(key)
            if known is None:
                known = facts.quoted[key] = tuple(self._quotes(word, facts, utterance))
            found += known
        return tuple(filter(selection.covers, found) if selection.beside else found)

    def _quotes(self, word: Keyword, facts: CallFacts, utterance: Utterance) -> Iterator[Place]:
        for start, end, form in word.spans(facts.forms(utterance), facts.recognised):
            if self._claims.allow(facts, utterance, start, end):
                layer: Layer = "pinyin" if form == "pinyin" else "keyword"
                shown: Form = "raw" if form == "heard" else form
                score = 0.9 if form == "pinyin" else 1.0
                yield quote(utterance, start, end, layer, shown, score)


class RegexOperator(SearchOperator):
    """Runs a `RegexCondition` on the normalised text, then on the text as heard."""

    def __init__(self, condition: RegexCondition, setting: Setting) -> None:
        self._negated = condition.negated
        self._patterns = tuple(map(pattern, condition.patterns))
        self._claims = claims(condition.polarity, condition.unless, condition.plausible)
        super().__init__(
            condition.scope,
            setting,
            Triggers(self._patterns),
            asks_absence=condition.negated,
            layer="regex",
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        found: list[Place] = []
        for which, mask in sorted(facts.found.get(self, ())):
            one = self._patterns[which]
            for utterance in selection.among(mask):
                key = (one, self._claims, utterance.index)
                known = facts.quoted.get(key)
                if known is None:
                    known = facts.quoted[key] = tuple(self._quotes(one, facts, utterance))
                found += known
        kept = filter(selection.covers, found) if selection.beside else found
        verdict = self.verdict(merge_evidence(tuple(kept)), selection)
        return opposite(verdict) if self._negated else verdict

    def _quotes(self, one: Pattern, facts: CallFacts, utterance: Utterance) -> Iterator[Place]:
        for form, line in facts.lines(utterance):
            for span in one.spans(line):
                text = facts.forms(utterance)
                if not in_one_sentence(text, span, form):
                    continue
                start, end = text.to_raw(*span, form)
                if self._claims.allow(facts, utterance, start, end):
                    shown: Form = "normalised" if form == "normalised" else "raw"
                    yield quote(utterance, start, end, "regex", shown)
