"""The parts that conditions of a rule document have in common: who, where, how far."""

import re
from collections.abc import Sequence
from typing import cast, get_args

import yaml

from events.yaml_reader import Reader
from qa_rules.conditions.scope import (
    EVERY_HIT,
    LAST_HIT,
    Anchor,
    Direction,
    Edge,
    Range,
    Reach,
    SaidBy,
    Scalar,
    Scope,
    Unit,
)
from qa_rules.conditions.searches import Mode

Nodes = dict[str, yaml.Node]
_RANGE = re.compile(
    r"(?:(first|last) (\d+(?:\.\d+)?) (utterances?|s)"
    r"|(utterances|s) (\d+(?:\.\d+)?) to (\d+(?:\.\d+)?))"
)
_RANGE_HELP = "写成 first 3 utterances、last 20 s、utterances 2 to 5 或 s 0 to 60"
_MOST_DIGITS = 9
_REACH = re.compile(r"(\d+) utterances?|(\d+(?:\.\d+)?) s")


def read_scalar(reader: Reader, node: yaml.Node) -> Scalar:
    """A text, number or boolean, by YAML's own rules."""
    raw = reader.text(node)
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        raise reader.fail(node, "取值不能为空，请写上内容（文字 null 要加引号）")
    if kind == "bool":
        return raw.lower() in ("true", "yes", "on")
    if kind in ("int", "float"):
        try:
            return int(raw) if kind == "int" else float(raw)
        except ValueError:
            raise reader.fail(node, f"{raw} 不是十进制数字，当作文字请加引号") from None
    return raw


def choice(reader: Reader, node: yaml.Node, what: str, kind: object) -> str:
    """One of the literals of `kind`."""
    value, allowed = reader.text(node), get_args(kind)
    if value not in allowed:
        raise reader.fail(node, f"{what}应当是 {'、'.join(allowed)} 之一，现在是 {value}")
    return value


def read_role(
    reader: Reader, entries: Nodes, default: SaidBy, key: str = "role", *, one_side: bool = False
) -> SaidBy:
    """Who says it; `any` is refused where only one side makes sense."""
    if key not in entries:
        return default
    role = cast(SaidBy, choice(reader, entries[key], key, SaidBy))
    if one_side and role == "any":
        raise reader.fail(entries[key], f"{key} 在这里要写 agent 或 customer 之一")
    return role


def read_scope(reader: Reader, entries: Nodes) -> Scope:
    """The scope that the options `role`, `range` and `anchor` of a condition state."""
    anchor = _anchor(reader, entries["anchor"]) if "anchor" in entries else None
    return Scope(
        role=read_role(reader, entries, "any"), ranges=read_ranges(reader, entries), anchor=anchor
    )


def read_ranges(reader: Reader, entries: Nodes) -> tuple[Range, ...]:
    """The parts of the call that the option `range` states; none of them for all of it."""
    if "range" not in entries:
        return ()
    node = entries["range"]
    items = reader.items(node, "range") if isinstance(node, yaml.SequenceNode) else [node]
    if not items:
        raise reader.fail(node, "range 不能是空列表，整通电话都算时请删去它")
    return tuple(_range(reader, item) for item in items)


def _range(reader: Reader, node: yaml.Node) -> Range:
    raw = reader.name(node, "range")
    found = _RANGE.fullmatch(raw)
    if found is None:
        raise reader.fail(node, f"看不懂范围“{raw}”，{_RANGE_HELP}")
    edge, amount, unit, between, low, high = found.groups()
    seconds = "s" in (unit, between)
    for number in filter(None, (amount, low, high)):
        if not seconds and not number.isdecimal():
            raise reader.fail(node, f"范围“{raw}”的句数要写整数，{_RANGE_HELP}")
        if len(number) > _MOST_DIGITS:
            raise reader.fail(node, f"范围“{raw}”里的数太大，{_RANGE_HELP}")
    if edge:
        return Range(cast(Edge, edge), 0, float(amount), "s" if seconds else "utterances")
    if not seconds and float(low) == 0:
        raise reader.fail(node, f"范围“{raw}”：句子从 1 数起，{_RANGE_HELP}")
    return Range("between", float(low), float(high), cast(Unit, between))


def _anchor(reader: Reader, node: yaml.Node) -> Anchor:
    sides = get_args(Direction)
    inner = reader.mapping(node, (*sides, "utterances", "seconds", "hit"), "anchor")
    chosen = [side for side in sides if side in inner]
    if len(chosen) != 1 or {"utterances", "seconds"} <= set(inner):
        raise reader.fail(
            node,
            "anchor 要写 after、before、around 之一（条件名），utterances 与 seconds 至多写一个",
        )
    hit = EVERY_HIT
    if "hit" in inner:
        is_last = reader.text(inner["hit"]) == "last"
        hit = LAST_HIT if is_last else reader.integer(inner["hit"], "hit（或写 last）")
    of = reader.name(inner[chosen[0]], chosen[0])
    side = cast(Direction, chosen[0])
    return Anchor(of=of, side=side, reach=read_reach(reader, inner), hit=hit)


def read_reach(reader: Reader, inner: Nodes) -> Reach:
    """How far: `utterances` or `seconds` of a mapping; neither means any distance."""
    utterances, seconds = inner.get("utterances"), inner.get("seconds")
    return Reach(
        utterances=reader.integer(utterances, "utterances", 0) if utterances else None,
        seconds=reader.number(seconds, "seconds", 0) if seconds else None,
    )


def read_distance(reader: Reader, node: yaml.Node) -> Reach:
    """How far, as one text: `3 utterances` or `20 s`."""
    raw = reader.name(node, "within")
    found = _REACH.fullmatch(raw)
    if found is None:
        raise reader.fail(node, f"看不懂距离“{raw}”，写成 3 utterances 或 20 s")
    utterances, seconds = found.groups()
    return Reach(
        utterances=int(utterances) if utterances else None,
        seconds=float(seconds) if seconds else None,
    )


def read_many(reader: Reader, node: yaml.Node, what: str) -> tuple[Mode, tuple[str, ...], int]:
    """Mode, entries and count of `[a, b]`, `{none: [a, b]}` or `{at_least: 2, of: [a, b]}`."""
    if not isinstance(node, yaml.MappingNode):
        return "any", filled(reader, node, what), 1
    entries = reader.mapping(node, ("any", "all", "none", "at_least", "of"), what)
    if set(entries) == {"at_least", "of"}:
        words = filled(reader, entries["of"], what)
        count = reader.integer(entries["at_least"], "at_least")
        if count > len(words):
            raise reader.fail(entries["at_least"], f"at_least {count} 超过了列出的 {len(words)} 项")
        return "at_least", words, count
    if len(entries) != 1 or "of" in entries or "at_least" in entries:
        raise reader.fail(node, f"{what}写 any、all、none 之一，或同时写 at_least 与 of")
    mode, value = next(iter(entries.items()))
    return cast(Mode, mode), filled(reader, value, what), 1


def filled(reader: Reader, node: yaml.Node, what: str) -> tuple[str, ...]:
    """A list of texts with at least one in it."""
    values = reader.texts(node, what)
    if not values:
        raise reader.fail(node, f"{what}不能是空列表")
    return values


def limits(
    reader: Reader, inner: Nodes, keys: Sequence[str], low: float, high: float | None
) -> dict[str, float]:
    """The numbers of those of `keys` that are there."""
    return {key: reader.number(inner[key], key, low, high) for key in keys if key in inner}


def count_of(reader: Reader, inner: Nodes, key: str = "count") -> int:
    """How many times; 1 when it is not stated."""
    return reader.integer(inner[key], key) if key in inner else 1
