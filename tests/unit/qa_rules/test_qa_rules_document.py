"""Mistakes in rule documents: code, place and fix; packs and extension."""

from pathlib import Path

import pytest

from core.errors import AppError
from qa_rules.conditions.scope import Range
from qa_rules.documents.rule_sets import (
    load_pack,
    load_ruleset,
    pack_names,
    parse_document,
    parse_ruleset,
)
from qa_rules.linting.rule_sets import lint_ruleset

HEAD = 'ruleset: 我的\nversion: "1"\ncategories: [类]\nrules:\n'


def rule(**changes: str) -> str:
    """A valid rule as YAML, with fields replaced (or left out when empty)."""
    fields = {
        "id": "one",
        "name": "一",
        "category": "类",
        "severity": "minor",
        "reason": "因为",
        "score": "-5",
        "conditions": "{词: {keyword: 您好, role: agent}}",
        "hit_if": "词",
        "examples": "{must_fire: [您好], must_not_fire: [再见]}",
    } | changes
    lines = [f"    {key}: {value}" for key, value in fields.items() if value]
    return HEAD + "  -" + "\n".join(lines)[3:] + "\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 1, 1, "空的"),
        ("- a\n", 1, 1, "键: 值"),
        ("ruleset: x\n", 1, 1, "缺少 version、rules"),
        ('ruleset: a\nversion: "1"\nversion: "2"\nrules: []\n', 3, 1, "重复"),
        ('ruleset: a\nversion: "1"\nrulez: []\n', 3, 1, "是否想写 rules"),
        (rule(severity="bad"), 8, 15, "severity"),
        (rule(score="很多"), 10, 12, "数字"),
        (rule(hit_if="词 and"), 12, 13, "第 6 列"),
        (rule(conditions="{词: {keyword: 您好, rolle: agent}}"), 11, 35, "是否想写 role"),
        (rule(conditions="{词: {keyword: 您好, regex: a}}"), 11, 21, "只写一个算子"),
        (rule(conditions="{词: {keyword: 您好, range: 前三句}}"), 11, 42, "first 3 utterances"),
        (rule(conditions="{词: {keyword: {at_least: 3, of: [a, b]}}}"), 11, 42, "超过"),
        (rule(conditions="{and: {keyword: a}}"), 11, 18, "条件名"),
        (rule(conditions="{词: {within: {find: a, of: b}}}"), 11, 30, "utterances 或 seconds"),
        (rule(conditions="{词: {times: {of: a}}}"), 11, 29, "at_least、at_most"),
        (rule(conditions="{词: {entity: telephone}}"), 11, 30, "可用的有：phone"),
        (rule(conditions="{词: {process: [a, b, a]}}"), 11, 38, "重复"),
        (rule(conditions="{词: {process: [{step: a, next: c}, b]}}"), 11, 48, "不是这个流程"),
        (rule(conditions="{词: {process: [{step: a, next: end}, b]}}"), 11, 31, "走不到步骤 b"),
        (rule(conditions="{词: {process: [a, {step: b, next: a}]}}"), 11, 31, "成环"),
        (rule(conditions="{词: {keyword: x, anchor: {utterances: 3}}}"), 11, 42, "after、before"),
        (rule(conditions="{词: {keyword: x, in_one_utterance: true}}"), 11, 52, "只用于 all"),
        (rule(conditions="{词: {volume: {count: 2}}}"), 11, 30, "dBFS"),
        (rule(conditions="{词: {talk_ratio: {above: 0.5}, role: any}}"), 11, 54, "之一"),
        (rule(conditions="{词: {metadata: {a: {matches: '(?=x)'}}}}"), 11, 46, "RE2"),
        (rule(examples="{must_fire: [[您好]]}"), 13, 29, "坐席"),
        (rule(name=""), 5, 5, "缺少 name"),
        ("a: [\n", 2, 1, "YAML"),
    ],
)
def test_mistakes_are_named_with_line_and_column(
    text: str, line: int, column: int, says: str
) -> None:
    with pytest.raises(AppError) as caught:
        parse_ruleset(text, "my.yaml")
    error = caught.value
    assert error.code == "bad-rules"
    assert says in error.message
    assert (error.detail["line"], error.detail["column"]) == (line, column)


def test_a_valid_rule_has_no_issues() -> None:
    assert lint_ruleset(parse_ruleset(rule()), ()) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"conditions": "{词: {keyword: 您好}, 多: {keyword: 余}}"}, "unused-condition"),
        ({"hit_if": "词 or 字"}, "undefined-condition"),
        ({"conditions": "{词: {order: {first: 词, then: 词}}}"}, "circular-condition"),
        (
            {"conditions": "{a: {duration: {above: 9}}, 词: {order: {first: a, then: a}}}"},
            "no-position",
        ),
        ({"conditions": r"{词: {regex: '(?=a)b'}}"}, "bad-regex"),
        ({"conditions": "{词: {regex: 'a*'}}"}, "empty-match"),
        ({"conditions": "{词: {keyword: '(您好'}}"}, "bad-keyword"),
        ({"conditions": "{词: {keyword: 您好, unless: ['!不']}}"}, "bad-keyword"),
        ({"conditions": "{词: {event: 开场白/问侯语}}"}, "unknown-event"),
        ({"conditions": "{词: {event: 客户/价格异议, role: agent}}"}, "role-mismatch"),
        (
            {"conditions": "{词: {keyword: 您好, range: utterances 5 to 2}}"},
            "contradictory-range",
        ),
        (
            {"conditions": "{词: {keyword: 您好, range: [first 5 s, s 20 to 30]}}"},
            "contradictory-range",
        ),
        ({"conditions": "{词: {duration: {above: 30, below: 10}}}"}, "contradictory-range"),
        ({"conditions": "{词: {act: 不文明}}"}, "unknown-act"),
        ({"conditions": "{词: {act: 不文明用语, role: customer}}"}, "role-mismatch"),
        ({"conditions": "{词: {act: 不文明用语, at_least: 0.05}}"}, "low-chance"),
        ({"veto_if": "字"}, "undefined-condition"),
        ({"conditions": "{词: {regex: '(?:[ab]*,?)*x'}}"}, "backtracking-regex"),
        ({"conditions": "{词: {rule: two}}"}, "unknown-rule"),
        (
            {"conditions": "{a: {keyword: {none: [x]}}, 词: {times: {of: a, at_least: 1}}}"},
            "unreachable-condition",
        ),
        (
            {"conditions": "{a: {turns: {above: 9}}, 词: {keyword: x, anchor: {after: a}}}"},
            "no-position",
        ),
        ({"conditions": "{词: {entity: phone, above: 3}}"}, "unreachable-condition"),
        ({"conditions": "{词: {entity: amount, above: 9, below: 3}}"}, "contradictory-range"),
        (
            {"conditions": "{a: {keyword: x}, 词: {times: {of: a, at_least: 3, at_most: 2}}}"},
            "contradictory-range",
        ),
        ({"examples": "{must_fire: [您好]}"}, "missing-examples"),
        ({"category": "别"}, "unknown-category"),
        ({"hit_if": "词 and not 词"}, "never-hits"),
        ({"hit_if": "词 or not 词"}, "always-hits"),
        ({"applies_if": "词", "hit_if": "not 词"}, "never-hits"),
        ({"severity": "major", "score": "0"}, "no-effect"),
    ],
)
def test_the_linter_names_each_problem(changes: dict[str, str], code: str) -> None:
    issues = lint_ruleset(
        parse_ruleset(rule(**changes), "my.yaml"), ("开场白", "开场白/问候语", "客户/价格异议")
    )
    assert [issue.code for issue in issues] == [code]
    assert issues[0].line >= 5
    assert issues[0].source == "my.yaml"
    assert issues[0].fix


def test_duplicates_are_found() -> None:
    text = rule() + rule().removeprefix(HEAD)
    codes = [issue.code for issue in lint_ruleset(parse_ruleset(text), ())]
    assert codes == ["duplicate-id", "duplicate-id"]
    other = rule() + rule(id="two").removeprefix(HEAD)
    assert [i.code for i in lint_ruleset(parse_ruleset(other), ())] == ["duplicate-rule"]


def test_extending_a_pack_adds_replaces_and_leaves_out() -> None:
    text = rule(id="long-silence", category="服务规范").replace(
        'version: "1"\n', 'version: "1"\nextends: 电销通用\nwithout: [call-too-short]\n'
    )
    base, mine = load_pack("电销通用"), parse_ruleset(text)
    ids = [r.id for r in mine.rules]
    assert ids == [r.id for r in base.rules if r.id != "call-too-short"]
    assert mine.rules[ids.index("long-silence")].name == "一"
    assert mine.scorecard == base.scorecard
    assert {"类", "服务规范"} <= {c.name for c in mine.categories}
    assert not mine.extends
    assert parse_document(text).extends == "电销通用"


def test_leaving_out_a_rule_that_is_not_there_is_refused() -> None:
    text = rule().replace('version: "1"\n', 'version: "1"\nextends: 电销通用\nwithout: [nothing]\n')
    with pytest.raises(AppError, match="nothing"):
        parse_ruleset(text)


def test_packs_are_found_by_name_and_domain() -> None:
    assert set(pack_names()) == {"电销通用", "职业教育", "保险", "医美", "贷款"}
    assert load_pack("ins") == load_pack("保险")
    assert load_pack("edu").name == "职业教育"
    with pytest.raises(AppError, match="电销通用") as caught:
        load_pack("房产")
    assert caught.value.code == "not-found"


def test_files_that_cannot_be_read_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        load_ruleset(tmp_path / "none.yaml")
    assert caught.value.code == "bad-rules"
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AppError, match="UTF-8"):
        load_ruleset(bad)
    good = tmp_path / "good.yaml"
    good.write_text(rule(), encoding="utf-8")
    assert load_ruleset(good).reference == "我的@1"


def test_ranges_read_aloud() -> None:
    for text in ("first 3 utterances", "last 20 s", "utterances 2 to 5", "s 0 to 1.5"):
        document = parse_document(rule(conditions=f"{{词: {{keyword: 您好, range: {text}}}}}"))
        (condition,) = document.rules[0].conditions.values()
        (part,) = condition.scope.ranges  # type: ignore[union-attr]
        assert isinstance(part, Range)
        assert str(part) == text


def test_rules_of_one_meaning_in_other_words_are_duplicates() -> None:
    first = rule(
        conditions="{甲: {keyword: [a, b]}, 乙: {regex: x}}", hit_if="not (甲 and 乙)"
    ).rstrip()
    second = rule(
        id="two", conditions="{丙: {keyword: [b, a], label: 别名}, 丁: {regex: x}}",
        hit_if="not 丁 or not 丙",
    )  # fmt: skip
    both = parse_ruleset(first + "\n" + second.removeprefix(HEAD))
    assert [issue.code for issue in lint_ruleset(both, ())] == ["duplicate-rule"]
