"""What an expression cannot hold without, and texts cut for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.keywords import find_in, needed, parse_expression

SOURCES = [
    "加",
    "(加 | 添加) near/2 微信",
    "加 & !不 & (微 | 信)",
    "(加 & 微) | 信",
    "不 near/1 (加 | 微 near/3 信)",
]


@pytest.mark.parametrize("source", SOURCES)
@given(text=st.text(alphabet="添加不微信，", max_size=10))
def test_nothing_holds_without_what_is_needed(source: str, text: str) -> None:
    expression = parse_expression(source)
    sets = needed(expression)
    assert sets
    if find_in(expression, text):
        assert all(any(term in text for term in terms) for terms in sets)


def test_smallest_sets_come_first() -> None:
    assert needed(parse_expression("(加 | 添加) near/2 微信")) == (
        frozenset({"微信"}),
        frozenset({"加", "添加"}),
    )
