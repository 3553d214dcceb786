"""Judging: the verdict of a boolean line, and of a whole rule, from those of its conditions."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.evidence import Evidence
from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or, names_in
from qa_rules.conditions.operator_names import operator_of
from qa_rules.facts.call_facts import CallFacts
from qa_rules.findings import FindingEvidence
from qa_rules.model import Rule
from qa_rules.operators.metadata import judge_tests
from qa_rules.verdicts.logic import Truth, at_least, negate
from qa_rules.verdicts.verdict import Verdict, merge_evidence

CLEAR = "未发现"
NO_OCCASION = "通话里没有出现规则适用的情形"
_QUOTED = 2


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says of a call: TRUE is a hit, and the reason is for people."""

    truth: Truth
    reason: str
    evidence: tuple[FindingEvidence, ...] = ()


def judge_rule(rule: Rule, facts: CallFacts, named: Mapping[str, Verdict]) -> Judgement:
    """The judgement of a rule from the verdicts of its conditions, looked up when needed."""
    truth, _, gap = judge_tests(rule.applies, facts)
    if truth is not Truth.TRUE:
        reason = gap.reason if gap else "通话不在规则的适用范围内"
        return Judgement(Truth.NOT_APPLICABLE, reason)
    if rule.applies_if is not None:
        applies = judge_line(rule.applies_if, named)
        if applies.truth is Truth.FALSE:
            return Judgement(Truth.NOT_APPLICABLE, NO_OCCASION)
        if applies.truth is not Truth.TRUE:
            return Judgement(applies.truth, _why(applies))
    verdict = judge_line(rule.hit_if, named)
    if verdict.truth is Truth.TRUE:
        evidence = merge_evidence(verdict.evidence)
        return Judgement(Truth.TRUE, _told(evidence), _spoken_for(rule, named, evidence))
    if verdict.truth is Truth.FALSE:
        return Judgement(Truth.FALSE, CLEAR)
    return Judgement(verdict.truth, _why(verdict))


def vetoes(rule: Rule, named: Mapping[str, Verdict]) -> bool:
    """Whether a hit of the rule is a veto; what cannot be decided is none."""
    if rule.veto_if is None:
        return rule.veto
    return judge_line(rule.veto_if, named).truth is Truth.TRUE


def judge_line(line: Line, verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict of a boolean line: its truth, the evidence of the parts that made it so."""
    match line:
        case Name(name):
            return verdicts[name]
        case Not(operand):
            inner = judge_line(operand, verdicts)
            return Verdict(negate(inner.truth), inner.evidence, (), inner.gap)
        case And(operands):
            return _count(len(operands), operands, verdicts)
        case Or(operands):
            return _count(1, operands, verdicts)
        case AtLeast(count, operands):
            return _count(count, operands, verdicts)


def _count(count: int, operands: tuple[Line, ...], verdicts: Mapping[str, Verdict]) -> Verdict:
    parts = [judge_line(operand, verdicts) for operand in operands]
    truth = at_least(count, [part.truth for part in parts])
    evidence = tuple(item for part in parts if part.truth is truth for item in part.evidence)
    gap = next((part.gap for part in parts if part.gap and part.truth is truth), None)
    return Verdict(truth, evidence if truth.known else (), (), gap)


def occurrences_in(line: Line, verdicts: Mapping[str, Verdict]) -> tuple[Evidence, ...]:
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


def _spoken_for(
    rule: Rule, named: Mapping[str, Verdict], evidence: tuple[Evidence, ...]
) -> tuple[FindingEvidence, ...]:
    """The evidence with the conditions of `hit_if` that gave it."""
    owners = {id(item): name for name in names_in(rule.hit_if) for item in named[name].evidence}
    return tuple(
        FindingEvidence.of(item, owners[id(item)], operator_of(rule.conditions[owners[id(item)]]))
        for item in evidence
    )


def _why(verdict: Verdict) -> str:
    return verdict.gap.reason if verdict.gap else "缺少判断所需的信息"


def _told(evidence: tuple[Evidence, ...]) -> str:
    parts = [
        item.text if item.utterance is None else f"第 {item.utterance + 1} 句“{item.text}”"
        for item in evidence[:_QUOTED]
    ]
    more = len(evidence) - _QUOTED
    return "；".join(parts) + (f"；另有 {more} 处" if more > 0 else "") or "条件成立"
