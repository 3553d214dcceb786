"""Differences between rule sets are told rule by rule, with the sentence people read."""

from qa_rules.documents.diff import diff_rulesets
from qa_rules.documents.rule_sets import load_pack, parse_ruleset

BASE = """\
ruleset: 例子
version: "1"
scorecard: {name: 卡, pass_mark: 60}
categories: [违规]
rules:
  - id: cash
    name: 返现
    category: 违规
    severity: major
    reason: 不得返现
    score: -10
    conditions: {返现: {role: agent, keyword: [返现]}}
    hit_if: 返现
  - id: bye
    name: 未告别
    category: 违规
    severity: minor
    reason: 要告别
    score: -2
    conditions: {告别: {role: agent, keyword: {none: [再见]}}}
    hit_if: 告别
"""


def test_equal_sets_do_not_differ() -> None:
    ruleset = load_pack("保险")
    assert diff_rulesets(ruleset, ruleset) == ()


def test_rules_and_the_scorecard_are_compared() -> None:
    new = (
        BASE.replace("pass_mark: 60", "pass_mark: 80")
        .replace("keyword: [返现]", "keyword: [返现, 返您现金]")
        .replace("score: -10", "score: -20")
        .replace("id: bye", "id: goodbye")
    )
    found = {c.key: c for c in diff_rulesets(parse_ruleset(BASE), parse_ruleset(new))}
    assert {key: change.kind for key, change in found.items()} == {
        "": "changed", "cash": "changed", "goodbye": "added", "bye": "removed",
    }  # fmt: skip
    (mark,) = found[""].fields
    assert (mark.field, mark.before, mark.after) == ("scorecard.pass_mark", "60", "80")
    fields = {field.field: field for field in found["cash"].fields}
    assert set(fields) == {"sentence", "conditions.返现", "score"}
    assert "扣 20 分" in fields["sentence"].after
    assert "返您现金" in fields["conditions.返现"].after
