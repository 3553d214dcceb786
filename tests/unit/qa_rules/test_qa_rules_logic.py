"""Truth table and boolean lines, against an oracle that counts completions."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_rules.conditions.boolean import (
    And,
    AtLeast,
    Line,
    LineError,
    Name,
    Not,
    Or,
    format_line,
    names_in,
    parse_line,
)
from qa_rules.verdicts.judging import judge_line
from qa_rules.verdicts.logic import Truth, at_least, conjunction, disjunction, negate
from qa_rules.verdicts.verdict import Verdict

T, F, U, N = Truth.TRUE, Truth.FALSE, Truth.UNDECIDABLE, Truth.NOT_APPLICABLE

TABLE = [
    # a, b, a and b, a or b
    (T, T, T, T), (T, F, F, T), (T, U, U, T), (T, N, N, T),
    (F, F, F, F), (F, U, F, U), (F, N, F, N),
    (U, U, U, U), (U, N, U, U), (N, N, N, N),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "both", "either"), TABLE)
def test_truth_table(one: Truth, other: Truth, both: Truth, either: Truth) -> None:
    for pair in ([one, other], [other, one]):
        assert conjunction(pair) is both
        assert disjunction(pair) is either


@pytest.mark.parametrize(("value", "opposite"), [(T, F), (F, T), (U, U), (N, N)])
def test_negation(value: Truth, opposite: Truth) -> None:
    assert negate(value) is opposite


@given(st.lists(st.sampled_from([T, F, U, N]), min_size=1, max_size=6), st.integers(1, 6))
def test_at_least_is_known_exactly_when_every_completion_agrees(
    values: list[Truth], count: int
) -> None:
    choices = [[v] if v.known else [T, F] for v in values]
    answers = {sum(v is T for v in full) >= count for full in product(*choices)}
    verdict = at_least(count, values)
    if len(answers) == 1:
        assert verdict is (T if answers.pop() else F)
    else:
        assert verdict is (U if U in values else N)


_NAMES = st.sampled_from(["a", "b", "问候", "x-1", "c_2"])


def _lines() -> st.SearchStrategy[Line]:
    def grow(inner: st.SearchStrategy[Line]) -> st.SearchStrategy[Line]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(
            inner.map(Not),
            several.map(And),
            several.map(Or),
            several.flatmap(
                lambda parts: st.integers(1, len(parts)).map(lambda n: AtLeast(n, parts))
            ),
        )

    return st.recursive(_NAMES.map(Name), grow, max_leaves=8)


@given(_lines())
def test_lines_survive_printing_and_parsing(line: Line) -> None:
    assert parse_line(format_line(line)) == line


@given(_lines(), st.data())
def test_a_line_is_judged_as_python_judges_it(line: Line, data: st.DataObject) -> None:
    values = {name: data.draw(st.booleans(), label=name) for name in set(names_in(line))}
    verdicts = {name: Verdict(T if value else F) for name, value in values.items()}
    assert judge_line(line, verdicts).truth is (T if _plain(line, values) else F)


def _plain(line: Line, values: dict[str, bool]) -> bool:
    match line:
        case Name(name):
            return values[name]
        case Not(operand):
            return not _plain(operand, values)
        case And(operands):
            return all(_plain(part, values) for part in operands)
        case Or(operands):
            return any(_plain(part, values) for part in operands)
        case AtLeast(count, operands):
            return sum(_plain(part, values) for part in operands) >= count


def test_precedence() -> None:
    assert parse_line("a or b and not c") == Or((Name("a"), And((Name("b"), Not(Name("c"))))))
    assert parse_line("at_least 2 of (a, b or c, d)") == AtLeast(
        2, (Name("a"), Or((Name("b"), Name("c"))), Name("d"))
    )


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "缺少一个条件名"),
        ("a and", 6, "布尔式的末尾"),
        ("a b", 3, "前面缺少 and 或 or"),
        ("(a or b", 8, "应当是“)”"),
        ("a && b", 3, "不能写在布尔式里"),
        ("at_least x of (a, b)", 10, "要写整数"),
        ("at_least 3 of (a, b)", 10, "超出了列出的 2 项"),
        ("not " * 60 + "a", 205, "嵌套太深"),
    ],
)
def test_bad_lines_name_the_place(text: str, column: int, says: str) -> None:
    with pytest.raises(LineError, match=says.replace("(", r"\(").replace(")", r"\)")) as caught:
        parse_line(text)
    assert caught.value.column == column
