"""Lint of event trees: what would never match, match twice, or refer to nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import re2
import yaml

from core.errors import AppError, LintIssue, Severity
from events.acts.labels import ACTS, act_role
from events.document import parse_tree
from events.exact import compile_expression, compile_pattern
from events.tree import EventNode, EventTree
from nlp.normalise import forms

Place = tuple[int, int]
_FEW_EXAMPLES = 3


def lint_text(text: str, source: str = "tree") -> tuple[LintIssue, ...]:
    """The issues of a tree document with their lines; its first mistake if it does not parse."""
    try:
        tree = parse_tree(text, source)
    except AppError as error:
        line, column = error.detail.get("line", 0), error.detail.get("column", 0)
        return (
            LintIssue(
                "error",
                error.code,
                error.message,
                "请按提示修改这一行。",
                source,
                line if isinstance(line, int) else 0,
                column if isinstance(column, int) else 0,
            ),
        )
    return lint_tree(tree, source, node_places(text, tree))


def lint_tree(
    tree: EventTree, source: str = "", places: Mapping[str, Place] | None = None
) -> tuple[LintIssue, ...]:
    """The issues of a tree, in document order.

    Args:
        tree: The tree to look at.
        source: Its file name, for the issues.
        places: Line and column (from 1) of each node path, when the document is at hand.
    """
    known = places or {}
    issues: list[LintIssue] = []
    for path, severity, code, message, fix in _findings(tree):
        line, column = known.get(path, (0, 0))
        issues.append(LintIssue(severity, code, message, fix, source, line, column))
    return tuple(issues)


def node_places(text: str, tree: EventTree) -> dict[str, Place]:
    """Line and column of each node that a document writes, by path in the tree."""
    found: dict[str, Place] = {}
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        _locate(_value(root, "nodes"), tree.nodes, found)
    return found


_Finding = tuple[str, Severity, str, str, str]


def _findings(tree: EventTree) -> Iterator[_Finding]:
    yield from _duplicate_names(tree.nodes, "")
    paths = {node.path for node in tree.walk()}
    for node in tree.walk():
        yield from _node_findings(node)
        yield from _references(node, paths)
    yield from _shared_examples(tree)


def _duplicate_names(nodes: tuple[EventNode, ...], parent: str) -> Iterator[_Finding]:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            message = f"{parent or '根'} 下有两个名为 {node.name} 的节点。"
            yield node.path, "error", "duplicate-name", message, "请改掉其中一个名字。"
        seen.add(node.name)
        yield from _duplicate_names(node.children, node.path)


def _node_findings(node: EventNode) -> Iterator[_Finding]:
    path, match = node.path, node.match
    if not node.children and match.empty:
        fix = "请加 keywords、regex、examples、act 或 judge。"
        yield path, "error", "no-matcher", f"节点 {path} 没有任何匹配方式。", fix
    if node.role == "unknown":
        message = f"节点 {path} 没有指定说话人，坐席与客户说的都会命中。"
        yield path, "warning", "no-role", message, "请写 role: agent 或 role: customer。"
    if match.threshold is not None and not 0.0 < match.threshold < 1.0:
        message = f"节点 {path} 的 threshold 是 {match.threshold:g}，应在 0 与 1 之间。"
        yield (
            path,
            "error",
            "bad-threshold",
            message,
            "请改成 0.1 到 0.9 之间的数，0.5 表示说到它的概率过半；或去掉它，自动选择。",
        )
    if 0 < len(match.examples) < _FEW_EXAMPLES and not (match.keywords or match.regex):
        message = f"节点 {path} 只有 {len(match.examples)} 句例句，语义匹配不可靠。"
        yield path, "warning", "few-examples", message, f"请至少写 {_FEW_EXAMPLES} 句不同说法。"
    if match.act is not None:
        yield from _act_findings(node, match.act)
    for expression in match.keywords:
        try:
            compile_expression(expression)
        except AppError as error:
            yield path, "error", error.code, f"节点 {path}：{error.message}", "请修改这条表达式。"
    for pattern in match.regex:
        yield from _pattern_findings(path, pattern)
    both = {_folded(text) for text in match.examples} & {
        _folded(text) for text in match.counter_examples
    }
    for text in sorted(both):
        message = f"节点 {path} 的例句与反例里都有“{text}”。"
        yield path, "error", "contradiction", message, "请从其中一处删掉。"


def _act_findings(node: EventNode, act: str) -> Iterator[_Finding]:
    if act not in ACTS:
        message = f"节点 {node.path} 的 act 写的是“{act}”，没有这个内置事件。"
        yield node.path, "error", "unknown-act", message, f"可用：{'、'.join(ACTS)}。"
    elif node.role not in (act_role(act), "unknown"):
        message = f"节点 {node.path} 与内置事件 {act} 的说话人不同，不会命中。"
        yield node.path, "error", "act-role", message, f"请写 role: {act_role(act)}，或换一个 act。"


def _pattern_findings(path: str, pattern: str) -> Iterator[_Finding]:
    try:
        compiled = compile_pattern(pattern)
    except re2.error as error:
        message = f"节点 {path} 的正则“{pattern}”无效：{_reason(error)}。"
        yield path, "error", "bad-regex", message, "请按 RE2 语法修改（不支持环视与反向引用）。"
        return
    if compiled.search("") is not None:
        message = f"节点 {path} 的正则“{pattern}”能匹配空文本，每一句都会命中。"
        yield path, "error", "empty-regex", message, "请写出必须出现的内容。"


def _reason(error: Exception) -> str:
    first: Any = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


def _references(node: EventNode, paths: set[str]) -> Iterator[_Finding]:
    for target in dict.fromkeys((*node.anchors(), *node.applies_after)):
        if target not in paths:
            message = f"节点 {node.path} 引用了不存在的节点 {target}。"
            yield node.path, "error", "unknown-node", message, "请写出完整路径，如 客户/价格异议。"
        elif target == node.path:
            message = f"节点 {node.path} 引用了它自己。"
            yield node.path, "error", "self-reference", message, "请引用另一个节点。"


def _shared_examples(tree: EventTree) -> Iterator[_Finding]:
    owner: dict[str, str] = {}
    for node in tree.walk():
        for example in node.match.examples:
            text = _folded(example)
            first = owner.setdefault(text, node.path)
            if first != node.path:
                message = f"例句“{example}”同时属于 {first} 与 {node.path}。"
                fix = "如果不是一句话确有两层意思，请只留一处。"
                yield node.path, "warning", "shared-example", message, fix


def _folded(text: str) -> str:
    return forms(text).normalised


def _locate(
    sequence: yaml.Node | None, nodes: tuple[EventNode, ...], found: dict[str, Place]
) -> None:
    if not isinstance(sequence, yaml.SequenceNode):
        return
    by_key = {node.key: node for node in nodes}
    for item in sequence.value:
        key = _value(item, "key")
        node = by_key.get(key.value) if isinstance(key, yaml.ScalarNode) else None
        if node is not None:
            found[node.path] = (item.start_mark.line + 1, item.start_mark.column + 1)
            _locate(_value(item, "children"), node.children, found)


def _value(mapping: yaml.Node, key: str) -> yaml.Node | None:
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next((value for name, value in mapping.value if name.value == key), None)
