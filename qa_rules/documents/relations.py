"""Conditions of a rule document on other conditions, and on other rules."""

from collections.abc import Callable, Mapping
from typing import cast

import yaml

from events.yaml_reader import Reader
from qa_rules.conditions.boolean import Line, LineError, parse_line
from qa_rules.conditions.process_graph import Graph
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
from qa_rules.conditions.scope import Direction, Reach
from qa_rules.documents.scope import Nodes, choice, filled, read_distance, read_reach, read_role

END = "end"
_LONGEST_SHOWN = 60


def _order(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Relation:
    inner = reader.mapping(node, ("first", "then"), "order")
    if len(inner) != 2:
        raise reader.fail(node, "order 要同时写 first 与 then（条件名）")
    return OrderCondition(
        first=reader.name(inner["first"], "first"),
        then=reader.name(inner["then"], "then"),
        line=line,
    )


def _within(
    reader: Reader, node: yaml.Node, _entries: Nodes, line: int, lacking: bool = False
) -> Relation:
    what = "not_within" if lacking else "within"
    inner = reader.mapping(node, ("find", "of", "utterances", "seconds", "direction"), what)
    if "find" not in inner or "of" not in inner or ("utterances" in inner) == ("seconds" in inner):
        raise reader.fail(node, f"{what} 要写 find、of（条件名），以及 utterances 或 seconds 之一")
    direction = "after"
    if "direction" in inner:
        direction = choice(reader, inner["direction"], "direction", Direction)
    return WithinCondition(
        find=reader.name(inner["find"], "find"),
        of=reader.name(inner["of"], "of"),
        reach=read_reach(reader, inner),
        direction=cast(Direction, direction),
        lacking=lacking,
        line=line,
    )


def _not_within(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Relation:
    return _within(reader, node, entries, line, lacking=True)


def _times(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Relation:
    inner = reader.mapping(node, ("of", "at_least", "at_most"), "times")
    if "of" not in inner or len(inner) == 1:
        raise reader.fail(node, "times 要写 of（条件名），以及 at_least、at_most 至少一个")
    low = reader.integer(inner["at_least"], "at_least") if "at_least" in inner else None
    high = reader.integer(inner["at_most"], "at_most", 0) if "at_most" in inner else None
    return TimesCondition(of=reader.name(inner["of"], "of"), at_least=low, at_most=high, line=line)


def _unanswered(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Relation:
    keys = ("utterances", "seconds", "question", "answer")
    inner = reader.mapping(node, keys, "unanswered")
    if ("utterances" in inner) == ("seconds" in inner):
        raise reader.fail(node, "unanswered 要写 utterances 或 seconds 之一：多久之内算回答")
    named = {key: reader.name(inner[key], key) for key in ("question", "answer") if key in inner}
    return UnansweredCondition(
        reach=read_reach(reader, inner),
        role=read_role(reader, entries, "customer", one_side=True),
        line=line,
        **named,
    )


def _process(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Relation:
    nodes = reader.items(node, "process")
    named = [_step(reader, item) for item in nodes]
    names = [name for name, _ in named]
    if len(names) < 2:
        raise reader.fail(node, "process 至少要有两步")
    steps = []
    for place, (item, (name, inner)) in enumerate(zip(nodes, named, strict=True)):
        if name in names[:place]:
            raise reader.fail(item, f"process 里的步骤 {name} 重复，请给它另一个条件")
        steps.append(
            Step(
                step=name,
                next=_next(reader, inner, names, place),
                reach=read_distance(reader, inner["within"]) if "within" in inner else Reach(),
                optional=reader.flag(inner["optional"], "optional")
                if "optional" in inner
                else False,
            )
        )
    condition = ProcessCondition(steps=tuple(steps), line=line)
    try:
        reached = Graph(condition).order
    except ValueError as error:
        raise reader.fail(node, f"process 的步骤成环（{error}），请让 next 只向后") from error
    if lost := [name for name in names if name not in reached]:
        raise reader.fail(node, f"process 走不到步骤 {'、'.join(lost)}，请写进前面某步的 next")
    return condition


def _step(reader: Reader, node: yaml.Node) -> tuple[str, Nodes]:
    if isinstance(node, yaml.ScalarNode):
        return reader.name(node, "步骤"), {}
    inner = reader.mapping(node, ("step", "next", "within", "optional"), "步骤")
    if "step" not in inner:
        raise reader.fail(node, "步骤要写 step（条件名）")
    return reader.name(inner["step"], "step"), inner


def _next(reader: Reader, inner: Nodes, names: list[str], place: int) -> tuple[str, ...]:
    """The steps that may follow: those of `next`, none for `end`, else the one below."""
    if "next" not in inner:
        return tuple(names[place + 1 : place + 2])
    wanted = filled(reader, inner["next"], "next")
    if wanted == (END,):
        return ()
    for name in wanted:
        if name not in names:
            raise reader.fail(inner["next"], f"next 里的 {name} 不是这个流程的步骤（结束写 end）")
    return wanted


def _logic(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Relation:
    return LogicCondition(of=read_line(reader, node), line=line)


def _rule(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Relation:
    return RuleCondition(rule=reader.name(node, "rule"), line=line)


def read_line(reader: Reader, node: yaml.Node) -> Line:
    """A boolean line."""
    text = reader.name(node, "布尔式")
    try:
        return parse_line(text)
    except LineError as error:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        raise reader.fail(node, f"布尔式“{shown}”第 {error.column} 列：{error}") from error


_Builder = Callable[[Reader, yaml.Node, Nodes, int], Relation]
RELATIONS: Mapping[str, tuple[tuple[str, ...], _Builder]] = {
    "order": ((), _order),
    "within": ((), _within),
    "not_within": ((), _not_within),
    "times": ((), _times),
    "unanswered": (("role",), _unanswered),
    "process": ((), _process),
    "logic": ((), _logic),
    "rule": ((), _rule),
}
