"""Judging: the verdict of a boolean line, and of a whole rule, from those of its conditions.

Which truth a line has, and which of its conditions speak for it, depends on nothing but their
truths. A rule works that out once for each combination of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or, names_in
from qa_rules.facts.call_facts import CallFacts
from qa_rules.findings import FindingEvidence
from qa_rules.model import Rule
from qa_rules.operators.metadata import judge_tests
from qa_rules.verdicts.logic import Truth, at_least, negate
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Verdict, Verdicts, merge_evidence

CLEAR = "未发现"
NO_OCCASION = "通话里没有出现规则适用的情形"
_NO_REASON = "缺少判断所需的信息"
_QUOTED = 2
_MOST_KNOWN = 1024

Leaves = tuple[str, ...]
"""Names of conditions, in the order of the line that states them."""


class Judgement(NamedTuple):
    """What a rule says of a call: TRUE is a hit, and the reason is for people."""

    truth: Truth
    reason: str
    evidence: tuple[FindingEvidence, ...] = ()
    veto: bool = False


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A combination of truths: that of the rule, the conditions that speak for it, the veto."""

    truth: Truth
    leaves: Leaves
    veto: bool = False
    settled: Judgement | None = None


class RuleJudge:
    """Judges calls by one rule, whose conditions stand at `slots`; safe to share."""

    def __init__(self, rule: Rule, slots: Mapping[str, int]) -> None:
        self._rule = rule
        self._slots = {name: slots[name] for line in rule.lines for name in names_in(line)}
        self._operators = {name: rule.conditions[name].operator for name in self._slots}
        applies = () if rule.applies_if is None else tuple(names_in(rule.applies_if))
        self._occasion = tuple(dict.fromkeys(applies))
        self._truths_first = _picked([self._slots[name] for name in self._occasion])
        rest = tuple(name for name in self._slots if name not in self._occasion)
        self._names = (*self._occasion, *rest)
        self._truths_rest = _picked([self._slots[name] for name in rest])
        self._apt: set[tuple[Truth, ...]] = set()
        self._known: dict[tuple[Truth, ...], _Weighed] = {}

    def resting(self, truths: Mapping[int, Truth]) -> Judgement | None:
        """The judgement of every call with these truths, where it takes nothing else."""
        if self._rule.applies:
            return None
        return self._weigh(truths).settled

    def judge(self, facts: CallFacts, verdicts: Verdicts) -> Judgement:
        """The judgement of the rule; verdicts are only looked up as far as they are needed."""
        if self._rule.applies:
            truth, _, gap = judge_tests(self._rule.applies, facts)
            if truth is not Truth.TRUE:
                reason = gap.reason if gap else "通话不在规则的适用范围内"
                return Judgement(Truth.NOT_APPLICABLE, reason)
        weighed = self._weigh(verdicts.truths)
        if weighed.settled is not None:
            return weighed.settled
        if weighed.truth is not Truth.TRUE:
            return Judgement(weighed.truth, self._why(weighed.leaves, verdicts))
        owners: dict[int, str] = {}
        every: list[Found] = []
        for name in weighed.leaves:
            for item in verdicts[self._slots[name]].evidence:
                owners[id(item)] = name
                every.append(item)
        evidence = merge_evidence(tuple(every))
        told = tuple(
            [FindingEvidence.of(item, owner := owners[id(item)], self._operators[owner])
             for item in evidence]
        )  # fmt: skip
        return Judgement(Truth.TRUE, _told(evidence), told, weighed.veto)

    def _weigh(self, truths: Mapping[int, Truth]) -> _Weighed:
        occasion = self._truths_first(truths)
        known = self._known.get(occasion)
        if known is not None:
            return known  # Where it does not apply, nothing else is looked at.
        if self._rule.applies_if is not None and occasion not in self._apt:
            named = dict(zip(self._occasion, occasion, strict=True))
            value, leaves = weigh(self._rule.applies_if, named)
            if value is not Truth.TRUE:
                return self._kept(occasion, _not_now(value, leaves))
            if len(self._apt) < _MOST_KNOWN:
                self._apt.add(occasion)
        key = occasion + self._truths_rest(truths)
        known = self._known.get(key)
        return known if known is not None else self._kept(key, self._hits(key))

    def _hits(self, key: tuple[Truth, ...]) -> _Weighed:
        truths = dict(zip(self._names, key, strict=True))
        value, leaves = weigh(self._rule.hit_if, truths)
        if value is Truth.FALSE:
            return _Weighed(value, leaves, settled=Judgement(value, CLEAR))
        veto = self._rule.veto
        if self._rule.veto_if is not None:
            veto = weigh(self._rule.veto_if, truths)[0] is Truth.TRUE
        return _Weighed(value, leaves, value is Truth.TRUE and veto)

    def _kept(self, key: tuple[Truth, ...], weighed: _Weighed) -> _Weighed:
        if len(self._known) < _MOST_KNOWN:
            self._known[key] = weighed
        return weighed

    def _why(self, leaves: Leaves, verdicts: Verdicts) -> str:
        gaps = (verdicts[self._slots[name]].gap for name in leaves)
        return next((gap.reason for gap in gaps if gap is not None), _NO_REASON)


def _picked(slots: Sequence[int]) -> Callable[[Mapping[int, Truth]], tuple[Truth, ...]]:
    """What picks the truths of the slots, as a tuple whatever their number."""
    if len(slots) > 1:
        return itemgetter(*slots)
    return lambda truths: tuple([truths[slot] for slot in slots])


def _not_now(value: Truth, leaves: Leaves) -> _Weighed:
    """A rule that does not apply, or of which that cannot be known."""
    if value is Truth.FALSE:
        settled = Judgement(Truth.NOT_APPLICABLE, NO_OCCASION)
        return _Weighed(Truth.NOT_APPLICABLE, leaves, settled=settled)
    return _Weighed(value, leaves)


def weigh(line: Line, truths: Mapping[str, Truth]) -> tuple[Truth, Leaves]:
    """The truth of a boolean line, and the conditions that make it so."""
    match line:
        case Name(name):
            return truths[name], (name,)
        case Not(operand):
            truth, leaves = weigh(operand, truths)
            return negate(truth), leaves
        case And(operands):
            return _count(len(operands), operands, truths)
        case Or(operands):
            return _count(1, operands, truths)
        case AtLeast(count, operands):
            return _count(count, operands, truths)


def _count(
    count: int, operands: tuple[Line, ...], truths: Mapping[str, Truth]
) -> tuple[Truth, Leaves]:
    parts = [weigh(operand, truths) for operand in operands]
    truth = at_least(count, [part[0] for part in parts])
    return truth, tuple(leaf for value, leaves in parts if value is truth for leaf in leaves)


def judge_line(line: Line, verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict of a boolean line: its truth, the evidence of the parts that made it so."""
    if isinstance(line, Name):
        return verdicts[line.name]
    truth, leaves = weigh(line, {name: verdicts[name].truth for name in names_in(line)})
    evidence = tuple(item for name in leaves for item in verdicts[name].evidence)
    gap = next((gap for name in leaves if (gap := verdicts[name].gap) is not None), None)
    return Verdict(truth, evidence if truth.known else (), (), gap)


def occurrences_in(line: Line, verdicts: Mapping[str, Verdict]) -> tuple[Found, ...]:
    """The places of the conditions that make a true line true; what is absent has none."""
    match line:
        case Name(name):
            return verdicts[name].occurrences if verdicts[name].truth is Truth.TRUE else ()
        case Not():
            return ()
        case And(operands) | Or(operands) | AtLeast(_, operands):
            return tuple(
                item
                for operand in operands
                if judge_line(operand, verdicts).truth is Truth.TRUE
                for item in occurrences_in(operand, verdicts)
            )


def _told(evidence: tuple[Found, ...]) -> str:
    parts = [
        item.text if item.utterance is None else f"第 {item.utterance + 1} 句“{item.text}”"
        for item in evidence[:_QUOTED]
    ]
    more = len(evidence) - _QUOTED
    return "；".join(parts) + (f"；另有 {more} 处" if more > 0 else "") or "条件成立"
