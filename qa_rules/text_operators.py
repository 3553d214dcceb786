"""Operators that read what was said: keyword, regex, not_regex, semantic, act, event."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import re2

from asr.transcript import Utterance
from core.errors import AppError
from core.evidence import Evidence, Form, Layer
from events.keywords import (
    AllOf,
    Expression,
    find,
    map_terms,
    parse_expression,
    substring_spans,
    terms,
)
from nlp.normalise import TextForm, TextForms, forms
from nlp.phonetics import syllables
from qa_rules.facts import SOUNDS, CallFacts, Selection, quote
from qa_rules.logic import Truth
from qa_rules.meaning import Unit
from qa_rules.polarity import affirmed, denial, quotes
from qa_rules.scan import Triggers
from qa_rules.scope import Scope
from qa_rules.searches import (
    ActCondition,
    EventCondition,
    KeywordCondition,
    Mode,
    RegexCondition,
    SemanticCondition,
    TextCondition,
)
from qa_rules.verdict import Gap, Verdict, absent, fact, found, merge_evidence, opposite, unsettled

Searched = Callable[[], Evidence]
_SHORTEST_SOUND = 3  # Two syllables sound like too many other words to be evidence.


class Keywords:
    """Keyword expressions compiled for the normalised, heard and pinyin forms of a text."""

    def __init__(self, words: Sequence[str]) -> None:
        parsed = [parse_expression(word) for word in words]
        self._exact = [map_terms(expression, _folded) for expression in parsed]
        self._sounds = [map_terms(expression, _sounds_of) for expression in parsed]
        self._of_term = _by_term(self._exact, 1)
        self._of_sound = _by_term(self._sounds, _SHORTEST_SOUND)

    @property
    def triggers(self) -> Triggers:
        """The terms of the expressions; without one of them no expression can hold.

        An expression must hold something positive.
        """
        return Triggers(
            terms=tuple(self._of_term),
            sounds=tuple(self._of_sound),
        )

    def places(self, facts: CallFacts) -> dict[int, set[int]]:
        """For each expression with a term in the call: indexes of the utterances that hold one."""
        scan = facts.scan
        found: dict[int, set[int]] = {}
        for wanted, occurring in ((self._of_term, scan.terms), (self._of_sound, scan.sounds)):
            for term in wanted.keys() & occurring.keys():
                for which in wanted[term]:
                    found.setdefault(which, set()).update(occurring[term])
        return found

    def __len__(self) -> int:
        return len(self._exact)

    def spans(
        self, which: int, text: TextForms, by_sound: bool
    ) -> Iterator[tuple[int, int, TextForm]]:
        """Raw-text spans where expression `which` holds, and the form that showed it."""
        exact = self._exact[which]
        form: TextForm = "normalised"
        hits = self._kept(exact, find(exact, _exactly(text.normalised)), text, form)
        if not hits and text.heard != text.normalised:
            form = "heard"
            hits = self._kept(exact, find(exact, _exactly(text.heard)), text, form)
        if not hits and by_sound:
            form = "pinyin"
            codes = SOUNDS.encode(text.pinyin)
            hits = self._kept(exact, find(self._sounds[which], _soundingly(codes)), text, form)
        for start, end in hits:
            raw_start, raw_end = text.to_raw(start, end, form)
            yield raw_start, raw_end, form

    @staticmethod
    def _kept(
        expression: Expression, spans: Sequence[tuple[int, int]], text: TextForms, form: TextForm
    ) -> list[tuple[int, int]]:
        # `&` means "in one utterance"; anything narrower must stay inside one sentence.
        if isinstance(expression, AllOf):
            return list(spans)
        return [span for span in spans if _in_one_sentence(text, span, form)]


def _by_term(expressions: Sequence[Expression], shortest: int) -> dict[str, list[int]]:
    """The expressions, by position, in which each term occurs that is long enough."""
    found: dict[str, list[int]] = {}
    for which, expression in enumerate(expressions):
        for term in terms(expression):
            if len(term) >= shortest:
                found.setdefault(term, []).append(which)
    return found


def _exactly(text: str) -> Callable[[str], tuple[tuple[int, int], ...]]:
    return lambda term: substring_spans(term, text)


def _soundingly(codes: str) -> Callable[[str], tuple[tuple[int, int], ...]]:
    def occurrences(term: str) -> tuple[tuple[int, int], ...]:
        return substring_spans(term, codes) if len(term) >= _SHORTEST_SOUND else ()

    return occurrences


@lru_cache(maxsize=4096)
def _folded(term: str) -> str:
    return forms(term).heard or term


@lru_cache(maxsize=4096)
def _sounds_of(term: str) -> str:
    return SOUNDS.encode(syllables(_folded(term)))


def _in_one_sentence(text: TextForms, span: tuple[int, int], form: TextForm) -> bool:
    sentences = text.sentences if form == "normalised" else text.heard_sentences
    return any(start <= span[0] and span[1] <= end for start, end in sentences)


class Patterns:
    """RE2 patterns behind one set, so that a text without any match is read once.

    Raises:
        AppError: `bad-rules` quoting the pattern that RE2 refuses and why.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        options = re2.Options()
        options.log_errors = False
        self._each = [_compile(pattern, options) for pattern in patterns]
        self._any = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._any.Add(pattern)
        self._any.Compile()
        self._by_line = self._over_lines(patterns, options)

    @staticmethod
    def _over_lines(patterns: Sequence[str], options: Any) -> Mapping[str, Any] | None:
        """The patterns for many texts at once, one a line; None when that would differ."""
        plain = [pattern.replace("(?:", "").replace("(?P<", "") for pattern in patterns]
        if any(special in pattern for pattern in plain for special in (r"\A", r"\z", "(?")):
            return None
        return {
            pattern: re2.compile(f"(?m){pattern}".encode(), options)  # Bytes need no offsets.
            for pattern in patterns
        }

    @property
    def triggers(self) -> Triggers | None:
        """The patterns, None when they cannot be searched in many utterances at once."""
        return None if self._by_line is None else Triggers(patterns=tuple(self._by_line))

    def places(self, facts: CallFacts) -> set[int]:
        """Indexes of the utterances in which some pattern may match."""
        if self._by_line is None:
            return {utterance.index for utterance in facts.transcript.utterances}
        found: set[int] = set()
        for pattern, compiled in self._by_line.items():
            if pattern in facts.scan.patterns:
                found |= facts.scan.lines_of(compiled)
        return found

    def matches_empty(self) -> bool:
        """Whether some pattern finds something where nothing was said."""
        return bool(self._any.Match(""))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Non-empty matches, pattern by pattern; those of one pattern do not overlap.

        A group named `hit` narrows the match to what it holds; the rest is context.
        """
        for which in sorted(self._any.Match(text) or ()):
            for match in self._each[which].finditer(text):
                start, end = match.span(self._each[which].groupindex.get("hit", 0))
                if end > start >= 0:
                    yield start, end


def _compile(pattern: str, options: Any) -> Any:
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise AppError(
            "bad-rules",
            f"正则“{pattern}”不能用（{detail}）：RE2 不支持反向引用与环视，请改写。",
            detail={"pattern": pattern},
        ) from error


class _Text:
    """What keyword, regex and semantic operators share: scope, `unless`, polarity, outcome."""

    def __init__(self, condition: TextCondition, unheard_ms: int, missing: str) -> None:
        self._scope = condition.scope
        self._unheard_ms = unheard_ms
        self._unless = Keywords(condition.unless)
        self._affirmed = condition.polarity == "affirmed"
        self._missing = missing

    def select(self, facts: CallFacts) -> Selection:
        return facts.select(self._scope, self._unheard_ms)

    def counts(self, facts: CallFacts, utterance: Utterance, start: int, end: int) -> bool:
        """Whether a match is the speaker's own claim and not excused by `unless`."""
        if self._affirmed and not affirmed(utterance.text, start, end):
            return False
        return not self.excused(facts, utterance)

    def excused(self, facts: CallFacts, utterance: Utterance) -> bool:
        """Whether the utterance holds an expression of `unless`."""
        text = facts.forms(utterance)
        excuses = range(len(self._unless))
        return any(True for which in excuses for _ in self._unless.spans(which, text, False))

    def searched(self, selection: Selection) -> Evidence:
        """Evidence that the scope was searched in vain."""
        window = selection.window
        role = "" if self._scope.role == "any" else self._scope.role
        return fact(self._missing, "keyword", window.start_ms, window.end_ms, role)

    def verdict(self, occurrences: tuple[Evidence, ...], selection: Selection) -> Verdict:
        """TRUE with occurrences; without any, FALSE only when all of the scope was heard."""
        return _judge(occurrences, selection.gap, partial(self.searched, selection))


def _judge(occurrences: tuple[Evidence, ...], gap: Gap | None, searched: Searched) -> Verdict:
    if occurrences:
        return found(occurrences, gap)
    return unsettled(gap) if gap else absent(searched())


def combine(
    mode: Mode,
    at_least: int,
    groups: list[tuple[Evidence, ...]],
    gap: Gap | None,
    searched: Searched,
) -> Verdict:
    """The verdict of any / all / none / at least n over the occurrences of several entries."""
    merged = merge_evidence(tuple(item for group in groups for item in group))
    if mode in ("any", "none"):
        verdict = _judge(merged, gap, searched)
        return opposite(verdict) if mode == "none" else verdict
    needed = len(groups) if mode == "all" else at_least
    if sum(bool(group) for group in groups) >= needed:
        return found(merged, gap)
    return unsettled(gap) if gap else absent(searched())


class Awaited:
    """An operator that finds nothing in most calls, and is only run where it may.

    Where none of `triggers` occurs and the scope has no gap, its truth is `quiet`. Triggers of
    None mean that it must always be run.
    """

    def __init__(
        self, triggers: Triggers | None, asks_absence: bool, scope: Scope, unheard_ms: int
    ) -> None:
        self.triggers = triggers
        self.quiet = Truth.TRUE if asks_absence else Truth.FALSE
        self.scope = (scope, unheard_ms)


class KeywordOperator(Awaited):
    """Runs a `KeywordCondition`; `missing` says in Chinese that nothing was found."""

    def __init__(self, condition: KeywordCondition, unheard_ms: int, missing: str) -> None:
        self._condition = condition
        self._keywords = Keywords(condition.words)
        self._text = _Text(condition, unheard_ms, missing)
        super().__init__(
            self._keywords.triggers, condition.mode == "none", condition.scope, unheard_ms
        )

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        selection = self._text.select(facts)
        groups: list[tuple[Evidence, ...]] = [()] * len(self._keywords)
        for which, places in self._keywords.places(facts).items():
            groups[which] = tuple(self._occurrences(which, facts, selection.among(places)))
        searched = partial(self._text.searched, selection)
        mode = self._condition.mode
        return combine(mode, self._condition.at_least, groups, selection.gap, searched)

    def _occurrences(
        self, which: int, facts: CallFacts, utterances: Iterable[Utterance]
    ) -> Iterator[Evidence]:
        for utterance in utterances:
            text = facts.forms(utterance)
            for start, end, form in self._keywords.spans(which, text, facts.recognised):
                if self._text.counts(facts, utterance, start, end):
                    layer: Layer = "pinyin" if form == "pinyin" else "keyword"
                    shown: Form = "raw" if form == "heard" else form
                    score = 0.9 if form == "pinyin" else 1.0
                    yield quote(utterance, start, end, layer, shown, score)


class RegexOperator(Awaited):
    """Runs a `RegexCondition` on the normalised text, then on the text as heard."""

    def __init__(self, condition: RegexCondition, unheard_ms: int, missing: str) -> None:
        self._negated = condition.negated
        self._patterns = Patterns(condition.patterns)
        self._text = _Text(condition, unheard_ms, missing)
        super().__init__(self._patterns.triggers, condition.negated, condition.scope, unheard_ms)

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        selection = self._text.select(facts)
        said = selection.among(self._patterns.places(facts))
        occurrences = tuple(item for utterance in said for item in self._find(facts, utterance))
        verdict = self._text.verdict(merge_evidence(occurrences), selection)
        return opposite(verdict) if self._negated else verdict

    def _find(self, facts: CallFacts, utterance: Utterance) -> Iterator[Evidence]:
        text = facts.forms(utterance)
        tried: list[TextForm] = ["normalised"]
        if text.heard != text.normalised:
            tried.append("heard")
        for form in tried:
            subject = text.normalised if form == "normalised" else text.heard
            for span in self._patterns.spans(subject):
                if not _in_one_sentence(text, span, form):
                    continue
                start, end = text.to_raw(*span, form)
                if self._text.counts(facts, utterance, start, end):
                    shown: Form = "normalised" if form == "normalised" else "raw"
                    yield quote(utterance, start, end, "regex", shown)


class SemanticOperator(Awaited):
    """Runs a `SemanticCondition`: the units of each utterance against the fitted meanings."""

    def __init__(self, condition: SemanticCondition, unheard_ms: int, missing: str) -> None:
        self.condition = condition
        self._text = _Text(condition, unheard_ms, missing)
        super().__init__(Triggers(), False, condition.scope, unheard_ms)

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        selection = self._text.select(facts)
        if selection.gap is not None and selection.gap.truth is Truth.NOT_APPLICABLE:
            return unsettled(selection.gap)
        meanings = facts.meanings
        if meanings is None:
            return unsettled(Gap(Truth.UNDECIDABLE, "没有加载句向量模型，语义条件无法判断"))
        units = meanings.of(self.condition)
        occurrences = tuple(
            evidence
            for utterance in selection.among(units)
            if (evidence := self._best(facts, units[utterance.index], utterance)) is not None
        )
        return self._text.verdict(occurrences, selection)

    def _best(
        self, facts: CallFacts, units: Sequence[Unit], utterance: Utterance
    ) -> Evidence | None:
        """The best unit of an utterance that stands up to negation, quotation and `unless`."""
        text = facts.forms(utterance)
        for score, start, end, nearest in units:
            raw_start, raw_end = text.to_raw(start, end)
            said = utterance.text[raw_start:raw_end]
            # Vectors hardly see a negation, so a clause may not deny what the example does not.
            if self._affirmed(utterance, raw_start, said, nearest) and not self._text.excused(
                facts, utterance
            ):
                return quote(utterance, raw_start, raw_end, "semantic", "normalised", score)
        return None

    def _affirmed(self, utterance: Utterance, start: int, said: str, nearest: str) -> bool:
        if self.condition.polarity == "any":
            return True
        return not (denial(said) and not denial(nearest)) and not quotes(
            utterance.text, start, said
        )


class ActOperator(Awaited):
    """Runs an `ActCondition` on what the act model reads of the call."""

    def __init__(self, condition: ActCondition, unheard_ms: int, missing: str) -> None:
        self.condition = condition
        self._missing = missing
        super().__init__(Triggers(), False, condition.scope, unheard_ms)

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        selection = facts.select(*self.scope)
        gap = selection.gap
        if gap is not None and gap.truth is Truth.NOT_APPLICABLE:
            return unsettled(gap)
        acts = facts.acts
        if acts is None:
            return unsettled(
                Gap(Truth.UNDECIDABLE, "没有加载内置事件模型所用的句向量模型，无法判断")
            )
        least = self.condition.at_least or 0.0
        occurrences = []
        for utterance in selection.among(acts):
            place = acts[utterance.index].get(self.condition.act)
            if place is not None and place.chance >= least:
                start, end = facts.forms(utterance).to_raw(place.start, place.end)
                score = round(place.chance, 4)
                quoted = quote(utterance, start, end, "learned", "normalised", score)
                occurrences.append(quoted)
        return _judge(tuple(occurrences), gap, partial(self._searched, selection))

    def _searched(self, selection: Selection) -> Evidence:
        role = "" if self.condition.scope.role == "any" else self.condition.scope.role
        window = selection.window
        return fact(self._missing, "learned", window.start_ms, window.end_ms, role)


class EventOperator(Awaited):
    """Runs an `EventCondition` on the tree's hits."""

    def __init__(self, condition: EventCondition, unheard_ms: int, missing: str) -> None:
        self._condition = condition
        self._missing = missing
        super().__init__(
            Triggers(nodes=condition.nodes), condition.mode == "none", condition.scope, unheard_ms
        )

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        condition = self._condition
        selection = facts.select(*self.scope)
        gap = selection.gap
        if facts.call.hits is None and (gap is None or gap.truth is not Truth.NOT_APPLICABLE):
            return unsettled(Gap(Truth.UNDECIDABLE, "没有运行关键事件树，无法判断事件"))
        covered = selection.indexes
        groups: list[tuple[Evidence, ...]] = [
            tuple(hit for hit in facts.events.get(node, ()) if hit.utterance in covered)
            for node in condition.nodes
        ]
        searched = partial(self._searched, selection)
        return combine(condition.mode, condition.at_least, groups, gap, searched)

    def _searched(self, selection: Selection) -> Evidence:
        role = "" if self._condition.scope.role == "any" else self._condition.scope.role
        window = selection.window
        return fact(self._missing, "event", window.start_ms, window.end_ms, role)
