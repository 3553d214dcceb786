"""Rule sets back to YAML: `parse_document` of what comes out gives an equal value."""

from typing import Any

import yaml

from qa_rules.conditions.boolean import format_line
from qa_rules.documents.dumping_conditions import dump_condition, dump_tests
from qa_rules.documents.scorecards import dump_cards
from qa_rules.model import Example, ExampleLine, Rule, RuleSet


def dump_ruleset(ruleset: RuleSet) -> str:
    """The rule set as YAML; `parse_document` of it gives an equal value."""
    plain: dict[str, Any] = {"ruleset": ruleset.name, "version": ruleset.version}
    for key in ("domain", "description", "extends"):
        if getattr(ruleset, key):
            plain[key] = getattr(ruleset, key)
    if ruleset.without:
        plain["without"] = list(ruleset.without)
    plain |= dump_cards(ruleset.stated_scorecards)
    if ruleset.categories:
        plain["categories"] = [
            {"name": category.name, "description": category.description}
            for category in ruleset.categories
        ]
    if ruleset.background:
        plain["background"] = list(ruleset.background)
    plain["rules"] = [_dump_rule(rule) for rule in ruleset.rules]
    return yaml.dump(plain, Dumper=_PlainDumper, allow_unicode=True, sort_keys=False, width=100)


def dump_rule(rule: Rule) -> str:
    """One rule as the YAML of an entry of `rules`."""
    return yaml.dump(
        [_dump_rule(rule)], Dumper=_PlainDumper, allow_unicode=True, sort_keys=False, width=100
    )


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
        plain["applies"] = dump_tests(rule.applies)
    if rule.applies_if is not None:
        plain["applies_if"] = format_line(rule.applies_if)
    if rule.min_precision is not None:
        plain["min_precision"] = rule.min_precision
    plain["unheard_ms"] = rule.unheard_ms
    plain["conditions"] = {
        name: dump_condition(condition) for name, condition in rule.conditions.items()
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
    more: dict[str, object] = {"metadata": dict(example.metadata)} if example.metadata else {}
    if example.answers:
        more["answers"] = {question: list(said) for question, said in example.answers.items()}
    if len(example.lines) == 1 and only == ExampleLine("agent", only.text) and not more:
        return only.text
    lines = [_dump_example_line(line) for line in example.lines]
    return {"dialogue": lines, **more} if more else lines


def _dump_example_line(line: ExampleLine) -> dict[str, object]:
    plain: dict[str, object] = {"坐席" if line.role == "agent" else "客户": line.text}
    if line.gap_ms is not None:
        plain["gap_ms"] = line.gap_ms
    if line.duration_ms is not None:
        plain["duration_ms"] = line.duration_ms
    if line.level_dbfs is not None:
        plain["level_dbfs"] = line.level_dbfs
    return plain
