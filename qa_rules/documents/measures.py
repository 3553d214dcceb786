"""Conditions of a rule document on the call as a whole: timing, measures, metadata."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import cast

import yaml

from core.errors import AppError
from events.yaml_reader import Reader
from qa_rules.conditions.measures import (
    Bounds,
    Comparator,
    DurationCondition,
    DurationOf,
    InterruptionCondition,
    Measure,
    MetadataCondition,
    MetadataTest,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    SpeechRateOf,
    TalkRatioCondition,
    TurnsCondition,
    TurnsOf,
)
from qa_rules.conditions.scope import Scalar
from qa_rules.documents.scope import (
    Nodes,
    choice,
    count_of,
    read_ranges,
    read_role,
    read_scalar,
)
from qa_rules.facts.patterns import compiled

COMPARISON = re.compile(r"(>=|<=|!=|>|<|=)\s*(.+)", re.DOTALL)


def read_tests(reader: Reader, node: yaml.Node, what: str) -> tuple[MetadataTest, ...]:
    """Metadata tests from a mapping of field name to a value, a list, or `">= 30"`."""
    if not isinstance(node, yaml.MappingNode):
        raise reader.fail(node, f"{what}应当是“字段: 取值”的形式")
    keys = [reader.text(key) for key, _ in node.value]
    return tuple(
        _read_test(reader, key, value) for key, value in reader.mapping(node, keys, what).items()
    )


def _read_test(reader: Reader, key: str, node: yaml.Node) -> MetadataTest:
    if isinstance(node, yaml.MappingNode):
        return _read_special(reader, key, node)
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
    if found.group(2).lstrip()[:1] in ("", "<", ">", "=", "!"):
        raise reader.fail(
            node, f"看不懂比较“{value}”，写成 >= 30、<= 30、> 30、< 30、= 甲 或 != 甲"
        )
    try:
        operand = float(operand)
        operand = int(operand) if operand == int(operand) else operand
    except (ValueError, OverflowError):
        if comparator not in ("=", "!=") and not _is_time(str(operand)):
            raise reader.fail(node, f"{key} {comparator} 后面要写数字或日期") from None
    return MetadataTest(key, comparator, (operand,))


def _read_special(reader: Reader, key: str, node: yaml.Node) -> MetadataTest:
    """`{not: [a, b]}` or `{matches: pattern}`."""
    inner = reader.mapping(node, ("not", "matches"), key)
    if len(inner) != 1:
        raise reader.fail(node, f"{key} 要写 not 或 matches 之一")
    if "matches" in inner:
        pattern = reader.name(inner["matches"], "matches")
        try:
            compiled(pattern)
        except AppError as error:
            raise reader.fail(inner["matches"], error.message.rstrip("。")) from error
        return MetadataTest(key, "matches", (pattern,))
    items = reader.items(inner["not"], f"{key} 的 not")
    if not items:
        raise reader.fail(inner["not"], f"{key} 的 not 列表不能为空")
    return MetadataTest(key, "not in", tuple(read_scalar(reader, item) for item in items))


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _silence(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    inner = reader.mapping(node, ("min_s", "count", "after"), "silence")
    return SilenceCondition(
        min_s=reader.number(inner["min_s"], "min_s", 0.1) if "min_s" in inner else 5.0,
        count=count_of(reader, inner),
        after=read_role(reader, inner, "any", "after"),
        ranges=read_ranges(reader, entries),
        line=line,
    )


def _interruption(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    inner = reader.mapping(node, ("min_overlap_ms", "count"), "interruption")
    overlap = inner.get("min_overlap_ms")
    return InterruptionCondition(
        role=read_role(reader, entries, "agent"),
        min_overlap_ms=reader.integer(overlap, "min_overlap_ms") if overlap else 500,
        count=count_of(reader, inner),
        ranges=read_ranges(reader, entries),
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


def _speech_rate(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    inner = reader.mapping(node, ("above", "below", "of", "count"), "speech_rate")
    of = choice(reader, inner["of"], "of", SpeechRateOf) if "of" in inner else "call"
    if "count" in inner and of == "call":
        raise reader.fail(inner["count"], "count 要和 of: utterance 一起写")
    return SpeechRateCondition(
        bounds=_bounds_in(reader, inner, node, "speech_rate", None),
        role=read_role(reader, entries, "agent", one_side=True),
        of=cast(SpeechRateOf, of),
        count=count_of(reader, inner),
        line=line,
    )


def _talk_ratio(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    bounds = _bounds(reader, node, "talk_ratio", 1.0)
    return TalkRatioCondition(
        bounds=bounds, role=read_role(reader, entries, "agent", one_side=True), line=line
    )


def _duration(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    inner = reader.mapping(node, ("above", "below", "of"), "duration")
    of = "call"
    if "of" in inner:
        of = choice(reader, inner["of"], "of", DurationOf)
    return DurationCondition(
        bounds=_bounds_in(reader, inner, node, "duration", None),
        of=cast(DurationOf, of),
        role=read_role(reader, entries, "any"),
        line=line,
    )


def _metadata(reader: Reader, node: yaml.Node, _entries: Nodes, line: int) -> Measure:
    tests = read_tests(reader, node, "metadata")
    if not tests:
        raise reader.fail(node, "metadata 至少写一个字段")
    return MetadataCondition(tests=tests, line=line)


def _monologue(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    inner = reader.mapping(node, ("min_s", "count"), "monologue")
    return MonologueCondition(
        min_s=reader.number(inner["min_s"], "min_s", 1) if "min_s" in inner else 60.0,
        count=count_of(reader, inner),
        role=read_role(reader, entries, "agent"),
        line=line,
    )


def _turns(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Measure:
    inner = reader.mapping(node, ("above", "below", "of"), "turns")
    of = choice(reader, inner["of"], "of", TurnsOf) if "of" in inner else "turns"
    return TurnsCondition(
        bounds=_bounds_in(reader, inner, node, "turns", None),
        of=cast(TurnsOf, of),
        role=read_role(reader, entries, "any"),
        line=line,
    )


_Builder = Callable[[Reader, yaml.Node, Nodes, int], Measure]
MEASURES: Mapping[str, tuple[tuple[str, ...], _Builder]] = {
    "silence": (("range",), _silence),
    "interruption": (("role", "range"), _interruption),
    "speech_rate": (("role",), _speech_rate),
    "talk_ratio": (("role",), _talk_ratio),
    "duration": (("role",), _duration),
    "monologue": (("role",), _monologue),
    "turns": (("role",), _turns),
    "metadata": ((), _metadata),
}
