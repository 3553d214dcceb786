"""Operators that read words: keyword, regex and not_regex."""

from collections.abc import Iterator
from functools import lru_cache, partial

from asr.transcript import Utterance
from core.evidence import Form, Layer
from nlp.normalise import TextForm
from qa_rules.conditions.searches import KeywordCondition, Polarity, RegexCondition
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.facts.keywords import Keyword, Keywords, in_one_sentence
from qa_rules.facts.patterns import Pattern, pattern
from qa_rules.facts.polarity import affirmed
from qa_rules.facts.scan import Mask
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
            counts=condition.mode != "any",
            layer="keyword",
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        groups = [
            self._occurrences(which, facts, selection, mask & selection.mask)
            for which, mask in sorted(facts.found.get(self, ()))
        ]
        searched = partial(self.searched, selection)
        return self._combine(self._condition.mode, self._needed, groups, selection.gap, searched)

    def _occurrences(self, which: int, facts: CallFacts, selection: Selection, mask: Mask) -> Group:
        word = self._keywords.each[which]
        found = [item for at in bits(mask) for item in self._quoted(word, facts, at)]
        return tuple(filter(selection.covers, found) if selection.beside else found)

    def occurs(self, facts: CallFacts, selection: Selection) -> bool | None:
        """Whether some word is said in a way that counts, where one is enough."""
        if self._condition.mode not in ("any", "none"):
            return None
        for which, mask in facts.found.get(self, ()):
            word = self._keywords.each[which]
            for at in bits(mask & selection.mask):
                if self._quoted(word, facts, at):
                    return True
        return False

    def _quoted(self, word: Keyword, facts: CallFacts, at: int) -> tuple[Place, ...]:
        key = (word, self._claims, at)
        known = facts.quoted.get(key)
        if known is None:
            utterance = facts.transcript.utterances[at]
            known = facts.quoted[key] = tuple(self._quotes(word, facts, utterance))
        return known

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
            for at in bits(facts.matched(one, mask & selection.mask)):
                found += self._quoted(one, facts, at)
        kept = filter(selection.covers, found) if selection.beside else found
        verdict = self.verdict(merge_evidence(tuple(kept)), selection)
        return opposite(verdict) if self._negated else verdict

    def occurs(self, facts: CallFacts, selection: Selection) -> bool | None:
        """Whether some pattern matches in a way that counts."""
        for which, mask in facts.found.get(self, ()):
            one = self._patterns[which]
            for at in bits(facts.matched(one, mask & selection.mask)):
                if self._quoted(one, facts, at):
                    return True
        return False

    def _quoted(self, one: Pattern, facts: CallFacts, at: int) -> tuple[Place, ...]:
        key = (one, self._claims, at)
        known = facts.quoted.get(key)
        if known is None:
            known = facts.quoted[key] = tuple(self._quotes(one, facts, at))
        return known

    def _quotes(self, one: Pattern, facts: CallFacts, at: int) -> Iterator[Place]:
        utterance, (normalised, heard) = facts.transcript.utterances[at], facts.line(at)
        text = facts.forms(utterance)
        for form, line in ((_NORMALISED, normalised), (_HEARD, heard)):
            for span in one.spans(line) if line is not None else ():
                if not in_one_sentence(text, span, form):
                    continue
                start, end = text.to_raw(*span, form)
                if self._claims.allow(facts, utterance, start, end):
                    shown: Form = "normalised" if form == "normalised" else "raw"
                    yield quote(utterance, start, end, "regex", shown)
