"""The expression language, checked against an evaluator that knows only the definition."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import AppError
from events.keywords import (
    AllOf,
    AnyOf,
    Expression,
    Near,
    Not,
    Term,
    find_in,
    map_terms,
    parse_expression,
    terms,
)


@pytest.mark.parametrize(
    ("source", "text", "span"),
    [
        ("您好", "喂您好啊", (1, 3)),
        ("您好 | 你好", "你好您好", (0, 2)),
        ("发 near/6 微信", "我发您的微信上", (1, 6)),
        ("发 near/6 微信", "微信我发您", (0, 4)),
        ("加 near/2 微信", "加一下您的微信", None),
        ("微信 & !不用", "加个微信", (2, 4)),
        ("微信 & !不用", "不用加微信", None),
        ("(加 | 添加) near/4 (微信 | 好友)", "添加一下好友", (0, 6)),
        ("录音 & 通话", "通话会录音", (0, 5)),
        ('"a b"', "xa b", (1, 4)),
        ("a&b|c", "c", (0, 1)),
        ("a&(b|c)", "c", None),
        ("NEAR/3", "near/3", None),
    ],
)
def test_expressions_point_at_what_they_found(
    source: str, text: str, span: tuple[int, int] | None
) -> None:
    if source == "NEAR/3":
        with pytest.raises(AppError):
            parse_expression(source + " x")
        return
    found = find_in(parse_expression(source), text)
    assert (min(found) if found else None) == span


@pytest.mark.parametrize(
    ("source", "offset", "message"),
    [
        ("", 0, "缺少一个词"),
        ("a &", 3, "缺少一个词"),
        ("a b", 2, "多出了内容"),
        ("(a", 2, "没有成对"),
        ('"a', 0, "引号没有成对"),
        ('a | ""', 4, "引号里是空的"),
        ("!a", 0, "只有排除条件"),
        ("a | !b", 0, "只有排除条件"),
        ("!!a & b", 2, "互相抵消"),
        ("(a | !b) near/3 c", 9, "不能有 !"),
        ("a near/3 (b & !c)", 17, "不能有 !"),
        ("a)", 1, "多出了内容"),
        ("(" * 60 + "a" + ")" * 60, None, "嵌套太深"),
    ],
)
def test_mistakes_are_named_with_their_place(source: str, offset: int | None, message: str) -> None:
    with pytest.raises(AppError, match=message) as caught:
        parse_expression(source)
    assert caught.value.code == "bad-expression"
    if offset is not None:
        assert caught.value.detail["offset"] == offset


def test_terms_can_be_listed_and_changed() -> None:
    expression = parse_expression("(A | B) near/3 A & !C")
    assert terms(expression) == ("A", "B", "C")
    assert terms(map_terms(expression, str.lower)) == ("a", "b", "c")


LETTERS = "ab微信"
words = st.text(alphabet=LETTERS, min_size=1, max_size=2).map(Term)
positive = st.recursive(
    words,
    lambda inner: st.one_of(
        st.builds(Near, inner, inner, st.integers(0, 4)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
    ),
    max_leaves=6,
)
expressions = st.one_of(positive, st.builds(lambda a, b: AllOf((a, Not(b))), positive, positive))


def source_of(expression: Expression) -> str:
    if isinstance(expression, Term):
        return f'"{expression.text}"'
    if isinstance(expression, Not):
        return f"!{source_of(expression.inner)}"
    if isinstance(expression, Near):
        return (
            f"(({source_of(expression.left)}) near/{expression.distance}"
            f" ({source_of(expression.right)}))"
        )
    sign = "&" if isinstance(expression, AllOf) else "|"
    return "(" + sign.join(source_of(part) for part in expression.parts) + ")"


def naive_spans(expression: Expression, text: str) -> set[tuple[int, int]]:
    """All spans by trying every substring and every pair; empty means "does not hold"."""
    if isinstance(expression, Term):
        return {
            (a, b)
            for a, b in itertools.combinations(range(len(text) + 1), 2)
            if text[a:b] == expression.text
        }
    if isinstance(expression, AnyOf):
        return set().union(*(naive_spans(part, text) for part in expression.parts))
    if isinstance(expression, Near):
        found = set()
        for a in naive_spans(expression.left, text):
            for b in naive_spans(expression.right, text):
                first, second = sorted((a, b))
                if first[1] <= second[0] and second[0] - first[1] <= expression.distance:
                    found.add((first[0], max(a[1], b[1])))
        return found
    assert isinstance(expression, AllOf)
    wanted = [part for part in expression.parts if not isinstance(part, Not)]
    unwanted = [part.inner for part in expression.parts if isinstance(part, Not)]
    if any(naive_spans(part, text) for part in unwanted):
        return set()
    places = [naive_spans(part, text) for part in wanted]
    if not all(places):
        return set()
    firsts = [min(spans) for spans in places]
    return {(min(a for a, _ in firsts), max(b for _, b in firsts))}


@settings(deadline=None)
@given(expressions, st.text(alphabet=LETTERS, max_size=12))
def test_evaluation_agrees_with_the_definition(expression: Expression, text: str) -> None:
    assert set(find_in(expression, text)) == naive_spans(expression, text)


@settings(deadline=None)
@given(expressions, st.text(alphabet=LETTERS, max_size=12))
def test_what_is_written_is_what_is_evaluated(expression: Expression, text: str) -> None:
    again = parse_expression(source_of(expression))
    assert find_in(again, text) == find_in(expression, text)
