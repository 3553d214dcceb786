"""Example of a key-event tree; it parses and lints clean."""

from api.documents import DocumentExample

TREE = DocumentExample(
    name="我的电销流程",
    domain="general",
    text="""\
tree: 我的电销流程
extends: 电销通用
domain: general
""",
)
