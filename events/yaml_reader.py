"""YAML read through its node graph, so that every complaint names a line and a column."""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from core.errors import AppError
from events.yaml_problems import told, too_deep, unprintable

T = TypeVar("T")
_OWN_TAGS = "tag:yaml.org,2002:"
# Neither files in UTF-8 nor the database can hold these, however they are written.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


@dataclass(slots=True)
class Reader:
    """Reads one document; every method raises `AppError(code)` at the place of the mistake.

    `what` is the kind of document in Chinese, `required` are the keys that it cannot do without.
    """

    source: str
    code: str
    what: str
    required: tuple[str, ...]
    _seen: set[int] = field(default_factory=set)

    def root(self, text: str) -> yaml.Node:
        """The document's root node.

        Raises:
            AppError: when the text is no YAML, is empty, is nested without end, or holds several
                documents.
        """
        if (hidden := unprintable(text)) is not None:
            raise self._error(*hidden)
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise self._error(line, column, f"不是有效的 YAML：{told(error)}") from error
        except RecursionError:
            raise self._error(*too_deep(text), "括号或缩进嵌套太深，请拆开") from None
        if node is None:
            raise self._error(1, 1, f"{self.what}文档是空的，请至少写 {'、'.join(self.required)}")
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
            keys = "、".join(allowed)
            raise self.fail(node, f"{_apart(what)}应当是“键: 值”的形式，可用的键：{keys}")
        self._plain(node)
        self._once(node)
        known = list(allowed)
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self.text(key_node)
            if key in found:
                raise self.fail(key_node, f"{_apart(what)}里的键 {key} 重复，请合并成一个")
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"，是否想写 {near[0]}" if near else f"，可用的键：{'、'.join(known)}"
                raise self.fail(key_node, f"{_apart(what)}不认识键 {key}{hint}")
            found[key] = value
        return found

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The entries of a sequence."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, f"{_apart(what)}应当是列表（每行以 - 开头）")
        self._plain(node)
        self._once(node)
        return list(node.value)

    def _once(self, node: yaml.Node) -> None:
        # Aliases let a short document expand without bound, and edits of one copy change others.
        if id(node) in self._seen:
            raise self.fail(node, "不支持 YAML 锚点与别名（& 与 *），请把内容写出来")
        self._seen.add(id(node))

    def _plain(self, node: yaml.Node) -> None:
        if not node.tag.startswith(_OWN_TAGS) or node.tag.startswith(f"{_OWN_TAGS}python/"):
            raise self.fail(node, "不支持 YAML 标签，以 ! 开头的值请加引号")

    def text(self, node: yaml.Node) -> str:
        """A scalar as text, exactly as written."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, "这里应当是一段文字，不是列表，也不是“键: 值”")
        self._plain(node)
        if found := _UNSTORABLE.search(node.value):
            code = f"U+{ord(found.group()):04X}"
            raise self.fail(node, f"这里用转义写了不能保存的字符 {code}，请删去或直接写这个字")
        return str(node.value)

    def name(self, node: yaml.Node, what: str) -> str:
        """A text that is not blank."""
        value = self.text(node).strip()
        if not value or node.tag.endswith(":null"):
            raise self.fail(node, f"{_apart(what)}不能为空，请写上内容")
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
            raise self.fail(node, f"{_apart(what)}应当是 true 或 false，现在是 {value}")
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
        limits = f"不小于 {_shown(low)} "
        if high is not None:
            limits = f"在 {_shown(low)} 到 {_shown(high)} 之间"
        try:
            value = kind(raw)
            inside = low <= float(value) <= (float("1e9") if high is None else high)  # type: ignore[arg-type]
        except ValueError:
            inside = False
        if not inside:
            kind_name = "整数" if kind is int else "数字"
            now = f"现在是 {raw}" if raw else "现在是空的"
            raise self.fail(node, f"{_apart(what)}应当是{limits}的{kind_name}，{now}")
        return value


def _apart(what: str) -> str:
    """What a message is about, set apart from the Chinese text that follows."""
    return f"{what} " if what[-1:].isascii() else what


def _shown(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else f"{limit:g}"
