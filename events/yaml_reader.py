"""YAML read through its node graph, so that every complaint names a line and a column."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from core.errors import AppError

T = TypeVar("T")


@dataclass(slots=True)
class Reader:
    """Reads one document; every method raises `AppError(code)` at the place of the mistake."""

    source: str
    code: str
    what: str
    _seen: set[int] = field(default_factory=set)

    def root(self, text: str) -> yaml.Node:
        """The document's root node.

        Raises:
            AppError: when the text is no YAML, is empty, or holds several documents.
        """
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            raise self._error(line, column, f"不是有效的 YAML：{error.problem or error}") from error
        except yaml.YAMLError as error:
            raise self._error(1, 1, f"不是有效的 YAML：{error}") from error
        if node is None:
            raise self._error(1, 1, "文档是空的，请至少写 tree 与 nodes")
        return node

    def fail(self, node: yaml.Node, message: str) -> AppError:
        """The error to raise about `node`."""
        return self._error(node.start_mark.line + 1, node.start_mark.column + 1, message)

    def _error(self, line: int, column: int, message: str) -> AppError:
        return AppError(
            self.code,
            f"{self.source}:{line}:{column}: {message}。",
            detail={"source": self.source, "line": line, "column": column},
        )

    def mapping(self, node: yaml.Node, allowed: Iterable[str], what: str) -> dict[str, yaml.Node]:
        """The entries of a mapping; duplicate and unknown keys are refused."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{what}应当是“键: 值”的形式")
        self._once(node)
        known = list(allowed)
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self.text(key_node)
            if key in found:
                raise self.fail(key_node, f"{what}里的键 {key} 重复，请合并成一个")
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"，是否想写 {near[0]}" if near else f"，可用的键：{'、'.join(known)}"
                raise self.fail(key_node, f"{what}不认识键 {key}{hint}")
            found[key] = value
        return found

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The entries of a sequence."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, f"{what}应当是列表（每行以 - 开头）")
        self._once(node)
        return list(node.value)

    def _once(self, node: yaml.Node) -> None:
        # Aliases let a short document expand without bound, and edits of one copy change others.
        if id(node) in self._seen:
            raise self.fail(node, "不支持 YAML 锚点与别名（& 与 *），请把内容写出来")
        self._seen.add(id(node))

    def text(self, node: yaml.Node) -> str:
        """A scalar as text, exactly as written."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, "这里应当是一段文字")
        return str(node.value)

    def name(self, node: yaml.Node, what: str) -> str:
        """A text that is not blank."""
        value = self.text(node).strip()
        if not value:
            raise self.fail(node, f"{what}不能为空")
        return value

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """A list of non-blank texts; a single text counts as a list of one."""
        if isinstance(node, yaml.ScalarNode):
            return (self.name(node, what),)
        return tuple(self.name(item, what) for item in self.items(node, what))

    def flag(self, node: yaml.Node, what: str) -> bool:
        """A boolean written as true or false."""
        value = self.text(node).lower()
        if value not in ("true", "false"):
            raise self.fail(node, f"{what}应当是 true 或 false，现在是 {value}")
        return value == "true"

    def integer(self, node: yaml.Node, what: str, low: int = 1) -> int:
        """A whole number of at least `low`."""
        return self._number(node, what, int, low, None)

    def number(self, node: yaml.Node, what: str, low: float, high: float | None = None) -> float:
        """A finite number inside [low, high]."""
        return self._number(node, what, float, low, high)

    def _number(
        self, node: yaml.Node, what: str, kind: Callable[[str], T], low: float, high: float | None
    ) -> T:
        raw = self.text(node)
        limits = f"不小于 {low:g}" if high is None else f"在 {low:g} 到 {high:g} 之间"
        try:
            value = kind(raw)
            inside = low <= float(value) <= (float("1e9") if high is None else high)  # type: ignore[arg-type]
        except ValueError:
            inside = False
        if not inside:
            kind_name = "整数" if kind is int else "数字"
            raise self.fail(node, f"{what}应当是{limits}的{kind_name}，现在是 {raw}")
        return value
