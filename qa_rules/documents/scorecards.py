"""Scorecards of a rule document: YAML to `Scorecard` and back."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import yaml

from events.yaml_reader import Reader
from qa_rules.documents.dumping_conditions import dump_tests
from qa_rules.documents.measures import read_tests
from qa_rules.documents.scope import Nodes
from qa_rules.findings import RuleSeverity
from qa_rules.scoring.scorecard import Scorecard, Section

_MOST = 1e6
_CARD_KEYS = (
    "name", "start", "floor", "ceiling", "pass_mark", "severity_points", "points", "veto",
    "sections",
)  # fmt: skip
_SECTION_KEYS = (
    "name", "categories", "rules", "weight", "max_points", "max_bonus", "zero_if",
)  # fmt: skip


def read_cards(reader: Reader, entries: Nodes) -> tuple[Scorecard, ...]:
    """The cards that a rule set states as `scorecard` or `scorecards`; empty without either."""
    if "scorecard" in entries:
        if "scorecards" in entries:
            raise reader.fail(entries["scorecards"], "scorecard 与 scorecards 只写一个")
        return (_card(reader, entries["scorecard"], _CARD_KEYS),)
    if "scorecards" not in entries:
        return ()
    nodes = reader.items(entries["scorecards"], "scorecards")
    cards = tuple(_card(reader, node, (*_CARD_KEYS, "applies_to")) for node in nodes)
    names = [card.name for card in cards]
    for place, node in enumerate(nodes):
        if names[place] in names[:place]:
            raise reader.fail(node, f"评分卡 {names[place]} 重名，请给它另一个 name")
    if not cards or cards[-1].applies_to:
        raise reader.fail(
            entries["scorecards"], "scorecards 的最后一张不能写 applies_to：其余通话都用它评分"
        )
    return cards


def dump_cards(cards: Sequence[Scorecard]) -> dict[str, Any]:
    """The entry of the rule set's mapping that states the cards; empty without any."""
    if not cards:
        return {}
    if len(cards) == 1:
        return {"scorecard": _dump_card(cards[0])}
    return {"scorecards": [_dump_card(card) for card in cards]}


def _card(reader: Reader, node: yaml.Node, keys: tuple[str, ...]) -> Scorecard:
    entries = reader.mapping(node, keys, "评分卡")
    mark = node.start_mark
    plain: dict[str, Any] = {
        "source": reader.source, "line": mark.line + 1, "column": mark.column + 1,
    }  # fmt: skip
    if "name" in entries:
        plain["name"] = reader.name(entries["name"], "name")
    for key in ("start", "floor", "ceiling"):
        if key in entries:
            plain[key] = reader.number(entries[key], key, -_MOST, _MOST)
    if "pass_mark" in entries:
        none = entries["pass_mark"].tag.endswith(":null")
        plain["pass_mark"] = (
            None if none else reader.number(entries["pass_mark"], "pass_mark", -_MOST, _MOST)
        )
    if "applies_to" in entries:
        plain["applies_to"] = read_tests(reader, entries["applies_to"], "applies_to")
    if "points" in entries:
        plain["points"] = _points(reader, entries["points"], "points")
    if "severity_points" in entries:
        plain["severity_points"] = _severity_points(reader, entries["severity_points"])
    if "veto" in entries:
        plain["veto"] = reader.texts(entries["veto"], "veto")
    if "sections" in entries:
        plain["sections"] = _sections(reader, entries["sections"])
    card = Scorecard(**plain)
    if not card.floor <= card.start <= card.ceiling:
        raise reader.fail(node, "评分卡要满足 floor ≤ start ≤ ceiling")
    return card


def _points(reader: Reader, node: yaml.Node, what: str) -> dict[str, float]:
    if not isinstance(node, yaml.MappingNode):
        raise reader.fail(node, f"{what} 应当是“名字: 分数”的形式")
    keys = [reader.text(key) for key, _ in node.value]
    return {
        key: reader.number(value, key, -_MOST, _MOST)
        for key, value in reader.mapping(node, keys, what).items()
    }


def _severity_points(reader: Reader, node: yaml.Node) -> Mapping[RuleSeverity, float]:
    entries = reader.mapping(node, get_args(RuleSeverity), "severity_points")
    return {
        cast(RuleSeverity, key): reader.number(value, key, -_MOST, _MOST)
        for key, value in entries.items()
    }


def _sections(reader: Reader, node: yaml.Node) -> tuple[Section, ...]:
    items = reader.items(node, "sections")
    sections = tuple(_section(reader, item) for item in items)
    names = [section.name for section in sections]
    for place, item in enumerate(items):
        if names[place] in names[:place]:
            raise reader.fail(item, f"评分项 {names[place]} 重名，请给它另一个 name")
    return sections


def _section(reader: Reader, node: yaml.Node) -> Section:
    entries = reader.mapping(node, _SECTION_KEYS, "评分项")
    if "name" not in entries or not {"categories", "rules"} & entries.keys():
        raise reader.fail(node, "评分项要写 name，以及 categories、rules 至少一个")
    if "zero_if" in entries and "max_points" not in entries:
        raise reader.fail(entries["zero_if"], "zero_if 要和 max_points 一起写：命中时扣完多少分")
    plain: dict[str, Any] = {
        key: reader.texts(entries[key], key)
        for key in ("categories", "rules", "zero_if")
        if key in entries
    }
    plain |= {
        key: reader.number(entries[key], key, 0, _MOST)
        for key in ("weight", "max_points", "max_bonus")
        if key in entries
    }
    return Section(name=reader.name(entries["name"], "name"), **plain)


def _dump_card(card: Scorecard) -> dict[str, Any]:
    plain: dict[str, Any] = {
        key: getattr(card, key) for key in ("name", "start", "floor", "ceiling", "pass_mark")
    }
    if card.applies_to:
        plain["applies_to"] = dump_tests(card.applies_to)
    for key in ("points", "severity_points"):
        if getattr(card, key):
            plain[key] = dict(getattr(card, key))
    if card.veto:
        plain["veto"] = list(card.veto)
    if card.sections:
        plain["sections"] = [_dump_section(section) for section in card.sections]
    return plain


def _dump_section(section: Section) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": section.name}
    plain |= {"categories": list(section.categories), "rules": list(section.rules)}
    if section.zero_if:
        plain["zero_if"] = list(section.zero_if)
    for key in ("max_points", "max_bonus"):
        if getattr(section, key) is not None:
            plain[key] = getattr(section, key)
    return {**plain, "weight": section.weight}
