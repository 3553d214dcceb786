"""Rule sets back to YAML: `parse_document` of what comes out gives an equal value."""

from typing import Any

import yaml

from qa_rules.boolean import format_line
from qa_rules.condition_document import COMPARISON
from qa_rules.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    MetadataTest,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
)
from qa_rules.model import Condition, Example, ExampleLine, Rule, RuleSet
from qa_rules.relations import OrderCondition, WithinCondition
from qa_rules.scope import Scope
from qa_rules.searches import (
    ActCondition,
    EventCondition,
    KeywordCondition,
    Mode,
    RegexCondition,
    SemanticCondition,
)

CARD_KEYS = ("name", "start", "floor", "ceiling", "pass_mark")


def dump_ruleset(ruleset: RuleSet) -> str:
    """The rule set as YAML; `parse_document` of it gives an equal value."""
    plain: dict[str, Any] = {"ruleset": ruleset.name, "version": ruleset.version}
    for key in ("domain", "description", "extends"):
        if getattr(ruleset, key):
            plain[key] = getattr(ruleset, key)
    if ruleset.without:
        plain["without"] = list(ruleset.without)
    if ruleset.stated_scorecard is not None:
        card = ruleset.stated_scorecard
        plain["scorecard"] = {key: getattr(card, key) for key in CARD_KEYS}
    if ruleset.categories:
        plain["categories"] = [
            {"name": category.name, "description": category.description}
            for category in ruleset.categories
        ]
    if ruleset.background:
        plain["background"] = list(ruleset.background)
    plain["rules"] = [_dump_rule(rule) for rule in ruleset.rules]
    return yaml.dump(plain, Dumper=_PlainDumper, allow_unicode=True, sort_keys=False, width=100)


class _PlainDumper(yaml.SafeDumper):
    """Never writes anchors: the parser refuses them."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class names it
        return True


def _dump_rule(rule: Rule) -> dict[str, Any]:
    plain: dict[str, Any] = {
        key: getattr(rule, key) for key in ("id", "name", "category", "severity", "reason")
    }
    if rule.regulation:
        plain["regulation"] = rule.regulation
    plain["score"] = rule.score
    plain["veto"] = rule.veto
    if rule.veto_if is not None:
        plain["veto_if"] = format_line(rule.veto_if)
    if rule.applies:
        plain["applies"] = _dump_tests(rule.applies)
    if rule.applies_if is not None:
        plain["applies_if"] = format_line(rule.applies_if)
    if rule.min_precision is not None:
        plain["min_precision"] = rule.min_precision
    plain["unheard_ms"] = rule.unheard_ms
    plain["conditions"] = {
        name: _dump_condition(condition) for name, condition in rule.conditions.items()
    }
    plain["hit_if"] = format_line(rule.hit_if)
    examples = {
        key: [_dump_example(example) for example in getattr(rule, key)]
        for key in ("must_fire", "must_not_fire")
        if getattr(rule, key)
    }
    if examples:
        plain["examples"] = examples
    return plain


def _dump_example(example: Example) -> object:
    only = example.lines[0]
    if len(example.lines) == 1 and only == ExampleLine("agent", only.text) and not example.metadata:
        return only.text
    lines = [_dump_example_line(line) for line in example.lines]
    return {"dialogue": lines, "metadata": dict(example.metadata)} if example.metadata else lines


def _dump_example_line(line: ExampleLine) -> dict[str, object]:
    plain: dict[str, object] = {"坐席" if line.role == "agent" else "客户": line.text}
    if line.gap_ms is not None:
        plain["gap_ms"] = line.gap_ms
    if line.duration_ms is not None:
        plain["duration_ms"] = line.duration_ms
    return plain


def _dump_condition(condition: Condition) -> dict[str, Any]:
    """The condition as plain data that `read_condition` reads back to an equal value."""
    plain = _dump_operator(condition)
    return {**plain, "label": condition.label} if condition.label else plain


def _dump_operator(condition: Condition) -> dict[str, Any]:
    match condition:
        case KeywordCondition():
            many = _dump_many(condition.mode, condition.words, condition.at_least)
            return {"keyword": many, **_dump_text(condition)}
        case RegexCondition():
            key = "not_regex" if condition.negated else "regex"
            return {key: list(condition.patterns), **_dump_text(condition)}
        case SemanticCondition():
            inner: dict[str, Any] = {"examples": list(condition.examples)}
            if condition.counter_examples:
                inner["counter_examples"] = list(condition.counter_examples)
            inner["threshold"] = condition.threshold
            return {"semantic": inner, **_dump_text(condition)}
        case ActCondition():
            least = {} if condition.at_least is None else {"at_least": condition.at_least}
            return {"act": condition.act, **least, **_dump_scope(condition.scope)}
        case EventCondition():
            many = _dump_many(condition.mode, condition.nodes, condition.at_least)
            return {"event": many, **_dump_scope(condition.scope)}
        case OrderCondition():
            return {"order": {"first": condition.first, "then": condition.then}}
        case WithinCondition():
            near: dict[str, Any] = {"find": condition.find, "of": condition.of}
            if condition.reach.utterances is not None:
                near["utterances"] = condition.reach.utterances
            else:
                near["seconds"] = condition.reach.seconds
            return {"within": {**near, "direction": condition.direction}}
        case SilenceCondition():
            pause = {"min_s": condition.min_s, "count": condition.count, "after": condition.after}
            return {"silence": pause}
        case InterruptionCondition():
            overlap = {"min_overlap_ms": condition.min_overlap_ms, "count": condition.count}
            return {"interruption": overlap, "role": condition.role}
        case SpeechRateCondition():
            return {"speech_rate": _dump_bounds(condition.bounds), "role": condition.role}
        case TalkRatioCondition():
            return {"talk_ratio": _dump_bounds(condition.bounds), "role": condition.role}
        case DurationCondition():
            length = {**_dump_bounds(condition.bounds), "of": condition.of}
            return {"duration": length, "role": condition.role}
        case MetadataCondition():
            return {"metadata": _dump_tests(condition.tests)}


def _dump_tests(tests: tuple[MetadataTest, ...]) -> dict[str, Any]:
    """Metadata tests as plain data that `read_tests` reads back."""
    return {test.key: _dump_test(test) for test in tests}


def _dump_test(test: MetadataTest) -> object:
    if test.comparator == "in":
        return list(test.values)
    value = test.values[0]
    if test.comparator == "=" and not (isinstance(value, str) and COMPARISON.fullmatch(value)):
        return value
    return f"{test.comparator} {value}"


def _dump_many(mode: Mode, values: tuple[str, ...], count: int) -> object:
    if mode == "at_least":
        return {"at_least": count, "of": list(values)}
    return list(values) if mode == "any" else {mode: list(values)}


def _dump_bounds(bounds: Bounds) -> dict[str, float]:
    pairs = (("above", bounds.above), ("below", bounds.below))
    return {key: value for key, value in pairs if value is not None}


def _dump_scope(scope: Scope) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    if scope.role != "any":
        plain["role"] = scope.role
    if len(scope.ranges) == 1:
        plain["range"] = str(scope.ranges[0])
    elif scope.ranges:
        plain["range"] = [str(item) for item in scope.ranges]
    return plain


def _dump_text(condition: KeywordCondition | RegexCondition | SemanticCondition) -> dict[str, Any]:
    plain = _dump_scope(condition.scope)
    if condition.unless:
        plain["unless"] = list(condition.unless)
    if condition.polarity != "affirmed":
        plain["polarity"] = condition.polarity
    return plain
