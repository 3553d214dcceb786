"""Example of a rule set; it parses and lints clean."""

from api.documents import DocumentExample

RULE_SET = DocumentExample(
    name="我的质检规则",
    domain="general",
    text="""\
ruleset: 我的质检规则
extends: 电销通用
domain: general
""",
)
