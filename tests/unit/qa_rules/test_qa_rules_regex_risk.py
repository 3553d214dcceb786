"""Which patterns may backtrack without end, against a count of the ways to read short texts."""

from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from rules_patterns import Node, bodies, written

from qa_rules.linting.regex_risk import backtracks

RISKY = [
    "(a+)+", "(a*)*", "(a|a)*", "(a|aa)*", "(?:[ab]*,?)*", "(a?b?)*", "(.*?,)*", "((a|b)+)*",
    "(?:a|b|ab)*", "(x+x+)+y", "(a{1,3})*", "(a{2,3})+", "([ab]|a.)*", r"(?:\d+|\w)*",
    r"(?:\s*a?\s*)*", "(a|(?:a|c))+", "((?:春|夏)+|秋)*", "(a+|b)*c", "(?:a{0,6})*", "(a+){20}",
    "(?:(?:a|b)|(?:b|c))*", r"(?:.|\n)*?(?:x|x)*", "(?:a*b*)*", "(?:a(?:b?|c?))*",
    "(?:我们|我|们)+",
]  # fmt: skip
SAFE = [
    "(a|b)*", "a*a*", "(ab|a)*", "(?:ab)+", "(a+b)*", "(a{3})*", "(?:里|的|那个|有个|叫|是|上)*",
    "[^，。]{0,10}(?:a|b)", "(?:[^,]*,)*", r"(\d+[a-z])*", "(a+)?", "(?:a+,)+b", ".*a.*b",
    "(?:a|b){0,6}", "(?:(?:不|没)+是)*", r"[\w_]*", r"(?:\|a|[|]b)*", "(?:我们|咱们|我)+",
]  # fmt: skip


@pytest.mark.parametrize("pattern", RISKY)
def test_a_loop_that_reads_a_text_in_two_ways_is_risky(pattern: str) -> None:
    assert backtracks(pattern)


@pytest.mark.parametrize("pattern", SAFE)
def test_a_loop_that_reads_every_text_in_one_way_is_not(pattern: str) -> None:
    assert not backtracks(pattern)


def test_a_loop_too_large_to_look_into_is_not_ruled_out() -> None:
    assert backtracks(f"(?:{'春夏' * 150})*")


def test_what_only_re2_reads_is_left_alone() -> None:
    assert not backtracks(r"(?:\pL+)+")


@cache
def ways(node: Node, text: str) -> int:
    """How many ways there are to read all of a text; rounds of a loop read something."""
    match node:
        case ("letter", letter):
            return int(text == letter)
        case ("then", one, other):
            return sum(ways(one, text[:n]) * ways(other, text[n:]) for n in range(len(text) + 1))
        case ("or", one, other):
            return ways(one, text) + ways(other, text)
        case ("maybe", part):
            return ways(part, text) + (not text)
        case ("loop", part):
            if not text:
                return 1
            return sum(ways(part, text[:n]) * ways(node, text[n:]) for n in range(1, len(text) + 1))
    raise AssertionError(node)


TEXTS = ["".join(letters) for size in range(9) for letters in product("ab", repeat=size)]


@settings(max_examples=150, deadline=None)
@given(bodies(4))
def test_risky_loops_are_those_with_two_ways_to_read_a_short_text(body: Node) -> None:
    loop = ("loop", body)
    assert backtracks(written(loop)) == any(ways(loop, text) > 1 for text in TEXTS)
