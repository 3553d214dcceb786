"""Trees as spreadsheets: nothing is lost, and a bad row is told by its number."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from core.errors import AppError
from events.document import load_pack, parse_tree
from events.spreadsheet import tree_from_spreadsheet, tree_to_spreadsheet
from events.tree import Anchor, Background, Context, EventNode, EventTree, Matchers, Scope

TREE = """\
tree: 例子
domain: edu
nodes:
  - key: open
    name: 开场
    role: agent
    children:
      - {key: hello, name: 问候, role: agent, sop: true, match: {keywords: [您好, "=您好"]}}
  - {key: ask, name: 询问, role: agent, match: {examples: [您现在什么学历]}}
"""

WORDS = st.text("您好价格=+-#N/A1 .,，。“”\u00e9\U0001f600", min_size=1, max_size=12).filter(
    lambda text: text == text.strip() and bool(text.strip())
)
TEXTS = st.lists(WORDS, max_size=3).map(tuple)
LIMIT = st.none() | st.integers(1, 99)
ANCHORS = st.builds(
    Anchor,
    nodes=st.just(("别处",)),
    within_utterances=LIMIT,
    within_s=st.none() | st.integers(1, 9),
)
MATCHERS = st.builds(
    Matchers,
    keywords=TEXTS,
    regex=TEXTS,
    examples=TEXTS,
    counter_examples=TEXTS,
    threshold=st.none() | st.floats(0.01, 0.99),
    pinyin=st.booleans(),
    negation=st.booleans(),
    act=st.none() | WORDS,
)
SCOPES = st.builds(
    Scope,
    first_utterances=LIMIT,
    last_s=LIMIT,
    after=st.none() | ANCHORS,
    before=st.none() | ANCHORS,
)


@st.composite
def nodes(draw: st.DrawFn, above: str = "", depth: int = 0) -> tuple[EventNode, ...]:
    names = draw(st.lists(WORDS.filter(lambda text: "/" not in text), max_size=2, unique=True))
    found = []
    for name in names:
        path = f"{above}/{name}" if above else name
        scope = draw(st.none() | SCOPES)
        found.append(
            EventNode(
                key=f"k{names.index(name)}",
                name=name,
                path=path,
                role=draw(st.sampled_from(("agent", "customer", "unknown"))),
                description=draw(st.just("") | WORDS),
                sop=draw(st.booleans()),
                expected=draw(st.booleans()),
                required=draw(st.booleans()),
                weight=draw(st.floats(0, 99, allow_nan=False)),
                match=draw(MATCHERS),
                # A scope of no limits writes nothing, in YAML as here.
                scope=scope if scope != Scope() else None,
                context=draw(
                    st.none() | st.builds(Context, after=ANCHORS, bonus=st.floats(-1.0, 1.0))
                ),
                applies_after=draw(TEXTS),
                children=draw(nodes(path, depth + 1)) if depth < 1 else (),
            )
        )
    return tuple(found)


TREES = st.builds(
    EventTree,
    name=WORDS,
    domain=WORDS,
    description=st.just("") | WORDS,
    nodes=nodes(),
    background=st.lists(st.builds(Background, st.just("agent"), WORDS), max_size=2).map(tuple),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_export_and_import_are_identity(tree: EventTree) -> None:
    assert tree_from_spreadsheet(tree_to_spreadsheet(tree)) == tree


def test_a_shipped_tree_survives() -> None:
    tree = load_pack("职业教育")
    assert tree_from_spreadsheet(tree_to_spreadsheet(tree)) == tree


@pytest.mark.parametrize("text", ["两\n行", "响\x07铃", "回\r车", "长" * 33_000, "_x000D_"])
def test_what_a_cell_cannot_hold_is_refused_with_its_place(text: str) -> None:
    tree = parse_tree(TREE)
    node = replace(tree.nodes[1], match=Matchers(keywords=(text,)))
    with pytest.raises(AppError, match=r"询问 的 match\.keywords 放不进表格") as caught:
        tree_to_spreadsheet(replace(tree, nodes=(tree.nodes[0], node)))
    assert caught.value.code == "not-in-spreadsheet"


def edited(change: Callable[[Workbook], Any]) -> bytes:
    book = load_workbook(io.BytesIO(tree_to_spreadsheet(parse_tree(TREE))))
    change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def column(book: Workbook, field: str) -> int:
    titles = [str(cell.value) for cell in book["节点"][1]]
    return next(at for at, title in enumerate(titles, 1) if title.split(" ")[-1] == field)


def test_people_may_type_numbers_leave_keys_out_and_write_several_lines() -> None:
    def change(book: Workbook) -> None:
        sheet = book["节点"]
        sheet.cell(5, 1, "开场/报名字")
        sheet.cell(5, column(book, "weight"), 2)
        sheet.cell(5, column(book, "sop"), True)
        sheet.cell(5, column(book, "match.keywords"), "我是\n\n我叫 \n")
        sheet.cell(5, column(book, "role"), "agent")

    tree = tree_from_spreadsheet(edited(change))
    node = tree.node("开场/报名字")
    assert node is not None
    assert (node.key, node.weight, node.sop) == ("报名字", 2.0, True)
    assert node.match.keywords == ("我是", "我叫")
    assert [child.name for child in tree.nodes[0].children] == ["问候", "报名字"]


def test_every_bad_row_is_told_with_its_number_and_the_fix() -> None:
    def change(book: Workbook) -> None:
        sheet = book["节点"]
        sheet.cell(2, column(book, "role"), "经理")
        sheet.cell(4, column(book, "weight"), "重")
        sheet.cell(5, 1, "没有的/节点")
        sheet.cell(6, 1, "询问")

    with pytest.raises(AppError) as caught:
        tree_from_spreadsheet(edited(change))
    assert caught.value.code == "bad-spreadsheet"
    rows = caught.value.detail["rows"]
    assert [(row["sheet"], row["row"]) for row in rows] == [
        ("节点", 2), ("节点", 4), ("节点", 5), ("节点", 6),
    ]  # fmt: skip
    assert "role 应当是 agent" in rows[0]["message"]
    assert "weight 应当是" in rows[1]["message"]
    assert "上级节点 没有的 不在前面的行里" in rows[2]["message"]
    assert "出现了两次" in rows[3]["message"]
    assert "第 5 行" in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda book: book["节点"].cell(1, 40, "颜色"), "不认识的列“颜色”"),
        (lambda book: book["节点"].cell(3, 50, "随手记"), "“随手记”所在的列没有标题"),
        (lambda book: book["节点"].cell(3, 4, "=1+1"), "D3 是公式"),
        (lambda book: book["节点"].delete_cols(1), "缺少“路径 path”列"),
        (lambda book: book.remove(book["节点"]), "没有标题行"),
        (lambda book: book["事件树"].cell(1, 2, ""), "缺少事件树的名称"),
        (lambda book: book["事件树"].cell(6, 2, "很多"), "min_duration_s 应当是"),
        (lambda book: book["背景句"].cell(2, 1, "经理"), "应当是说话人"),
    ],
)
def test_what_is_wrong_with_the_sheets_is_said(
    change: Callable[[Workbook], Any], message: str
) -> None:
    with pytest.raises(AppError, match=message) as caught:
        tree_from_spreadsheet(edited(change))
    assert caught.value.code == "bad-spreadsheet"


def test_anchors_in_a_circle_are_told() -> None:
    def change(book: Workbook) -> None:
        at = column(book, "scope.after.node")
        book["节点"].cell(3, at, "询问")
        book["节点"].cell(4, at, "开场/问候")

    with pytest.raises(AppError, match="互相引用"):
        tree_from_spreadsheet(edited(change))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_what_is_no_spreadsheet_is_refused(content: bytes) -> None:
    with pytest.raises(AppError, match="不是能读的 xlsx") as caught:
        tree_from_spreadsheet(content)
    assert caught.value.code == "bad-spreadsheet"


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(AppError) as caught:
        tree_from_spreadsheet(b"x" * ((8 << 20) + 1))
    assert caught.value.code == "too-large"
