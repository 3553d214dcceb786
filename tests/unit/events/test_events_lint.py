from importlib import resources

import pytest

from events.document import load_pack, pack_names, parse_tree
from events.lint import lint_text, lint_tree, node_places
from events.tree import EventNode, EventTree, Matchers

HEAD = "tree: t\nnodes:\n"


@pytest.mark.parametrize(
    ("node", "severity", "code"),
    [
        ("{key: a, name: 甲}", "error", "no-matcher"),
        ("{key: a, name: 甲, match: {keywords: 'b &'}}", "error", "bad-expression"),
        ("{key: a, name: 甲, match: {regex: '(b'}}", "error", "bad-regex"),
        ("{key: a, name: 甲, match: {regex: '(?=b)b'}}", "error", "bad-regex"),
        ("{key: a, name: 甲, match: {regex: 'b*'}}", "error", "empty-regex"),
        ("{key: a, name: 甲, role: unknown, match: {keywords: b}}", "warning", "no-role"),
        ("{key: a, name: 甲, match: {keywords: b, threshold: 1}}", "error", "bad-threshold"),
        ("{key: a, name: 甲, match: {examples: [b]}}", "warning", "few-examples"),
        (
            "{key: a, name: 甲, match: {keywords: b, examples: [您好。], "
            "counter_examples: [您好]}}",
            "error",
            "contradiction",
        ),
        ("{key: a, name: 甲, match: {keywords: b}, scope: {after: 丙}}", "error", "unknown-node"),
        ("{key: a, name: 甲, match: {keywords: b}, applies_after: [丙]}", "error", "unknown-node"),
        (
            "{key: a, name: 甲, match: {keywords: b}, applies_after: [甲]}",
            "error",
            "self-reference",
        ),
    ],
)
def test_each_flaw_is_named_at_its_line(node: str, severity: str, code: str) -> None:
    text = HEAD + "  - {key: z, name: 好, match: {keywords: 好}}\n  - " + node
    (issue,) = lint_text(text, "t.yaml")
    assert (issue.severity, issue.code, issue.line, issue.column) == (severity, code, 4, 5)
    assert issue.source == "t.yaml"
    assert issue.message.endswith("。")
    assert issue.fix.endswith("。")


def test_nodes_are_compared_with_each_other() -> None:
    text = HEAD + (
        "  - {key: a, name: 甲, match: {keywords: a, examples: [咱们加个微信]}}\n"
        "  - {key: b, name: 甲, match: {keywords: b, examples: ['咱们，加个微信！']}}\n"
        "  - {key: c, name: 丙, match: {keywords: c, examples: ['咱们加个微信吧', 咱们加个微信]}}\n"
    )
    codes = [issue.code for issue in lint_text(text)]
    assert codes == ["duplicate-name", "shared-example"]


def test_a_document_that_does_not_parse_is_one_issue() -> None:
    (issue,) = lint_text("tree: t\nnodes:\n  - {key: a}", "t.yaml")
    assert (issue.code, issue.line, issue.column) == ("bad-tree", 3, 5)
    assert str(issue).startswith("t.yaml:3:5: error [bad-tree]")


def test_a_tree_without_its_document_is_linted_too() -> None:
    node = EventNode(key="a", name="甲", path="甲", role="agent", match=Matchers(regex=("(",)))
    (issue,) = lint_tree(EventTree(name="t", nodes=(node,)), "mem")
    assert (issue.code, issue.line) == ("bad-regex", 0)


def test_places_follow_renamed_base_nodes() -> None:
    text = (
        "tree: t\nextends: 电销通用\nnodes:\n"
        "  - key: opening\n    children:\n      - key: greeting\n"
    )
    assert node_places(text, parse_tree(text)) == {"开场白": (4, 5), "开场白/问候语": (6, 9)}


def test_the_packs_are_clean() -> None:
    for name in pack_names():
        text = (resources.files("events") / "packs" / f"{name}.yaml").read_text("utf-8")
        assert lint_text(text, name) == ()
        assert lint_tree(load_pack(name)) == ()
