"""Conditions back to plain data: `read_condition` of what comes out gives an equal value."""

from collections.abc import Mapping
from typing import Any

from qa_rules.conditions.boolean import format_line
from qa_rules.conditions.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    Measure,
    MetadataCondition,
    MetadataTest,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    Relation,
    RuleCondition,
    Step,
    TimesCondition,
    UnansweredCondition,
    WithinCondition,
)
from qa_rules.conditions.scope import EVERY_HIT, LAST_HIT, Anchor, Range, Reach, Scope
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    JudgeCondition,
    KeywordCondition,
    Mode,
    RegexCondition,
    RepetitionCondition,
    Search,
    SemanticCondition,
    SentimentCondition,
    VolumeCondition,
)
from qa_rules.documents.measures import COMPARISON
from qa_rules.documents.relations import END
from qa_rules.model import Condition

Plain = dict[str, Any]


def dump_condition(condition: Condition) -> Plain:
    """The condition as plain data that `read_condition` reads back to an equal value."""
    if isinstance(condition, Search):
        plain = {**_search(condition), **_dump_scope(condition.scope)}
    elif isinstance(condition, Relation):
        plain = _relation(condition)
    else:
        plain = _measure(condition)
    return {**plain, "label": condition.label} if condition.label else plain


def _search(condition: Search) -> Plain:
    match condition:
        case KeywordCondition():
            many = _many(condition.mode, condition.words, condition.at_least)
            return {"keyword": many, **_in_one(condition), **_text(condition)}
        case RegexCondition():
            return {condition.operator: list(condition.patterns), **_text(condition)}
        case SemanticCondition():
            inner: Plain = {"examples": list(condition.examples)}
            if condition.counter_examples:
                inner["counter_examples"] = list(condition.counter_examples)
            inner["threshold"] = condition.threshold
            return {"semantic": inner, **_text(condition)}
        case ActCondition(act=act, at_least=least):
            return {"act": act, **_given(at_least=least)}
        case EventCondition():
            many = _many(condition.mode, condition.nodes, condition.at_least)
            return {"event": many, **_in_one(condition)}
        case EntityCondition(above=above, below=below):
            many = _many(condition.mode, condition.kinds, condition.at_least)
            return {"entity": many, **_given(above=above, below=below)}
        case SentimentCondition(feeling=feeling, count=count):
            return {"sentiment": feeling, "count": count}
        case RepetitionCondition():
            again = {key: getattr(condition, key) for key in ("times", "min_chars", "similarity")}
            unless = {"unless": list(condition.unless)} if condition.unless else {}
            return {"repetition": {**again, **_given(within=condition.within)}, **unless}
        case VolumeCondition(above=above, below=below, count=count):
            return {"volume": {**_given(above=above, below=below), "count": count}}
        case JudgeCondition(question=question):
            return {"judge": question}


def _relation(condition: Relation) -> Plain:
    match condition:
        case OrderCondition(first=first, then=then):
            return {"order": {"first": first, "then": then}}
        case WithinCondition(find=find, of=of, direction=direction):
            near = {"find": find, "of": of, **_reach(condition.reach), "direction": direction}
            return {condition.operator: near}
        case TimesCondition(of=of, at_least=low, at_most=high):
            return {"times": {"of": of, **_given(at_least=low, at_most=high)}}
        case UnansweredCondition(question=question, answer=answer):
            named = _given(question=question or None, answer=answer or None)
            return {"unanswered": {**_reach(condition.reach), **named}, "role": condition.role}
        case ProcessCondition(steps=steps):
            return {"process": [_step(step) for step in steps]}
        case LogicCondition(of=line):
            return {"logic": format_line(line)}
        case RuleCondition(rule=rule):
            return {"rule": rule}


def _step(step: Step) -> Plain:
    plain: Plain = {"step": step.step, "next": list(step.next) or END}
    if str(step.reach):
        plain["within"] = str(step.reach)
    if step.optional:
        plain["optional"] = True
    return plain


def _measure(condition: Measure) -> Plain:
    match condition:
        case SilenceCondition(min_s=min_s, count=count, after=after):
            quiet = {"min_s": min_s, "count": count, "after": after}
            return {"silence": quiet, **_ranges(condition.ranges)}
        case InterruptionCondition(min_overlap_ms=overlap, count=count, role=role):
            talk = {"min_overlap_ms": overlap, "count": count}
            return {"interruption": talk, "role": role, **_ranges(condition.ranges)}
        case SpeechRateCondition(bounds=bounds, role=role):
            rate: Plain = _bounds(bounds)
            if condition.of == "utterance":
                rate |= {"of": condition.of, "count": condition.count}
            return {"speech_rate": rate, "role": role}
        case TalkRatioCondition(bounds=bounds, role=role):
            return {"talk_ratio": _bounds(bounds), "role": role}
        case DurationCondition(bounds=bounds, of=of, role=role):
            return {"duration": {**_bounds(bounds), "of": of}, "role": role}
        case MonologueCondition(min_s=min_s, count=count, role=role):
            return {"monologue": {"min_s": min_s, "count": count}, "role": role}
        case TurnsCondition(bounds=bounds, of=of, role=role):
            return {"turns": {**_bounds(bounds), "of": of}, "role": role}
        case MetadataCondition(tests=tests):
            return {"metadata": dump_tests(tests)}


def dump_tests(tests: tuple[MetadataTest, ...]) -> Plain:
    """Metadata tests as plain data that `read_tests` reads back."""
    return {test.key: _test(test) for test in tests}


def _test(test: MetadataTest) -> object:
    if test.comparator == "in":
        return list(test.values)
    if test.comparator == "not in":
        return {"not": list(test.values)}
    value = test.values[0]
    if test.comparator == "matches":
        return {"matches": value}
    if test.comparator == "=" and not (isinstance(value, str) and COMPARISON.fullmatch(value)):
        return value
    return f"{test.comparator} {value}"


def _many(mode: Mode, values: tuple[str, ...], count: int) -> object:
    if mode == "at_least":
        return {"at_least": count, "of": list(values)}
    return list(values) if mode == "any" else {mode: list(values)}


def _bounds(bounds: Bounds) -> Plain:
    return _given(above=bounds.above, below=bounds.below)


def _reach(reach: Reach) -> Plain:
    return _given(utterances=reach.utterances, seconds=reach.seconds)


def _given(**values: object) -> Plain:
    """Those of the values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def _in_one(condition: KeywordCondition | EventCondition) -> Mapping[str, bool]:
    return {"in_one_utterance": True} if condition.in_one_utterance else {}


def _dump_scope(scope: Scope) -> Plain:
    plain: Plain = {} if scope.role == "any" else {"role": scope.role}
    plain |= _ranges(scope.ranges)
    if scope.anchor is not None:
        plain["anchor"] = _anchor(scope.anchor)
    return plain


def _ranges(ranges: tuple[Range, ...]) -> Plain:
    if len(ranges) == 1:
        return {"range": str(ranges[0])}
    return {"range": [str(item) for item in ranges]} if ranges else {}


def _anchor(anchor: Anchor) -> Plain:
    plain: Plain = {anchor.side: anchor.of, **_reach(anchor.reach)}
    if anchor.hit != EVERY_HIT:
        plain["hit"] = "last" if anchor.hit == LAST_HIT else anchor.hit
    return plain


def _text(condition: KeywordCondition | RegexCondition | SemanticCondition) -> Plain:
    plain: Plain = {"unless": list(condition.unless)} if condition.unless else {}
    if condition.polarity != "affirmed":
        plain["polarity"] = condition.polarity
    if not isinstance(condition, SemanticCondition) and condition.plausible:
        plain["plausible"] = condition.plausible
    return plain
