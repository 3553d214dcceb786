"""Conditions of a rule document: from YAML nodes to values."""

from collections.abc import Mapping
from dataclasses import replace

import yaml

from events.yaml_reader import Reader
from qa_rules.documents.measures import MEASURES
from qa_rules.documents.relations import RELATIONS
from qa_rules.documents.searches import SEARCHES
from qa_rules.model import Condition

OPTIONS: Mapping[str, tuple[str, ...]] = {
    name: options
    for table in (SEARCHES, RELATIONS, MEASURES)
    for name, (options, _) in table.items()
}
"""The options that each operator takes beside `label`."""

OPERATORS = tuple(OPTIONS)


def read_condition(reader: Reader, node: yaml.Node) -> Condition:
    """The condition that a mapping describes: exactly one operator key, and its options.

    Raises:
        AppError: `bad-rules` at the line and column of the mistake.
    """
    every = {option for options in OPTIONS.values() for option in options}
    entries = reader.mapping(node, [*OPERATORS, *sorted(every), "label"], "条件")
    chosen = [key for key in entries if key in OPTIONS]
    if len(chosen) != 1:
        raise reader.fail(node, f"一个条件要写且只写一个算子（{'、'.join(OPERATORS)}）")
    operator = chosen[0]
    for key in entries:
        if key not in (operator, "label", *OPTIONS[operator]):
            raise reader.fail(entries[key], f"{operator} 条件不接受 {key}，请删去")
    condition = _build(reader, operator, entries, node.start_mark.line + 1)
    if "label" not in entries:
        return condition
    return replace(condition, label=reader.name(entries["label"], "label"))


def _build(reader: Reader, operator: str, entries: dict[str, yaml.Node], line: int) -> Condition:
    node = entries[operator]
    if operator in SEARCHES:
        return SEARCHES[operator][1](reader, node, entries, line)
    if operator in RELATIONS:
        return RELATIONS[operator][1](reader, node, entries, line)
    return MEASURES[operator][1](reader, node, entries, line)
