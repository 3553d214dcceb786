"""What changed between two versions of a rule set, rule by rule."""

from typing import Any

import yaml

from core.changes import Entry, EntryChange, compare
from qa_rules.documents.rule_sets import dump_ruleset
from qa_rules.model import RuleSet
from qa_rules.sentences.rendering import rule_sentence

SET_KEY = ""
"""The key under which changes of the rule set itself (scorecard, categories) are told."""


def diff_rulesets(old: RuleSet, new: RuleSet) -> tuple[EntryChange, ...]:
    """The changes from `old` to `new`: of the set itself first, then rules in their order.

    Rules are the same when their ids are. A changed rule also tells its sentence before and
    after. Both sets must be resolved. Version numbers are left out.
    """
    return compare(_entries(old), _entries(new))


def _entries(ruleset: RuleSet) -> dict[str, Entry]:
    document: dict[str, Any] = yaml.safe_load(dump_ruleset(ruleset))
    entries = {SET_KEY: Entry(name=ruleset.name, fields=_set_fields(document))}
    for rule, stated in zip(ruleset.rules, document["rules"], strict=True):
        fields: dict[str, object] = {"sentence": rule_sentence(rule)}
        for key, value in stated.items():
            if key == "conditions":
                fields |= {f"conditions.{name}": item for name, item in value.items()}
            elif key == "examples":
                fields |= {f"examples.{name}": items for name, items in value.items()}
            elif key not in ("id", "name"):
                fields[key] = value
        entries[rule.id] = Entry(name=rule.name, fields=fields)
    return entries


def _set_fields(document: dict[str, Any]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key, value in document.items():
        if key in ("ruleset", "version", "rules"):
            continue
        if key == "scorecards":
            fields |= {f"scorecards.{card['name']}": card for card in value}
        elif isinstance(value, dict):
            fields |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            fields[key] = value
    return fields
