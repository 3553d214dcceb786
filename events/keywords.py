"""Keyword expressions: `(加 | 添加) near/4 微信 & !不用`. Parsed once, evaluated with evidence.

Grammar, loosest first; blanks around operators are free:

    expression := all ('|' all)*
    all        := part ('&' part)*
    part       := '!' part | near
    near       := unit ('near/' N unit)*
    unit       := '(' expression ')' | '"' quoted '"' | word

A word runs to the next operator, parenthesis, quote or blank. It holds where it occurs as a
substring. `A near/n B` holds where an A and a B, in either order and not overlapping, have at
most n characters between them. `!A` holds where A does not occur; an expression must hold
something positive to point at.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.errors import AppError

CharSpan = tuple[int, int]
Occurrences = Callable[[str], tuple[CharSpan, ...] | None]


@dataclass(frozen=True, slots=True)
class Term:
    """A substring."""

    text: str


@dataclass(frozen=True, slots=True)
class Near:
    """Left and right with at most `distance` characters between them."""

    left: "Expression"
    right: "Expression"
    distance: int


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when the inner expression does not."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Expression", ...]


Expression = Term | Near | Not | AllOf | AnyOf

_TOKEN = re.compile(
    r'\s*(?:(?P<near>near/(?P<n>\d+))(?=[\s("])|(?P<op>[&|!()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s&|!()"]+))',
    re.IGNORECASE,
)
_MAX_DEPTH = 40


def parse_expression(source: str) -> Expression:
    """The syntax tree of an expression.

    Raises:
        AppError: `bad-expression` with the offset of the mistake (`detail.offset`, from 0).
    """
    expression = _Parser(source).parse()
    if not _positive(expression):
        raise _error(source, 0, "只有排除条件，请至少写一个要出现的词")
    return expression


def terms(expression: Expression) -> tuple[str, ...]:
    """The texts of all terms, in order, each once."""
    return tuple(dict.fromkeys(_terms(expression)))


def map_terms(expression: Expression, change: Callable[[str], str]) -> Expression:
    """The same expression with every term's text changed."""
    if isinstance(expression, Term):
        return Term(change(expression.text))
    if isinstance(expression, Not):
        return Not(map_terms(expression.inner, change))
    if isinstance(expression, Near):
        left, right = map_terms(expression.left, change), map_terms(expression.right, change)
        return Near(left, right, expression.distance)
    return type(expression)(tuple(map_terms(part, change) for part in expression.parts))


def needed(expression: Expression) -> tuple[frozenset[str], ...]:
    """Sets of terms of which one each must occur for the expression to hold, smallest first.

    Never empty for an expression that `parse_expression` accepts.
    """
    return tuple(sorted(set(_needed(expression)), key=lambda terms: (len(terms), sorted(terms))))


def find(expression: Expression, occurrences: Occurrences) -> tuple[CharSpan, ...]:
    """Where the expression holds: sorted spans, empty when it does not hold.

    `occurrences(term)` gives the spans of a term in the text at hand, nothing or None where there
    are none, so the same expression runs on characters and on sounds. An `&` gives one span
    around the first place of each of its positive parts.
    """
    spans = _evaluate(expression, occurrences)
    return tuple(sorted(spans)) if spans else ()


def find_in(expression: Expression, text: str) -> tuple[CharSpan, ...]:
    """`find` with plain substring search in `text`."""
    return find(expression, lambda term: substring_spans(term, text))


def substring_spans(term: str, text: str) -> tuple[CharSpan, ...]:
    """Every occurrence of `term` in `text`, overlapping ones included, sorted."""
    if not term:
        return ()
    found: list[CharSpan] = []
    start = text.find(term)
    while start >= 0:
        found.append((start, start + len(term)))
        start = text.find(term, start + 1)
    return tuple(found)


# None = does not hold; an empty set = holds, with nothing to point at (a negation).
def _evaluate(expression: Expression, occurrences: Occurrences) -> set[CharSpan] | None:
    if isinstance(expression, Term):
        spans = occurrences(expression.text)
        return set(spans) if spans else None
    if isinstance(expression, AnyOf):
        return _any_of(expression, occurrences)
    if isinstance(expression, Not):
        return set() if _evaluate(expression.inner, occurrences) is None else None
    if isinstance(expression, Near):
        left = _evaluate(expression.left, occurrences)
        right = _evaluate(expression.right, occurrences) if left else None
        return _pairs(left, right, expression.distance) or None if left and right else None
    return _all_of(expression, occurrences)


def _any_of(expression: AnyOf, occurrences: Occurrences) -> set[CharSpan] | None:
    held: set[CharSpan] | None = None
    for part in expression.parts:
        if isinstance(part, Term):  # Mostly it is one of many words, of which few occur.
            spans: Iterable[CharSpan] | None = occurrences(part.text) or None
        else:
            spans = _evaluate(part, occurrences)
        if spans is not None:
            held = {*spans} if held is None else held.union(spans)
    return held


def _all_of(expression: AllOf, occurrences: Occurrences) -> set[CharSpan] | None:
    first: list[CharSpan] = []
    for part in expression.parts:
        spans = _evaluate(part, occurrences)
        if spans is None:
            return None
        if spans:
            first.append(min(spans))
    return {(min(s for s, _ in first), max(e for _, e in first))} if first else set()


def _pairs(left: Iterable[CharSpan], right: Iterable[CharSpan], distance: int) -> set[CharSpan]:
    return {
        (min(a[0], b[0]), max(a[1], b[1]))
        for a in left
        for b in right
        if 0 <= max(a[0], b[0]) - min(a[1], b[1]) <= distance
    }


def _terms(expression: Expression) -> Iterable[str]:
    if isinstance(expression, Term):
        yield expression.text
    elif isinstance(expression, Not):
        yield from _terms(expression.inner)
    elif isinstance(expression, Near):
        yield from _terms(expression.left)
        yield from _terms(expression.right)
    else:
        for part in expression.parts:
            yield from _terms(part)


def _needed(expression: Expression) -> Iterable[frozenset[str]]:
    if isinstance(expression, Term):
        yield frozenset({expression.text})
    elif isinstance(expression, Near):
        yield from _needed(expression.left)
        yield from _needed(expression.right)
    elif isinstance(expression, AllOf):
        for part in expression.parts:
            yield from _needed(part)
    elif isinstance(expression, AnyOf):
        of_parts = [needed(part) for part in expression.parts]
        if all(of_parts):
            yield frozenset().union(*(of_part[0] for of_part in of_parts))


def _positive(expression: Expression) -> bool:
    """Whether holding always comes with a place to point at."""
    if isinstance(expression, Not):
        return False
    if isinstance(expression, AllOf):
        return any(_positive(part) for part in expression.parts)
    if isinstance(expression, AnyOf):
        return all(_positive(part) for part in expression.parts)
    return True


def _negates(expression: Expression) -> bool:
    if isinstance(expression, Not):
        return True
    if isinstance(expression, AllOf | AnyOf):
        return any(_negates(part) for part in expression.parts)
    return False


def _error(source: str, offset: int, message: str) -> AppError:
    return AppError(
        "bad-expression",
        f"关键词表达式“{source}”第 {offset + 1} 个字符处：{message}。",
        detail={"expression": source, "offset": offset},
    )


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = list(self._scan())
        self._at = 0
        self._depth = 0

    def parse(self) -> Expression:
        expression = self._any()
        if self._kind() != "end":
            raise self._fail("这里多出了内容，词与词之间要写 & 或 |，含空格的词加引号")
        return expression

    def _scan(self) -> Iterable[tuple[str, str, int]]:
        position = 0
        source = self._source.rstrip()
        while position < len(source):
            match = _TOKEN.match(source, position)
            if match is None:
                raise _error(self._source, position, "引号没有成对")
            start = match.end() - len(match.group().lstrip())
            if match["near"]:
                yield "near", match["n"], match.start("near")
            elif match["op"]:
                yield match["op"], match["op"], match.start("op")
            else:
                word = match["quoted"] if match["quoted"] is not None else match["word"]
                if not word.strip():
                    raise _error(self._source, start, "引号里是空的")
                yield "word", word, start
            position = match.end()

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _fail(self, message: str) -> AppError:
        at_end = self._at >= len(self._tokens)
        offset = len(self._source) if at_end else self._tokens[self._at][2]
        return _error(self._source, offset, message)

    def _any(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._fail("括号嵌套太深")
        parts = [self._all()]
        while self._kind() == "|":
            self._take()
            parts.append(self._all())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self) -> Expression:
        parts = [self._part()]
        while self._kind() == "&":
            self._take()
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _part(self) -> Expression:
        negations = 0
        while self._kind() == "!":
            self._take()
            negations += 1
        if negations > 1:
            raise self._fail("连续两个 ! 互相抵消，请去掉")
        near = self._near()
        return Not(near) if negations else near

    def _near(self) -> Expression:
        left = self._unit()
        while self._kind() == "near":
            if _negates(left):
                raise self._fail("near 两边不能有 !")
            distance = int(self._take())
            right = self._unit()
            if _negates(right):
                raise self._fail("near 两边不能有 !")
            left = Near(left, right, distance)
        return left

    def _unit(self) -> Expression:
        if self._kind() == "word":
            return Term(self._take())
        if self._kind() != "(":
            raise self._fail("这里缺少一个词或括号")
        self._take()
        inner = self._any()
        if self._kind() != ")":
            raise self._fail("括号没有成对，缺少 )")
        self._take()
        return inner
