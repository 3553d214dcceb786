"""Rule documents: YAML to `RuleSet` and back, files, and the packs that ship with the product."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast, get_args

import yaml

from core.errors import AppError
from events.yaml_problems import decoded, unread
from events.yaml_reader import Reader
from qa_rules.conditions.boolean import LineError, format_line, parse_line
from qa_rules.conditions.scope import Scalar
from qa_rules.documents.conditions import read_condition
from qa_rules.documents.dumping import dump_ruleset
from qa_rules.documents.measures import read_tests
from qa_rules.documents.relations import read_line
from qa_rules.documents.scope import read_scalar
from qa_rules.documents.scorecards import read_cards
from qa_rules.findings import RuleSeverity
from qa_rules.model import Category, Example, ExampleLine, Rule, RuleSet

_ROLE_WORDS = {
    "坐席": "agent",
    "客服": "agent",
    "agent": "agent",
    "客户": "customer",
    "customer": "customer",
}
_REQUIRED = ("ruleset", "version", "rules")
_SET_KEYS = (
    "ruleset", "version", "domain", "description", "extends", "without", "scorecard",
    "scorecards", "categories", "background", "rules",
)  # fmt: skip
_RULE_KEYS = (
    "id", "name", "category", "severity", "reason", "regulation", "score", "veto", "veto_if",
    "applies", "applies_if", "min_precision", "unheard_ms", "conditions", "hit_if", "examples",
)  # fmt: skip

__all__ = [
    "dump_ruleset",
    "load_pack",
    "load_ruleset",
    "pack_names",
    "parse_document",
    "parse_ruleset",
    "resolve",
]


def parse_ruleset(text: str, source: str = "rules.yaml") -> RuleSet:
    """The rule set of a YAML document, with the pack that it extends merged in.

    Raises:
        AppError: `bad-rules`; `detail` holds source, line and column (from 1), and the message
            names the fix.
    """
    ruleset, entries, reader = _document(text, source)
    try:
        return resolve(ruleset)
    except AppError as error:
        if "line" in error.detail:
            raise
        # The base is not there, or lacks what is to be left out: the entry that says so is wrong.
        wrong = entries["extends" if error.code == "not-found" else "without"]
        raise reader.fail(wrong, error.message.rstrip("。")) from error


def parse_document(text: str, source: str = "rules.yaml") -> RuleSet:
    """The rule set exactly as the document states it, `extends` left unresolved.

    Raises:
        AppError: as `parse_ruleset`.
    """
    return _document(text, source)[0]


def _document(text: str, source: str) -> tuple[RuleSet, dict[str, yaml.Node], Reader]:
    reader = Reader(source, "bad-rules", "规则", _REQUIRED)
    root = reader.root(text)
    entries = reader.mapping(root, _SET_KEYS, "规则集")
    _require(reader, root, entries, _REQUIRED, "规则集")
    ruleset = RuleSet(
        name=reader.name(entries["ruleset"], "ruleset"),
        version=reader.name(entries["version"], "version"),
        **{
            key: reader.text(entries[key]).strip()
            for key in ("domain", "description", "extends")
            if key in entries
        },
        without=reader.texts(entries["without"], "without") if "without" in entries else (),
        stated_scorecards=read_cards(reader, entries),
        categories=_categories(reader, entries["categories"]) if "categories" in entries else (),
        background=reader.texts(entries["background"], "background")
        if "background" in entries
        else (),
        rules=tuple(_rule(reader, node) for node in reader.items(entries["rules"], "rules")),
    )
    if ruleset.without and not ruleset.extends:
        raise reader.fail(entries["without"], "没有 extends 时不能写 without，请删去")
    return ruleset, entries, reader


def _require(
    reader: Reader, node: yaml.Node, entries: dict[str, yaml.Node], keys: tuple[str, ...], what: str
) -> None:
    missing = [key for key in keys if key not in entries]
    if missing:
        raise reader.fail(node, f"{what}缺少 {'、'.join(missing)}，请补上")


def _categories(reader: Reader, node: yaml.Node) -> tuple[Category, ...]:
    found: list[Category] = []
    for item in reader.items(node, "categories"):
        if isinstance(item, yaml.ScalarNode):
            found.append(Category(reader.name(item, "类别")))
            continue
        entries = reader.mapping(item, ("name", "description"), "类别")
        _require(reader, item, entries, ("name",), "类别")
        description = (
            reader.text(entries["description"]).strip() if "description" in entries else ""
        )
        found.append(Category(reader.name(entries["name"], "类别"), description))
    return tuple(found)


def _rule(reader: Reader, node: yaml.Node) -> Rule:
    entries = reader.mapping(node, _RULE_KEYS, "规则")
    required = ("id", "name", "category", "severity", "reason", "conditions", "hit_if")
    _require(reader, node, entries, required, "规则")
    severity = reader.text(entries["severity"])
    if severity not in get_args(RuleSeverity):
        allowed = "、".join(get_args(RuleSeverity))
        raise reader.fail(entries["severity"], f"severity 应当是 {allowed} 之一，现在是 {severity}")
    optional: dict[str, Any] = {}
    if "regulation" in entries:
        optional["regulation"] = reader.text(entries["regulation"]).strip()
    if "score" in entries:
        optional["score"] = reader.number(entries["score"], "score", -1e6, 1e6)
    if "veto" in entries:
        optional["veto"] = reader.flag(entries["veto"], "veto")
    if "veto_if" in entries:
        if optional.get("veto"):
            raise reader.fail(entries["veto_if"], "veto: true 已经总是否决，与 veto_if 只写一个")
        optional["veto_if"] = read_line(reader, entries["veto_if"])
    if "applies" in entries:
        optional["applies"] = read_tests(reader, entries["applies"], "applies")
    if "applies_if" in entries:
        optional["applies_if"] = read_line(reader, entries["applies_if"])
    if "min_precision" in entries:
        optional["min_precision"] = reader.number(entries["min_precision"], "min_precision", 0, 1)
    if "unheard_ms" in entries:
        optional["unheard_ms"] = reader.integer(entries["unheard_ms"], "unheard_ms", 0)
    if "examples" in entries:
        optional.update(_examples(reader, entries["examples"]))
    return Rule(
        id=reader.name(entries["id"], "id"),
        name=reader.name(entries["name"], "name"),
        category=reader.name(entries["category"], "category"),
        severity=cast(RuleSeverity, severity),
        reason=reader.name(entries["reason"], "reason"),
        hit_if=read_line(reader, entries["hit_if"]),
        conditions=_conditions(reader, entries["conditions"]),
        source=reader.source,
        line=node.start_mark.line + 1,
        places=_places(node, entries),
        **optional,
    )


def _places(node: yaml.Node, entries: dict[str, yaml.Node]) -> dict[str, tuple[int, int]]:
    """Where each part of a rule begins; the rule itself is the part without a name."""
    parts = {"": node, **entries}
    parts |= {f"conditions.{key.value}": value for key, value in entries["conditions"].value}
    return {
        part: (found.start_mark.line + 1, found.start_mark.column + 1)
        for part, found in parts.items()
    }


def _conditions(reader: Reader, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise reader.fail(node, "conditions 应当是“名字: 条件”，至少一个")
    names = [reader.text(key) for key, _ in node.value]
    for (key, _), name in zip(node.value, names, strict=True):
        if not _is_name(name):
            raise reader.fail(key, f"条件名“{name}”只能用文字、数字、_ 与 -，且不能是 and/or/not")
    entries = reader.mapping(node, names, "conditions")
    return {name: read_condition(reader, value) for name, value in entries.items()}


def _is_name(name: str) -> bool:
    try:
        return format_line(parse_line(name)) == name and " " not in name
    except LineError:
        return False


def _examples(reader: Reader, node: yaml.Node) -> dict[str, tuple[Example, ...]]:
    entries = reader.mapping(node, ("must_fire", "must_not_fire"), "examples")
    return {
        key: tuple(_example(reader, item) for item in reader.items(value, key))
        for key, value in entries.items()
    }


def _example(reader: Reader, node: yaml.Node) -> Example:
    if isinstance(node, yaml.MappingNode):
        entries = reader.mapping(node, ("dialogue", "metadata", "answers"), "例子")
        _require(reader, node, entries, ("dialogue",), "例子")
        metadata = _metadata(reader, entries["metadata"]) if "metadata" in entries else {}
        answers = _answers(reader, entries["answers"]) if "answers" in entries else {}
        return Example(_dialogue(reader, entries["dialogue"]), metadata, answers)
    return Example(_dialogue(reader, node))


def _metadata(reader: Reader, node: yaml.Node) -> dict[str, Scalar]:
    if not isinstance(node, yaml.MappingNode):
        raise reader.fail(node, "metadata 应当是“字段: 取值”的形式")
    keys = [reader.text(key) for key, _ in node.value]
    entries = reader.mapping(node, keys, "metadata")
    return {key: read_scalar(reader, value) for key, value in entries.items()}


def _answers(reader: Reader, node: yaml.Node) -> dict[str, tuple[str, ...]]:
    if not isinstance(node, yaml.MappingNode):
        raise reader.fail(node, "answers 应当是“问题: [证明它的原话]”，答否写 []")
    questions = [reader.text(key) for key, _ in node.value]
    entries = reader.mapping(node, questions, "answers")
    return {question: reader.texts(value, question) for question, value in entries.items()}


def _dialogue(reader: Reader, node: yaml.Node) -> tuple[ExampleLine, ...]:
    if isinstance(node, yaml.ScalarNode):
        return (ExampleLine("agent", reader.name(node, "例句")),)
    lines = tuple(_dialogue_line(reader, item) for item in reader.items(node, "对话"))
    if not lines:
        raise reader.fail(node, "例子里至少要有一句话")
    return lines


def _dialogue_line(reader: Reader, node: yaml.Node) -> ExampleLine:
    if isinstance(node, yaml.ScalarNode):
        raw = reader.name(node, "例句")
        who, colon, said = raw.replace("：", ":", 1).partition(":")
        if not colon or who.strip() not in _ROLE_WORDS or not said.strip():
            raise reader.fail(node, f"“{raw}”要写成“坐席: …”或“客户: …”")
        return ExampleLine(cast(Any, _ROLE_WORDS[who.strip()]), said.strip())
    entries = reader.mapping(node, (*_ROLE_WORDS, "gap_ms", "duration_ms", "level_dbfs"), "例句")
    said_by = [key for key in entries if key in _ROLE_WORDS]
    if len(said_by) != 1:
        raise reader.fail(node, "一句话要写且只写一个说话人（坐席 或 客户）")
    gap, duration = entries.get("gap_ms"), entries.get("duration_ms")
    level = entries.get("level_dbfs")
    return ExampleLine(
        cast(Any, _ROLE_WORDS[said_by[0]]),
        reader.name(entries[said_by[0]], "例句"),
        reader.integer(gap, "gap_ms", -600_000) if gap else None,
        reader.integer(duration, "duration_ms", 1) if duration else None,
        reader.number(level, "level_dbfs", -120, 0) if level else None,
    )


def resolve(ruleset: RuleSet, load: Callable[[str], RuleSet] | None = None) -> RuleSet:
    """`ruleset` with the rules of the pack it extends before its own; unchanged without one.

    A rule replaces the base's rule of the same id, in the base's place. Scorecards and domain are
    the base's where the document gives none. `load` finds the base by name (default `load_pack`)
    and returns it resolved.

    Raises:
        AppError: `not-found` for an unknown base, `bad-rules` for an id in `without` that the
            base lacks.
    """
    if not ruleset.extends:
        return ruleset
    base = (load or load_pack)(ruleset.extends)
    known = {rule.id for rule in base.rules}
    for left_out in ruleset.without:
        if left_out not in known:
            raise AppError(
                "bad-rules",
                f"without 里的 {left_out} 不是 {ruleset.extends} 的规则，请改正编号。",
            )
    own = {rule.id: rule for rule in reversed(ruleset.rules)}
    replaced = {rule.id for rule in base.rules if rule.id not in ruleset.without}
    kept = [own.get(rule.id, rule) for rule in base.rules if rule.id in replaced]
    headings = {category.name: category for category in (*base.categories, *ruleset.categories)}
    return replace(
        ruleset,
        domain=ruleset.domain or base.domain,
        extends="",
        without=(),
        stated_scorecards=ruleset.stated_scorecards or base.stated_scorecards,
        categories=tuple(headings.values()),
        background=tuple(dict.fromkeys((*base.background, *ruleset.background))),
        # One that replaces nothing stays: the linter tells of an id that is used twice.
        rules=(*kept, *(r for r in ruleset.rules if r.id not in replaced or own[r.id] is not r)),
    )


def load_ruleset(path: Path) -> RuleSet:
    """The resolved rule set of a YAML file.

    Raises:
        AppError: `bad-rules`, also when the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AppError(
            "bad-rules",
            f"{path}: 读不了规则文件：{unread(error)}，请检查路径。",
            detail={"source": str(path)},
        ) from error
    return parse_ruleset(decoded(data, str(path), "bad-rules"), str(path))


def pack_names() -> tuple[str, ...]:
    """Names of the rule packs that ship with the product, sorted."""
    return tuple(sorted(_packs()))


def load_pack(name_or_domain: str) -> RuleSet:
    """A shipped pack, resolved, by its name or its domain (`edu`, `ins`).

    Raises:
        AppError: `not-found` listing the packs there are.
    """
    packs = _packs()
    for name, text in packs.items():
        if name == name_or_domain or _domain(name) == name_or_domain:
            return parse_ruleset(text, f"{name}.yaml")
    raise AppError(
        "not-found",
        f"没有名为 {name_or_domain} 的规则包，可用的有：{'、'.join(sorted(packs))}。",
        detail={"packs": sorted(packs)},
    )


@lru_cache(maxsize=1)
def _packs() -> dict[str, str]:
    folder = files("qa_rules") / "packs"
    return {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }


@lru_cache(maxsize=64)
def _domain(name: str) -> str:
    return parse_document(_packs()[name], f"{name}.yaml").domain
