"""A second rule evaluator, written from docs/rules.md and as slow as it is plain.

It knows every operator whose meaning is in the document itself: keyword (single words), regex,
act (without its model), event, entity (runs of digits), repetition, volume, judge, the relations
between conditions, processes, silence, interruption, duration, turns and metadata. It shares
nothing between rules or conditions, and measures time in ticks of 100 ms. It imports no evaluation
code: only the values that both evaluators read.
"""

import re

from rules_naive_measures import interruption, silence, test_value, turns
from rules_naive_places import Answer, before, enough, flipped, near
from rules_naive_relations import logic, process, related, times, unaccompanied
from rules_naive_searches import judged, part_of, repetition, several, volume

from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.conditions.measures import (
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    SilenceCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    RuleCondition,
    TimesCondition,
    WithinCondition,
)
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    JudgeCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    VolumeCondition,
)
from qa_rules.facts.call import CallView
from qa_rules.model import Rule

OTHERS: list[Rule] = []
"""The rules that a rule may refer to."""


def naive_outcome(rule: Rule, call: CallView) -> str:
    for test in rule.applies:
        if test_value(test, call) is not True:
            return "not_applicable"
    if rule.applies_if is not None:
        value = line_value(rule.applies_if, rule, call)
        if value is False:
            return "not_applicable"
        if value is not True:
            return value
    value = line_value(rule.hit_if, rule, call)
    return {True: "hit", False: "clear"}.get(value, value)


def naive_veto(rule: Rule, call: CallView) -> bool:
    """Whether a hit of the rule is a veto."""
    return rule.veto or (rule.veto_if is not None and line_value(rule.veto_if, rule, call) is True)


def line_value(line: Line, rule: Rule, call: CallView) -> bool | str:
    match line:
        case Name(name):
            return answer(name, rule, call).value
        case Not(operand):
            value = line_value(operand, rule, call)
            return value if isinstance(value, str) else not value
        case And(operands):
            return enough(len(operands), [line_value(o, rule, call) for o in operands])
        case Or(operands):
            return enough(1, [line_value(o, rule, call) for o in operands])
        case AtLeast(count, operands):
            return enough(count, [line_value(o, rule, call) for o in operands])


def answer(name: str, rule: Rule, call: CallView) -> Answer:
    condition = rule.conditions[name]

    def ask(other: str) -> Answer:
        return answer(other, rule, call)

    match condition:
        case KeywordCondition():
            groups = [re.escape(word) for word in condition.words]
            return several(condition, groups, rule, call, ask)
        case EntityCondition():
            return several(condition, [r"\d{11}" for _ in condition.kinds], rule, call, ask)
        case RepetitionCondition():
            return repetition(condition, rule, call)
        case VolumeCondition():
            return volume(condition, rule, call)
        case JudgeCondition():
            return judged(condition, call, rule)
        case TimesCondition():
            return times(condition, ask(condition.of))
        case ProcessCondition():
            return process(condition, ask)
        case LogicCondition():
            return logic(condition.of, lambda line: line_value(line, rule, call), ask)
        case RuleCondition():
            other = next(one for one in OTHERS if one.id == condition.rule)
            value = naive_outcome(other, call)
            known = {"hit": True, "clear": False}.get(value, value)
            return Answer(known, [], known if isinstance(known, str) else None)
        case TurnsCondition():
            return turns(condition, call)
        case RegexCondition():
            found = several(condition, ["|".join(condition.patterns)], rule, call, ask)
            return flipped(found) if condition.negated else found
        case ActCondition():
            part = part_of(condition.scope, rule, call, ask)
            if isinstance(part, Answer):
                return part
            return Answer("undecidable", [], "undecidable")
        case EventCondition():
            return several(condition, list(condition.nodes), rule, call, ask)
        case OrderCondition():
            return related(condition.first, condition.then, before, ask)
        case WithinCondition():
            if condition.lacking:
                return unaccompanied(condition, ask)
            return related(condition.of, condition.find, near(condition), ask)
        case SilenceCondition():
            return silence(condition, call)
        case InterruptionCondition():
            return interruption(condition, call)
        case DurationCondition():
            length = call.transcript.audio.duration_ms / 1000
            if not length:
                return Answer("not_applicable", [], "not_applicable")
            low, high = condition.bounds.above, condition.bounds.below
            inside = (low is None or length > low) and (high is None or length < high)
            return Answer(inside, [], None)
        case MetadataCondition():
            value = enough(len(condition.tests), [test_value(t, call) for t in condition.tests])
            return Answer(value, [], value if isinstance(value, str) else None)
    raise AssertionError(condition)
