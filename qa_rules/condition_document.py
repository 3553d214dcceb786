"""Conditions of a rule document: from YAML nodes to values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import yaml

from events.yaml_reader import Reader
from qa_rules.measures import (
    Bounds,
    Comparator,
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    MetadataTest,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
)
from qa_rules.model import Condition
from qa_rules.relations import OrderCondition, WithinCondition
from qa_rules.scope import Direction, Edge, Range, Reach, SaidBy, Scalar, Scope, Unit
from qa_rules.searches import (
    ActCondition,
    EventCondition,
    KeywordCondition,
    Mode,
    Polarity,
    RegexCondition,
    SemanticCondition,
)

Nodes = dict[str, yaml.Node]
_RANGE = re.compile(
    r"(?:(first|last) (\d+(?:\.\d+)?) (utterances?|s)"
    r"|(utterances|s) (\d+(?:\.\d+)?) to (\d+(?:\.\d+)?))"
)
_RANGE_HELP = "写成 first 3 utterances、last 20 s、utterances 2 to 5 或 s 0 to 60"
COMPARISON = re.compile(r"(>=|<=|!=|>|<|=)\s*(.+)", re.DOTALL)
_SCOPED = ("role", "range")
_TEXT = (*_SCOPED, "unless", "polarity")


def read_condition(reader: Reader, node: yaml.Node) -> Condition:
    """The condition that a mapping describes: exactly one operator key, and its options.

    Raises:
        AppError: `bad-rules` at the line and column of the mistake.
    """
    every = [*_OPERATORS, "role", "range", "unless", "polarity", "at_least", "label"]
    entries = reader.mapping(node, every, "条件")
    chosen = [key for key in entries if key in _OPERATORS]
    if len(chosen) != 1:
        raise reader.fail(node, f"一个条件要写且只写一个算子（{'、'.join(_OPERATORS)}）")
    options, build = _OPERATORS[chosen[0]]
    for key in entries:
        if key not in (chosen[0], "label") and key not in options:
            raise reader.fail(entries[key], f"{chosen[0]} 条件不接受 {key}，请删去")
    condition = build(reader, entries[chosen[0]], entries, node.start_mark.line + 1)
    if "label" not in entries:
        return condition
    return replace(condition, label=reader.name(entries["label"], "label"))


def read_tests(reader: Reader, node: yaml.Node, what: str) -> tuple[MetadataTest, ...]:
    """Metadata tests from a mapping of field name to a value, a list, or `">= 30"`."""
    if not isinstance(node, yaml.MappingNode):
        raise reader.fail(node, f"{what}应当是“字段: 取值”的形式")
    keys = [reader.text(key) for key, _ in node.value]
    return tuple(
        _read_test(reader, key, value) for key, value in reader.mapping(node, keys, what).items()
    )


def _read_test(reader: Reader, key: str, node: yaml.Node) -> MetadataTest:
    if isinstance(node, yaml.SequenceNode):
        values = tuple(read_scalar(reader, item) for item in reader.items(node, key))
        if not values:
            raise reader.fail(node, f"{key} 的取值列表不能为空")
        return MetadataTest(key, "in", values)
    value = read_scalar(reader, node)
    found = COMPARISON.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return MetadataTest(key, "=", (value,))
    comparator = cast(Comparator, found.group(1))
    operand: Scalar = found.group(2).strip()
    try:
        operand = float(operand)
        operand = int(operand) if operand == int(operand) else operand
    except (ValueError, OverflowError):
        if comparator not in ("=", "!="):
            raise reader.fail(node, f"{key} {comparator} 后面要写数字") from None
    return MetadataTest(key, comparator, (operand,))


def read_scalar(reader: Reader, node: yaml.Node) -> Scalar:
    """A text, number or boolean, by YAML's own rules."""
    raw = reader.text(node)
    kind = node.tag.rpartition(":")[2]
    if kind == "bool":
        return raw.lower() in ("true", "yes", "on")
    if kind in ("int", "float"):
        try:
            return int(raw) if kind == "int" else float(raw)
        except ValueError:
            raise reader.fail(node, f"{raw} 不是十进制数字，当作文字请加引号") from None
    return raw


def _choice(reader: Reader, node: yaml.Node, what: str, kind: object) -> str:
    value, allowed = reader.text(node), get_args(kind)
    if value not in allowed:
        raise reader.fail(node, f"{what}应当是 {'、'.join(allowed)} 之一，现在是 {value}")
    return value


def _role(reader: Reader, entries: Nodes, default: SaidBy, key: str = "role") -> SaidBy:
    if key not in entries:
        return default
    return cast(SaidBy, _choice(reader, entries[key], key, SaidBy))


def _scope(reader: Reader, entries: Nodes) -> Scope:
    ranges: tuple[Range, ...] = ()
    if "range" in entries:
        node = entries["range"]
        items = reader.items(node, "range") if isinstance(node, yaml.SequenceNode) else [node]
        ranges = tuple(_range(reader, item) for item in items)
    return Scope(role=_role(reader, entries, "any"), ranges=ranges)


def _range(reader: Reader, node: yaml.Node) -> Range:
    raw = reader.name(node, "range")
    found = _RANGE.fullmatch(raw)
    if found is None:
        raise reader.fail(node, f"看不懂范围“{raw}”，{_RANGE_HELP}")
    edge, amount, unit, between, low, high = found.groups()
    if edge:
        return Range(cast(Edge, edge), 0, float(amount), "s" if unit == "s" else "utterances")
    return Range("between", float(low), float(high), cast(Unit, between))


def _many(reader: Reader, node: yaml.Node, what: str) -> tuple[Mode, tuple[str, ...], int]:
    """`[a, b]`, or `{any|all|none: [a, b]}`, or `{at_least: 2, of: [a, b]}`."""
    if not isinstance(node, yaml.MappingNode):
        return "any", _filled(reader, node, what), 1
    entries = reader.mapping(node, ("any", "all", "none", "at_least", "of"), what)
    if set(entries) == {"at_least", "of"}:
        words = _filled(reader, entries["of"], what)
        count = reader.integer(entries["at_least"], "at_least")
        if count > len(words):
            raise reader.fail(entries["at_least"], f"at_least {count} 超过了列出的 {len(words)} 项")
        return "at_least", words, count
    if len(entries) != 1 or "of" in entries or "at_least" in entries:
        raise reader.fail(node, f"{what}写 any、all、none 之一，或同时写 at_least 与 of")
    mode, value = next(iter(entries.items()))
    return cast(Mode, mode), _filled(reader, value, what), 1


def _filled(reader: Reader, node: yaml.Node, what: str) -> tuple[str, ...]:
    values = reader.texts(node, what)
    if not values:
        raise reader.fail(node, f"{what}不能是空列表")
    return values


def _text_options(reader: Reader, entries: Nodes) -> dict[str, Any]:
    options: dict[str, Any] = {"scope": _scope(reader, entries)}
    if "unless" in entries:
        options["unless"] = _filled(reader, entries["unless"], "unless")
    if "polarity" in entries:
        options["polarity"] = _choice(reader, entries["polarity"], "polarity", Polarity)
    return options


def _keyword(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    mode, words, count = _many(reader, node, "keyword")
    return KeywordCondition(
        words=words, mode=mode, at_least=count, line=line, **_text_options(reader, entries)
    )


def _regex(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    patterns = _filled(reader, node, "regex")
    return RegexCondition(patterns=patterns, line=line, **_text_options(reader, entries))


def _not_regex(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    patterns = _filled(reader, node, "not_regex")
    return RegexCondition(
        patterns=patterns, negated=True, line=line, **_text_options(reader, entries)
    )


def _semantic(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    inner = reader.mapping(node, ("examples", "counter_examples", "threshold"), "semantic")
    if "examples" not in inner:
        raise reader.fail(node, "semantic 要有 examples（例句）")
    counter = inner.get("counter_examples")
    threshold = inner.get("threshold")
    return SemanticCondition(
        examples=_filled(reader, inner["examples"], "examples"),
        counter_examples=reader.texts(counter, "counter_examples") if counter else (),
        threshold=reader.number(threshold, "threshold", 0.01, 1.0) if threshold else 0.5,
        line=line,
        **_text_options(reader, entries),
    )


def _act(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    least = entries.get("at_least")
    return ActCondition(
        act=reader.name(node, "act"),
        at_least=reader.number(least, "at_least", 0.01, 1.0) if least else None,
        scope=_scope(reader, entries),
        line=line,
    )


def _event(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    mode, nodes, count = _many(reader, node, "event")
    return EventCondition(
        nodes=nodes, mode=mode, at_least=count, scope=_scope(reader, entries), line=line
    )


def _order(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Condition:
    inner = reader.mapping(node, ("first", "then"), "order")
    if len(inner) != 2:
        raise reader.fail(node, "order 要同时写 first 与 then（条件名）")
    return OrderCondition(
        first=reader.name(inner["first"], "first"),
        then=reader.name(inner["then"], "then"),
        line=line,
    )


def read_reach(reader: Reader, inner: Nodes) -> Reach:
    """How far: `utterances` or `seconds` of a mapping; neither means any distance."""
    utterances, seconds = inner.get("utterances"), inner.get("seconds")
    return Reach(
        utterances=reader.integer(utterances, "utterances", 0) if utterances else None,
        seconds=reader.number(seconds, "seconds", 0) if seconds else None,
    )


def _within(
    reader: Reader, node: yaml.Node, _entries: Nodes, line: int, lacking: bool = False
) -> Condition:
    inner = reader.mapping(node, ("find", "of", "utterances", "seconds", "direction"), "within")
    if "find" not in inner or "of" not in inner or ("utterances" in inner) == ("seconds" in inner):
        raise reader.fail(node, "within 要写 find、of（条件名），以及 utterances 或 seconds 之一")
    direction = "after"
    if "direction" in inner:
        direction = _choice(reader, inner["direction"], "direction", Direction)
    return WithinCondition(
        find=reader.name(inner["find"], "find"),
        of=reader.name(inner["of"], "of"),
        reach=read_reach(reader, inner),
        direction=cast(Direction, direction),
        lacking=lacking,
        line=line,
    )


def _silence(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Condition:
    inner = reader.mapping(node, ("min_s", "count", "after"), "silence")
    return SilenceCondition(
        min_s=reader.number(inner["min_s"], "min_s", 0.1) if "min_s" in inner else 5.0,
        count=reader.integer(inner["count"], "count") if "count" in inner else 1,
        after=_role(reader, inner, "any", "after"),
        line=line,
    )


def _interruption(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    inner = reader.mapping(node, ("min_overlap_ms", "count"), "interruption")
    overlap = inner.get("min_overlap_ms")
    return InterruptionCondition(
        role=_role(reader, entries, "agent"),
        min_overlap_ms=reader.integer(overlap, "min_overlap_ms") if overlap else 500,
        count=reader.integer(inner["count"], "count") if "count" in inner else 1,
        line=line,
    )


def _bounds(reader: Reader, node: yaml.Node, what: str, high: float | None = None) -> Bounds:
    return _bounds_in(reader, reader.mapping(node, ("above", "below"), what), node, what, high)


def _bounds_in(
    reader: Reader, inner: Nodes, node: yaml.Node, what: str, high: float | None
) -> Bounds:
    limits = {
        key: reader.number(inner[key], key, 0, high) for key in ("above", "below") if key in inner
    }
    if not limits:
        raise reader.fail(node, f"{what} 至少写 above 或 below 之一")
    return Bounds(**limits)


def _speech_rate(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    bounds = _bounds(reader, node, "speech_rate")
    return SpeechRateCondition(bounds=bounds, role=_role(reader, entries, "agent"), line=line)


def _talk_ratio(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    bounds = _bounds(reader, node, "talk_ratio", 1.0)
    return TalkRatioCondition(bounds=bounds, role=_role(reader, entries, "agent"), line=line)


def _duration(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Condition:
    inner = reader.mapping(node, ("above", "below", "of"), "duration")
    of = "call"
    if "of" in inner:
        of = _choice(reader, inner["of"], "of", Literal["call", "talk"])
    return DurationCondition(
        bounds=_bounds_in(reader, inner, node, "duration", None),
        of=cast(Literal["call", "talk"], of),
        role=_role(reader, entries, "any"),
        line=line,
    )


def _metadata(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Condition:
    tests = read_tests(reader, node, "metadata")
    if not tests:
        raise reader.fail(node, "metadata 至少写一个字段")
    return MetadataCondition(tests=tests, line=line)


_Builder = Callable[[Reader, yaml.Node, Nodes, int], Condition]
_OPERATORS: Mapping[str, tuple[tuple[str, ...], _Builder]] = {
    "keyword": (_TEXT, _keyword),
    "regex": (_TEXT, _regex),
    "not_regex": (_TEXT, _not_regex),
    "semantic": (_TEXT, _semantic),
    "act": ((*_SCOPED, "at_least"), _act),
    "event": (_SCOPED, _event),
    "order": ((), _order),
    "within": ((), _within),
    "silence": ((), _silence),
    "interruption": (("role",), _interruption),
    "speech_rate": (("role",), _speech_rate),
    "talk_ratio": (("role",), _talk_ratio),
    "duration": (("role",), _duration),
    "metadata": ((), _metadata),
}
OPERATORS = tuple(_OPERATORS)
