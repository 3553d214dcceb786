"""Broken rule files: what people are told, where, and in which words."""

import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import AppError
from qa_rules.documents.rule_sets import load_pack, load_ruleset, parse_ruleset
from qa_rules.linting.rule_sets import lint_ruleset

HEAD = 'ruleset: 我的\nversion: "1"\ncategories: [类]\nrules:\n'


def rule(conditions: str = "a: {keyword: 您好}", hit_if: str = "a", extra: str = "") -> str:
    """A rule set of one rule; its conditions begin at line 12 (13 with one line of `extra`)."""
    stated = "".join(f"      {line}\n" for line in conditions.splitlines())
    return (
        f"{HEAD}  - id: r1\n    name: 一\n    category: 类\n    severity: minor\n"
        f"    reason: 因为\n    score: -5\n{extra}    conditions:\n{stated}    hit_if: {hit_if}\n"
        "    examples: {must_fire: [您好], must_not_fire: [再见]}\n"
    )


def refused(text: str) -> AppError:
    with pytest.raises(AppError) as caught:
        parse_ruleset(text, "my.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("# 只有注释\n", (1, 1), "至少写 ruleset、version、rules"),
        (rule(extra="    regulation: 法: 律\n"), (11, 18), "值里有冒号"),
        (rule().replace("    score", "\tscore"), (10, 1), "Tab"),
        (rule().replace("    name", "   name"), (6, 4), "缩进"),
        (rule('a: {keyword: "您好}'), (15, 1), "引号没有成对"),
        (rule("a: {keyword: [您好}"), (12, 23), "方括号没有成对"),
        (rule(r'a: {regex: "\d+"}'), (12, 20), "单引号"),
        (rule("a: {keyword: @您好}"), (12, 20), "加引号"),
        (rule("a: {keyword: *您好}"), (12, 21), "别名"),
        (rule("a: {keyword: !您好 吗}"), (12, 21), "以 ! 开头"),
        (rule("a: !!python/object:os.system {keyword: 您好}"), (12, 10), "YAML 标签"),
        (rule() + "---\na: b\n", (15, 1), "只能有一份文档"),
        (rule('a: {keyword: "您\x07好"}'), (12, 22), "U+0007"),
        (rule(r'a: {keyword: "您\0好"}'), (12, 20), "U+0000"),
        (rule(r'a: {keyword: "您\ud800好"}'), (12, 20), "U+D800"),
        (rule("a: " + "[" * 3000 + "]" * 3000), (12, 106), "嵌套太深"),
        (rule().replace("我的", "~"), (1, 10), "不能为空"),
        (rule().replace("-5", ""), (10, 11), "现在是空的"),
        (rule(hit_if="a and"), (13, 13), "缺少一个条件名"),
        (rule(hit_if="not " * 500 + "a"), (13, 13), "嵌套太深"),
        ("extends: 不存在\n" + rule(), (1, 10), "没有名为 不存在 的规则包"),
        ("extends: 电销通用\nwithout: [无此]\n" + rule(), (2, 10), "无此"),
        (rule(extra="    applies: {组: ~}\n"), (11, 18), "不能为空"),
        (rule(extra='    applies: {组: "=> 3"}\n'), (11, 18), "看不懂"),
        (rule("a: {keyword: 您好, range: []}"), (12, 31), "不能是空列表"),
        (rule("a: {keyword: 您好, range: first 2.5 utterances}"), (12, 31), "整数"),
        (rule("a: {keyword: 您好, range: utterances 0 to 3}"), (12, 31), "从 1 数起"),
        (rule().replace("[您好]", "[{dialogue: 您好, metadata: 甲}]"), (14, 53), "字段: 取值"),
        (rule().replace("[您好]", '[{dialogue: 您好, metadata: {a: ~}}]'), (14, 57), "不能为空"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_chinese_at_its_place(
    text: str, place: tuple[int, int], says: str
) -> None:
    error = refused(text)
    assert error.code == "bad-rules"
    assert says in error.message
    assert (error.detail["line"], error.detail["column"]) == place
    assert error.message.startswith(f"my.yaml:{place[0]}:{place[1]}: ")
    assert not re.search("[a-z]+ [a-z]+ [a-z]+ [a-z]+", error.message.replace("not not", ""))
    assert len(error.message) < 300


@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
def test_a_file_in_another_encoding_is_told_like_any_mistake(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(rule().encode(encoding))
    with pytest.raises(AppError) as caught:
        load_ruleset(path)
    assert caught.value.code == "bad-rules"
    assert caught.value.detail["line"] == 1
    assert caught.value.detail["column"] == (10 if encoding == "gbk" else 1)
    result = CliRunner().invoke(app, ["rules", "lint", str(path)])
    assert result.exit_code == 1
    assert "另存为 UTF-8" in result.stdout


@pytest.mark.parametrize("change", [("", "\ufeff"), ("\n", "\r\n")])
def test_byte_order_marks_and_line_ends_make_no_difference(change: tuple[str, str]) -> None:
    text = rule()
    changed = change[1] + text if not change[0] else text.replace(*change)
    assert parse_ruleset(changed) == parse_ruleset(text)


def test_an_extending_set_takes_the_domain_of_its_base() -> None:
    assert parse_ruleset("extends: 职业教育\n" + rule()).domain == load_pack("edu").domain


def test_an_own_rule_is_never_lost_to_the_base() -> None:
    own = rule().replace("id: r1", "id: call-too-short")
    head = "extends: 电销通用\nwithout: [call-too-short]\n"
    assert parse_ruleset(head + own).rules[-1].name == "一"
    twice = "extends: 电销通用\n" + own + own[len(HEAD) :]
    codes = [issue.code for issue in lint_ruleset(parse_ruleset(twice), ())]
    assert "duplicate-id" in codes


def issues(text: str) -> list[tuple[str, int, int]]:
    return [
        (issue.code, issue.line, issue.column)
        for issue in lint_ruleset(parse_ruleset(text, "my.yaml"), (), "my.yaml")
    ]


TWO = "a: {keyword: 您好}\nb: {keyword: 再见}\n"


@pytest.mark.parametrize(
    ("conditions", "hit_if", "code", "place"),
    [
        ("a: {turns: {above: 3, below: 4}}", "a", "unreachable-condition", (12, 10)),
        ("a: {turns: {below: 0}}", "a", "unreachable-condition", (12, 10)),
        ("a: {talk_ratio: {above: 1}}", "a", "unreachable-condition", (12, 10)),
        ("a: {speech_rate: {below: 0}}", "a", "unreachable-condition", (12, 10)),
        ("a: {volume: {above: 0}}", "a", "unreachable-condition", (12, 10)),
        ("a: {unanswered: {utterances: 0}}", "a", "unreachable-condition", (12, 10)),
        ("a: {keyword: [您好, ，。]}", "a", "unreachable-condition", (12, 10)),
        ("a: {keyword: '好 & !好'}", "a", "unreachable-condition", (12, 10)),
        ("a: {keyword: {at_least: 2, of: [好, 好]}}", "a", "repeated-entry", (12, 10)),
        ("a: {metadata: {b: {matches: '(a+)+'}}}", "a", "backtracking-regex", (12, 10)),
        (TWO, "a and b and not a", "never-hits", (14, 13)),
        ("a: {keyword: 好}\nb: {keyword: 好}", "a and not b", "never-hits", (14, 13)),
        (
            "a: {duration: {above: 60}}\nb: {duration: {below: 30}}",
            "a and b",
            "never-hits",
            (14, 13),
        ),
        ("a: {keyword: 好}\nb: {keyword: {none: 好}}", "a and b", "never-hits", (14, 13)),
        ("a: {regex: 好}\nb: {not_regex: 好}", "a and b", "never-hits", (14, 13)),
        (TWO, "a and c or b", "undefined-condition", (14, 13)),
        (TWO + "c: {order: {first: a, then: d}}", "b or c", "undefined-condition", (14, 10)),
        ("a: {logic: b}\nb: {logic: a}", "a", "circular-condition", (12, 10)),
        ("a: {rule: r9}", "a", "unknown-rule", (12, 10)),
    ],
)
def test_what_cannot_be_meant_is_found_at_its_place(
    conditions: str, hit_if: str, code: str, place: tuple[int, int]
) -> None:
    assert issues(rule(conditions, hit_if)) == [(code, *place)]


def test_each_problem_of_a_rule_is_told_once_and_shortly() -> None:
    long = rule(f"a: {{regex: '{'(a+)+' * 200}'}}\nb: {{rule: r1}}", "a or b")
    found = lint_ruleset(parse_ruleset(long), ())
    assert all(len(str(issue)) < 300 for issue in found)
    assert all(issue.message.count("规则 r1：") == 1 for issue in found)


def test_a_veto_that_cannot_come_with_the_hit_is_told() -> None:
    assert issues(rule(TWO, "a and not b", "    veto_if: b\n")) == [("never-vetoes", 11, 14)]


def test_a_rule_set_without_rules_is_told() -> None:
    assert issues('ruleset: 我的\nversion: "1"\nrules: []\n') == [("no-rules", 1, 1)]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("{pass_mark: 200}", "contradictory-range"),
        ("{sections: [{name: 甲, categories: [雷]}]}", "empty-section"),
        ("{sections: [{name: 甲, categories: [类], weight: 0}]}", "no-effect"),
    ],
)
def test_cards_that_cannot_be_meant_are_found(card: str, code: str) -> None:
    text = rule().replace("rules:\n", f"scorecard: {card}\nrules:\n", 1)
    assert (code, 4, 12) in issues(text)


@pytest.mark.parametrize(
    ("card", "codes"),
    [
        ("{pass_mark: 60}", ["no-effect"]),
        ("{severity_points: {major: -9}}", []),
        ("{veto: [r1]}", []),
        ("{sections: [{name: 甲, categories: [类], max_points: 9, zero_if: [r1]}]}", []),
    ],
)
def test_a_major_rule_may_cost_what_the_card_says(card: str, codes: list[str]) -> None:
    text = rule().replace("minor", "major").replace("    score: -5\n", "")
    text = text.replace("rules:\n", f"scorecard: {card}\nrules:\n", 1)
    assert [code for code, _, _ in issues(text)] == codes


def test_a_card_of_the_base_is_found_in_its_own_file() -> None:
    text = "extends: 电销通用\n" + rule()
    (issue,) = lint_ruleset(parse_ruleset(text, "my.yaml"), (), "my.yaml")
    assert (issue.code, issue.source) == ("outside-sections", "电销通用.yaml")


def test_linting_grows_with_the_rules_alone() -> None:
    def cpu_s(count: int) -> float:
        one = rule().removeprefix(HEAD)
        many = "".join(
            one.replace("r1", f"r{n}").replace("您好}", f"您好{n}}}") for n in range(count)
        )
        ruleset = parse_ruleset(HEAD + many)
        begun = time.process_time()
        assert lint_ruleset(ruleset, ()) == ()
        return time.process_time() - begun

    cpu_s(50)
    assert cpu_s(1600) < 40 * max(cpu_s(100), 0.01)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(a", "括号没有成对"),
        ("a)", r"写成 \)"),
        ("[a", "方括号没有成对"),
        ("*a", "前面没有可以重复的内容"),
        ("a++", "只留一个"),
        ("a{2000}", "不超过 1000"),
        ("(?=a)b", "没有环视"),
        (r"(a)\1", "反向引用也不支持"),
        ("[z-a]", "字符范围"),
        ("a\\", "反斜杠"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told_why(pattern: str, says: str) -> None:
    found = lint_ruleset(parse_ruleset(rule(f"a: {{regex: '{pattern}'}}"), "my.yaml"), ())
    assert [issue.code for issue in found] == ["bad-regex"]
    assert says in found[0].message
