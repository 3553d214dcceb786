"""Example of a rule set; it parses and lints clean."""

from api.documents import DocumentExample

RULE_SET = DocumentExample(
    name="我的质检规则",
    domain="general",
    text="""\
ruleset: 我的质检规则
version: "1"
domain: general
extends: 电销通用
rules:
  - id: promise-cashback
    name: 私下承诺返现
    category: 违规红线
    severity: major
    reason: 返现要走公司活动，不得私下承诺
    score: -10
    conditions:
      返现: {role: agent, keyword: [返现 | 返您现金]}
    hit_if: 返现
    examples:
      must_fire: [这单成了我私下给您返现]
      must_not_fire: [我们公司没有别的费用]
""",
)
