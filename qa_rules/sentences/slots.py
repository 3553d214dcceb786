"""Slots of sentence templates: each writes a part of a condition, and reads it back.

A slot is a pattern for its text, a function from the condition to that text, and one from the
text to the values of the condition's fields.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nlp.entities import NAMES
from qa_rules.conditions.measures import Bounds
from qa_rules.conditions.scope import EVERY_HIT, LAST_HIT, Anchor, Edge, Range, Reach, Scope, Unit
from qa_rules.sentences.quoting import (
    NAME,
    NUMBER,
    QUOTED,
    QUOTED_LIST,
    REFERENCE,
    quote_all,
    quote_text,
    refer,
    referred,
    unquote,
    unquote_all,
    write_number,
)

Fields = dict[str, Any]
_ROLES = {"agent": "坐席", "customer": "客户", "any": "任一方"}
_ROLE_WORDS = {"坐席": "agent", "客服": "agent", "客户": "customer", "任一方": "any"}
ROLE = "坐席|客服|客户|任一方"
_SIDES = {"after": "之后", "before": "之前", "around": "前后"}
_SIDE_WORDS = {word: side for side, word in _SIDES.items()}
_KIND_WORDS = {name: kind for kind, name in NAMES.items()}
_REACH = rf"(?: {NUMBER} [句秒]内)?"
_RANGE = rf"(?:前 {NUMBER} [句秒]|最后 {NUMBER} [句秒]|第 {NUMBER} 到 {NUMBER} [句秒])"
_ANCHOR = rf"(?:在{REFERENCE}(?:第 \d+ 次|最后一次)?(?:之后|之前|前后){_REACH}，)?"
_INSIDE = rf"(?:在{_RANGE}(?:且{_RANGE})*内)?"
_SCOPE = rf"{_ANCHOR}(?:{ROLE}){_INSIDE}"


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a sentence that depends on the condition."""

    pattern: str
    write: Callable[[Any], str]
    read: Callable[[str], Fields]


def write_reach(reach: Reach) -> str:
    """` 3 句内`, ` 20 秒内`, or nothing for any distance."""
    if reach.utterances is not None:
        return f" {reach.utterances} 句内"
    return "" if reach.seconds is None else f" {write_number(reach.seconds)} 秒内"


def read_reach(text: str) -> Reach:
    """The reach that `write_reach` wrote."""
    found = re.fullmatch(rf" ({NUMBER}) ([句秒])内", text)
    if found is None:
        return Reach()
    if found[2] == "秒":
        return Reach(seconds=float(found[1]))
    return Reach(utterances=int(found[1]))


def write_bounds(bounds: Bounds, unit: str = "") -> str:
    """`超过 5 秒`, `不到 3 秒`, `在 3 与 5 秒之间`."""
    above = None if bounds.above is None else write_number(bounds.above)
    below = None if bounds.below is None else write_number(bounds.below)
    if above is not None and below is not None:
        return f"在 {above} 与 {below}{unit}{'' if unit else ' '}之间"
    return f"超过 {above}{unit}" if above is not None else f"不到 {below}{unit}"


def read_bounds(text: str) -> Bounds:
    """The bounds that `write_bounds` wrote."""
    numbers = [float(found) for found in re.findall(NUMBER, text)]
    if text.startswith("在"):
        return Bounds(above=numbers[0], below=numbers[1])
    return Bounds(above=numbers[0]) if text.startswith("超过") else Bounds(below=numbers[0])


def _bounds_pattern(unit: str) -> str:
    of = re.escape(unit)
    between = rf"在 {NUMBER} 与 {NUMBER}{of}{'' if unit else ' '}之间"
    return rf"(?:超过 {NUMBER}{of}|不到 {NUMBER}{of}|{between})"


def _write_scope(condition: Any) -> str:
    scope: Scope = condition.scope
    text = ""
    if anchor := scope.anchor:
        hit = {EVERY_HIT: "", LAST_HIT: "最后一次"}.get(anchor.hit, f"第 {anchor.hit} 次")
        text = f"在{refer(anchor.of)}{hit}{_SIDES[anchor.side]}{write_reach(anchor.reach)}，"
    return f"{text}{_ROLES[scope.role]}{_write_ranges(scope.ranges)}"


def _write_ranges(ranges: tuple[Range, ...]) -> str:
    return f"在{'且'.join(map(_write_range, ranges))}内" if ranges else ""


def _read_ranges(text: str) -> tuple[Range, ...]:
    return tuple(map(_read_range, re.findall(_RANGE, text)))


def _write_range(part: Range) -> str:
    unit, high = "秒" if part.unit == "s" else "句", write_number(part.high)
    if part.edge == "between":
        return f"第 {write_number(part.low)} 到 {high} {unit}"
    return f"{'前' if part.edge == 'first' else '最后'} {high} {unit}"


def _read_scope(text: str) -> Fields:
    found = re.fullmatch(
        rf"(?:在【({NAME})】(第 \d+ 次|最后一次)?(之后|之前|前后)({_REACH})，)?"
        rf"({ROLE})(?:在(.*)内)?",
        text,
        re.DOTALL,
    )
    if found is None:
        raise ValueError(text)
    of, hit, side, reach, role, ranges = found.groups()
    anchor = None
    if of:
        number = LAST_HIT if hit == "最后一次" else int(hit.split(" ")[1]) if hit else EVERY_HIT
        anchor = Anchor(of=of, side=_SIDE_WORDS[side], reach=read_reach(reach), hit=number)  # type: ignore[arg-type]
    parts = _read_ranges(ranges or "")
    return {"scope": Scope(role=_ROLE_WORDS[role], ranges=parts, anchor=anchor)}  # type: ignore[arg-type]


def _read_range(text: str) -> Range:
    numbers = [float(found) for found in re.findall(NUMBER, text)]
    unit: Unit = "s" if text.endswith("秒") else "utterances"
    if text.startswith("第"):
        return Range("between", numbers[0], numbers[1], unit)
    edge: Edge = "first" if text.startswith("前") else "last"
    return Range(edge, 0, numbers[0], unit)


def _write_options(condition: Any) -> str:
    """What stands in brackets after a condition: its name for people, and what is let off."""
    parts = []
    if condition.label:
        parts.append(f"即{quote_text(condition.label)}")
    if getattr(condition, "unless", ()):
        parts.append(f"同一句有{quote_all(condition.unless)}的除外")
    if getattr(condition, "polarity", "affirmed") == "any":
        parts.append("否定与引述也算")
    if getattr(condition, "plausible", ""):
        parts.append(f"模型认为不会是{quote_text(condition.plausible)}的除外")
    return f"（{'，'.join(parts)}）" if parts else ""


_OPTIONS = (
    rf"(?:（(?:即{QUOTED})?，?(?:同一句有{QUOTED_LIST}的除外)?，?(?:否定与引述也算)?，?"
    rf"(?:模型认为不会是{QUOTED}的除外)?）)?"
)


def _read_options(text: str) -> Fields:
    fields: Fields = {}
    if label := re.search(rf"即({QUOTED})", text, re.DOTALL):
        fields["label"] = unquote(label[1])
    if unless := re.search(rf"同一句有({QUOTED_LIST})的除外", text, re.DOTALL):
        fields["unless"] = unquote_all(unless[1])
    if re.search("(?:（|，)否定与引述也算(?:，模型认为不会是|）$)", text):
        fields["polarity"] = "any"
    if act := re.search(rf"模型认为不会是({QUOTED})的除外）$", text, re.DOTALL):
        fields["plausible"] = unquote(act[1])
    return fields


def _texts(field: str) -> Slot:
    return Slot(
        QUOTED_LIST,
        lambda c: quote_all(getattr(c, field)),
        lambda text: {field: unquote_all(text)},
    )


def _whole(field: str) -> Slot:
    return Slot(r"\d+", lambda c: str(getattr(c, field)), lambda text: {field: int(text)})


def _number(field: str) -> Slot:
    return Slot(
        NUMBER, lambda c: write_number(getattr(c, field)), lambda text: {field: float(text)}
    )


def _reference(field: str) -> Slot:
    return Slot(
        REFERENCE, lambda c: refer(getattr(c, field)), lambda text: {field: referred(text)[0]}
    )


def _bounds_slot(unit: str = "") -> Slot:
    return Slot(
        _bounds_pattern(unit),
        lambda c: write_bounds(c.bounds, unit),
        lambda text: {"bounds": read_bounds(text)},
    )


def _choice(field: str, words: Mapping[Any, str]) -> Slot:
    values = {word: value for value, word in words.items()}
    pattern = "|".join(sorted(map(re.escape, words.values()), key=len, reverse=True))
    return Slot(f"(?:{pattern})", lambda c: words[getattr(c, field)], lambda t: {field: values[t]})


def _optional(field: str, before: str, after: str, read: Callable[[str], Any] = int) -> Slot:
    """A number that may be missing, with the words around it."""

    def written(condition: Any) -> str:
        value = getattr(condition, field)
        return "" if value is None else f"{before}{write_number(value)}{after}"

    def fields(text: str) -> Fields:
        return {field: read(text[len(before) : len(text) - len(after)])} if text else {}

    return Slot(f"(?:{re.escape(before)}{NUMBER}{re.escape(after)})?", written, fields)


def _limits(unit: str, before: str = "", after: str = "") -> Slot:
    """`above` and `below` of a condition that has both as fields of its own, if it has any."""

    def written(condition: Any) -> str:
        bounds = Bounds(above=condition.above, below=condition.below)
        return "" if bounds == Bounds() else f"{before}{write_bounds(bounds, unit)}{after}"

    def fields(text: str) -> Fields:
        if not text:
            return {}
        bounds = read_bounds(text.removeprefix(before))
        return {"above": bounds.above, "below": bounds.below}

    pattern = f"{re.escape(before)}{_bounds_pattern(unit)}{re.escape(after)}"
    return Slot(f"(?:{pattern})?", written, fields)


SLOTS: Mapping[str, Slot] = {
    "scope": Slot(_SCOPE, _write_scope, _read_scope),
    "options": Slot(_OPTIONS, _write_options, _read_options),
    "words": _texts("words"),
    "patterns": _texts("patterns"),
    "examples": _texts("examples"),
    "nodes": _texts("nodes"),
    "counter": Slot(
        f"(?:，而不像{QUOTED_LIST})?",
        lambda c: f"，而不像{quote_all(c.counter_examples)}" if c.counter_examples else "",
        lambda text: {"counter_examples": unquote_all(text)} if text else {},
    ),
    "kinds": Slot(
        rf"(?:{'|'.join(NAMES.values())})(?:、(?:{'|'.join(NAMES.values())}))*",
        lambda c: "、".join(NAMES[kind] for kind in c.kinds),
        lambda text: {"kinds": tuple(_KIND_WORDS[name] for name in text.split("、"))},
    ),
    "act": Slot(QUOTED, lambda c: quote_text(c.act), lambda text: {"act": unquote(text)}),
    "asked": Slot(
        QUOTED, lambda c: quote_text(c.question), lambda text: {"question": unquote(text)}
    ),
    "rule": Slot(QUOTED, lambda c: quote_text(c.rule), lambda text: {"rule": unquote(text)}),
    "chance": _optional("at_least", "（概率不低于 ", "）", float),
    "one": Slot(
        "(?:在同一句里)?",
        lambda c: "在同一句里" if c.in_one_utterance else "",
        lambda text: {"in_one_utterance": bool(text)},
    ),
    "n": _whole("at_least"),
    "count": _whole("count"),
    "times": _whole("times"),
    "min_chars": _whole("min_chars"),
    "overlap": _whole("min_overlap_ms"),
    "threshold": _number("threshold"),
    "similarity": _number("similarity"),
    "min_s": _number("min_s"),
    "near": _optional("within", "相隔 ", " 句以内"),
    "values": _limits("", "（数值", "）"),
    "level": _limits(" dBFS"),
    "share": _bounds_slot(),
    "rate": _bounds_slot(" 字/分钟"),
    "seconds": _bounds_slot(" 秒"),
    "turns": _bounds_slot(" 轮"),
    "lines": _bounds_slot(" 句"),
    "role": _choice("role", _ROLES),
    "inside": Slot(
        _INSIDE, lambda c: _write_ranges(c.ranges), lambda text: {"ranges": _read_ranges(text)}
    ),
    "after": _choice("after", {"any": "", "agent": "坐席说完后", "customer": "客户说完后"}),
    "feeling": _choice("feeling", {"negative": "不满", "positive": "满意"}),
    "first": _reference("first"),
    "then": _reference("then"),
    "find": _reference("find"),
    "of": _reference("of"),
    "direction": _choice("direction", _SIDES),
    "reach": Slot(
        f"{_REACH}", lambda c: write_reach(c.reach), lambda text: {"reach": read_reach(text)}
    ),
    "low": _optional("at_least", "至少 ", " 次"),
    "high": _optional("at_most", "至多 ", " 次"),
    "question": Slot(
        f"(?:问出{REFERENCE}|提问)",
        lambda c: f"问出{refer(c.question)}" if c.question else "提问",
        lambda text: {"question": "".join(referred(text))},
    ),
    "answer": Slot(
        f"(?:{REFERENCE}作为)?",
        lambda c: f"{refer(c.answer)}作为" if c.answer else "",
        lambda text: {"answer": "".join(referred(text))},
    ),
}
