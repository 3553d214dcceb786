"""Differences between trees are told by meaning: nodes by their keys, lists by their items."""

from core.changes import FieldChange
from events.diff import diff_trees
from events.document import load_pack, parse_tree

BASE = """\
tree: 例子
nodes:
  - key: open
    name: 开场
    role: agent
    children:
      - {key: hello, name: 问候, role: agent, match: {keywords: [您好, 你好]}}
      - {key: who, name: 自报家门, role: agent, match: {keywords: [我是]}}
  - {key: bye, name: 结束, role: agent, match: {keywords: [再见]}}
"""


def changes(old: str, new: str) -> dict[str, tuple[str, dict[str, FieldChange]]]:
    found = diff_trees(parse_tree(old), parse_tree(new))
    return {change.key: (change.kind, {f.field: f for f in change.fields}) for change in found}


def test_equal_trees_do_not_differ() -> None:
    tree = load_pack("保险")
    assert diff_trees(tree, tree) == ()


def test_layout_and_comments_are_no_change() -> None:
    assert changes(BASE, "# 说明\nversion: '7'\n" + BASE) == {}


def test_added_removed_and_changed_nodes() -> None:
    new = BASE.replace("[您好, 你好]", "[您好, 早上好], threshold: 0.5").replace(
        "  - {key: bye, name: 结束, role: agent, match: {keywords: [再见]}}",
        "  - {key: price, name: 报价, role: agent, match: {keywords: [多少钱]}}",
    )
    found = changes(BASE, new)
    assert {key: kind for key, (kind, _) in found.items()} == {
        "open/hello": "changed", "price": "added", "bye": "removed",
    }  # fmt: skip
    fields = found["open/hello"][1]
    assert fields["match.keywords"].added == ("早上好",)
    assert fields["match.keywords"].removed == ("你好",)
    assert (fields["match.threshold"].before, fields["match.threshold"].after) == ("", "0.5")


def test_a_renamed_node_is_the_same_node() -> None:
    found = changes(BASE, BASE.replace("name: 自报家门", "name: 自我介绍"))
    assert found == {
        "open/who": (
            "changed",
            {"name": FieldChange(field="name", before="开场/自报家门", after="开场/自我介绍")},
        )
    }


def test_moving_a_node_is_told_once() -> None:
    hello = "      - {key: hello, name: 问候, role: agent, match: {keywords: [您好, 你好]}}\n"
    moved = BASE.replace(hello, "").replace("  - {key: bye", hello + "  - {key: bye")
    found = changes(BASE, moved)
    assert list(found) == [""]
    assert found[""][1]["order"].after == "open → open/who → open/hello → bye"
