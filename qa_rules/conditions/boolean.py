"""The boolean line of a rule: its syntax tree, parser and printer.

    line    := term ("or" term)*
    term    := factor ("and" factor)*
    factor  := "not" factor | "(" line ")" | "at_least" NUMBER "of" "(" line ("," line)* ")" | name

`not` binds tighter than `and`, `and` tighter than `or`. A name is any run of letters (Chinese
too), digits, `_` and `-` that is no keyword.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*(?:([(),])|([\w\-]+)|(\S))")
KEYWORDS = frozenset({"and", "or", "not", "at_least", "of"})
MAX_DEPTH = 50


class LineError(ValueError):
    """The line cannot be read: why and the fix in Chinese, without a full stop.

    `column` counts code points from 1 within the line.
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Name:
    """A condition, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """The operand is false."""

    operand: Line


@dataclass(frozen=True, slots=True)
class And:
    """Every operand is true. At least two operands."""

    operands: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some operand is true. At least two operands."""

    operands: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`count` or more of the operands are true."""

    count: int
    operands: tuple[Line, ...]


Line = Name | Not | And | Or | AtLeast


def parse_line(text: str) -> Line:
    """The syntax tree of a boolean line.

    Raises:
        LineError: naming what was expected and the column where.
    """
    return _Parser(text).whole()


def format_line(line: Line) -> str:
    """The line as text, with only the parentheses it needs; parses back to the same tree."""
    match line:
        case Name(name):
            return name
        case Not(operand):
            inner = format_line(operand)
            return f"not ({inner})" if isinstance(operand, And | Or) else f"not {inner}"
        case And(operands):
            return " and ".join(_wrapped(operand, And | Or) for operand in operands)
        case Or(operands):
            return " or ".join(_wrapped(operand, Or) for operand in operands)
        case AtLeast(count, operands):
            return f"at_least {count} of ({', '.join(map(format_line, operands))})"


def _wrapped(line: Line, kinds: object) -> str:
    text = format_line(line)
    return f"({text})" if isinstance(line, kinds) else text  # type: ignore[arg-type]


def names_in(line: Line) -> Iterator[str]:
    """Every condition name in the line, left to right, repeats included."""
    if isinstance(line, Name):
        yield line.name
    elif isinstance(line, Not):
        yield from names_in(line.operand)
    else:
        for operand in line.operands:
            yield from names_in(operand)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, int]] = []
        for found in _TOKEN.finditer(text):
            if found.group(3):
                raise LineError(
                    f"“{found.group(3)}”不能写在布尔式里，只能用条件名、and、or、not、"
                    "at_least N of (…) 与半角括号",
                    found.start(3) + 1,
                )
            group = 1 if found.group(1) else 2
            self._tokens.append((found.group(group), found.start(group) + 1))
        self._end = len(text) + 1
        self._at = 0

    def whole(self) -> Line:
        line = self._line(0)
        if self._at < len(self._tokens):
            raise LineError(f"“{self._peek()}”前面缺少 and 或 or（小写英文）", self._column())
        return line

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _column(self) -> int:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else self._end

    def _told(self) -> str:
        return f"“{self._peek()}”" if self._peek() else "布尔式的末尾"

    def _accept(self, token: str) -> bool:
        if self._peek() == token:
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise LineError(f"这里应当是“{token}”，现在是{self._told()}，请补上", self._column())

    def _line(self, depth: int) -> Line:
        if depth > MAX_DEPTH:
            raise LineError("括号或 not 嵌套太深，请用 logic 条件给其中一部分起名", self._column())
        operands = [self._term(depth)]
        while self._accept("or"):
            operands.append(self._term(depth))
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _term(self, depth: int) -> Line:
        operands = [self._factor(depth)]
        while self._accept("and"):
            operands.append(self._factor(depth))
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _factor(self, depth: int) -> Line:
        if depth > MAX_DEPTH:
            raise LineError("括号或 not 嵌套太深，请用 logic 条件给其中一部分起名", self._column())
        if self._accept("not"):
            return Not(self._factor(depth + 1))
        if self._accept("("):
            line = self._line(depth + 1)
            self._expect(")")
            return line
        if self._accept("at_least"):
            return self._at_least(depth)
        token, column = self._peek(), self._column()
        if not token or token in KEYWORDS or token in "(),":  # noqa: S105 - a token of the grammar
            raise LineError(f"这里缺少一个条件名，现在是{self._told()}，请补上", column)
        self._at += 1
        return Name(token)

    def _at_least(self, depth: int) -> Line:
        number, column = self._peek(), self._column()
        if not (number.isascii() and number.isdigit()):
            raise LineError("at_least 后面要写整数，如 at_least 2 of (a, b)", column)
        self._at += 1
        self._expect("of")
        self._expect("(")
        operands = [self._line(depth + 1)]
        while self._accept(","):
            operands.append(self._line(depth + 1))
        self._expect(")")
        if not 1 <= int(number) <= len(operands):
            raise LineError(
                f"at_least {number} 超出了列出的 {len(operands)} 项，请写 1 到 {len(operands)}",
                column,
            )
        return AtLeast(int(number), tuple(operands))
