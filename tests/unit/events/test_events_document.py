import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import AppError
from events.document import load_pack, load_tree, pack_names, parse_tree
from events.dumping import dump_tree
from events.tree import (
    Anchor,
    Background,
    Context,
    Conversation,
    EventNode,
    EventTree,
    Matchers,
    Scope,
)

SMALL = """
tree: 小树
nodes:
  - key: a
    name: 开场
    role: agent
    children:
      - {key: b, name: 问候, sop: true, match: {keywords: 您好, examples: [喂您好]}}
  - {key: c, name: 客户, role: customer, match: {regex: ['贵.?了'], threshold: 0.7}}
"""


def test_a_document_becomes_a_tree() -> None:
    tree = parse_tree(SMALL)
    assert [node.path for node in tree.walk()] == ["开场", "开场/问候", "客户"]
    assert [node.path for node in tree.leaves()] == ["开场/问候", "客户"]
    greeting = tree.node("开场/问候")
    assert greeting is not None
    assert greeting.role == "agent"
    assert greeting.match.keywords == ("您好",)
    assert tree.steps() == (greeting,)
    assert tree.node("没有") is None
    assert tree.ref == "小树@1"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "空的"),
        ("tree: a\nnodes: [", 2, 9, "YAML"),
        ("tree: a", 1, 1, "缺少 nodes"),
        ("nodes: []", 1, 1, "缺少 tree"),
        ("- a", 1, 1, "键: 值"),
        ("tree: a\ntree: b\nnodes: []", 2, 1, "重复"),
        ("tree: a\nnode: []", 2, 1, "是否想写 nodes"),
        ("tree: a\nnodes: {}", 2, 8, "应当是列表"),
        ("tree: a\nnodes:\n  - {name: x}", 3, 5, "缺少 key"),
        ("tree: a\nnodes:\n  - {key: x}", 3, 5, "缺少 name"),
        ("tree: a\nnodes:\n  - {key: x, name: a/b}", 3, 20, "不能含有 /"),
        ("tree: a\nnodes:\n  - {key: x, name: a, role: boss}", 3, 29, "role"),
        ("tree: a\nnodes:\n  - {key: x, name: a, sop: 1}", 3, 28, "true 或 false"),
        ("tree: a\nnodes:\n  - {key: x, name: a, weight: -1}", 3, 31, "weight"),
        ("tree: a\nnodes:\n  - {key: x, name: a, weight: .nan}", 3, 31, "weight"),
        ("tree: a\nnodes:\n  - {key: x, name: a, match: {threshold: 3}}", 3, 42, "threshold"),
        ("tree: a\nnodes:\n  - {key: x, name: a, match: {keyword: b}}", 3, 31, "keywords"),
        ("tree: a\nnodes:\n  - {key: x, name: a, scope: {first_s: 0}}", 3, 40, "first_s"),
        ("tree: a\nnodes:\n  - {key: x, name: a, scope: {after: {}}}", 3, 38, "缺少 node"),
        ("tree: a\nnodes:\n  - {key: x, name: a}\n  - {key: x, name: b}", 4, 5, "重复"),
        ("tree: a\nnodes:\n  - &n {key: x, name: a}\n  - *n", 3, 5, "别名"),
        ("tree: a\nextends: 没有\nnodes: []", 2, 10, "没有名为"),
        ("tree: ''\nnodes: []", 1, 7, "不能为空"),
        ("tree: a\nnodes:\n  - {key: x, name: a, context: {bonus: 1}}", 3, 32, "缺少 after"),
        (
            "tree: a\nnodes:\n"
            "  - {key: x, name: a, scope: {after: b}}\n"
            "  - {key: y, name: b, scope: {after: a}}",
            1,
            1,
            "互相引用",
        ),
    ],
)
def test_mistakes_are_named_with_line_and_column(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(AppError, match=message) as caught:
        parse_tree(text, "my.yaml")
    assert caught.value.code == "bad-tree"
    assert caught.value.detail == {"source": "my.yaml", "line": line, "column": column}


def test_a_deep_tree_is_refused() -> None:
    text = "{key: x, name: a}"
    for _ in range(8):
        text = f"{{key: x, name: a, children: [{text}]}}"
    with pytest.raises(AppError, match="最多"):
        parse_tree(f"tree: t\nnodes: [{text}]")


def test_a_file_is_read_or_refused(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(SMALL, encoding="utf-8")
    assert load_tree(tmp_path / "t.yaml") == parse_tree(SMALL)
    with pytest.raises(AppError) as caught:
        load_tree(tmp_path / "none.yaml")
    assert caught.value.code == "not-found"


def test_an_extension_adds_phrases_and_keeps_the_rest() -> None:
    text = """
tree: 我的
extends: 电销通用
nodes:
  - key: opening
    children:
      - {key: greeting, name: 打招呼, weight: 5, match: {examples: [老铁在不在]}}
      - {key: weather, name: 聊天气, match: {keywords: 天气}}
"""
    base, tree = load_pack("电销通用"), parse_tree(text)
    old, new = base.node("开场白/问候语"), tree.node("开场白/打招呼")
    assert old is not None
    assert new is not None
    assert new.match.examples == (*old.match.examples, "老铁在不在")
    assert new.match.keywords == old.match.keywords
    assert (new.weight, new.required, new.scope) == (5.0, old.required, old.scope)
    assert tree.node("开场白/聊天气") is not None
    assert tree.node("客户/价格异议") == base.node("客户/价格异议")
    assert tree.background == base.background
    assert parse_tree(dump_tree(tree)) == tree


def test_packs_are_found_by_name_and_by_domain() -> None:
    assert set(pack_names()) == {"电销通用", "职业教育", "保险", "医美", "贷款"}
    assert load_pack("edu") is load_pack("职业教育") or load_pack("edu") == load_pack("职业教育")
    assert load_pack("ins").name == "保险"
    assert load_pack("general").domain == "general"
    with pytest.raises(AppError, match="电销通用"):
        load_pack("农业")


@pytest.mark.parametrize("name", ["电销通用", "职业教育", "保险"])
def test_packs_share_their_paths_and_survive_a_round_trip(name: str) -> None:
    pack = load_pack(name)
    paths = [node.path for node in pack.leaves()]
    assert paths == [node.path for node in load_pack("general").leaves()]
    assert len(paths) == 38
    assert all(len(node.match.examples) >= 15 for node in pack.leaves())
    assert {node.path for node in pack.steps()} == {p for p in paths if not p.startswith("客户/")}
    assert parse_tree(dump_tree(pack)) == pack


NAMES = st.text(alphabet=string.ascii_letters + "开场白异议价格: #'\"-&*", min_size=1, max_size=8)
clean = NAMES.map(str.strip).filter(bool)
phrases = st.lists(clean, max_size=3).map(tuple)
anchors = st.builds(
    Anchor,
    nodes=st.lists(st.just("外部/节点"), min_size=1, max_size=1).map(tuple),
    within_utterances=st.none() | st.integers(1, 9),
    within_s=st.none() | st.integers(1, 99),
)
counts = st.none() | st.integers(1, 99)
scopes = st.builds(
    Scope,
    first_utterances=counts,
    last_utterances=counts,
    first_s=counts,
    last_s=counts,
    after=st.none() | anchors,
    before=st.none() | anchors,
)
matchers = st.builds(
    Matchers,
    keywords=phrases,
    regex=phrases,
    examples=phrases,
    counter_examples=phrases,
    threshold=st.none() | st.floats(0, 1),
    pinyin=st.booleans(),
    negation=st.booleans(),
)


@st.composite
def node_lists(draw: st.DrawFn, parent: str = "", depth: int = 1) -> tuple[EventNode, ...]:
    nodes = []
    for at in range(draw(st.integers(0, 2 if depth < 3 else 0))):
        name = f"{draw(clean)}{at}"
        path = f"{parent}/{name}" if parent else name
        nodes.append(
            EventNode(
                key=f"k{at}",
                name=name,
                path=path,
                role=draw(st.sampled_from(["agent", "customer", "unknown"])),
                description=draw(st.text(alphabet="说明 ab\n:#", max_size=9)),
                sop=draw(st.booleans()),
                expected=draw(st.booleans()),
                required=draw(st.booleans()),
                weight=draw(st.floats(0, 1000)),
                match=draw(matchers),
                scope=draw(st.none() | scopes),
                context=draw(st.none() | st.builds(Context, after=anchors, bonus=st.floats(-1, 1))),
                applies_after=draw(phrases),
                children=draw(node_lists(path, depth + 1)),
            )
        )
    return tuple(nodes)


trees = st.builds(
    EventTree,
    name=clean,
    version=clean,
    domain=clean,
    description=st.text(alphabet="说明 ab\n:#", max_size=9),
    nodes=node_lists(),
    background=st.lists(clean, max_size=3).map(
        lambda texts: tuple(Background("agent", text) for text in texts)
    ),
    conversation=st.builds(
        Conversation, min_customer_utterances=st.integers(0, 9), min_duration_s=st.integers(0, 99)
    ),
)


@settings(deadline=None)
@given(trees)
def test_parse_of_dump_is_the_same_tree(tree: EventTree) -> None:
    assert parse_tree(dump_tree(tree)) == tree
