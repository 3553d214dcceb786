"""An event tree as an xlsx file."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from core.errors import AppError
from events.dumping import dump_tree
from events.spreadsheet.columns import (
    BACKGROUND,
    NODE_COLUMNS,
    NODES,
    PATH,
    TREE,
    TREE_FIELDS,
    Column,
    flattened,
)
from events.spreadsheet.reading import tree_from_spreadsheet
from events.tree import EventTree

_MAX_CELL = 32_767


def tree_to_spreadsheet(tree: EventTree) -> bytes:
    """The tree as an xlsx file; `tree_from_spreadsheet` of it gives an equal tree.

    Raises:
        AppError: `not-in-spreadsheet` naming the node and the field that a cell cannot hold.
    """
    document: dict[str, Any] = yaml.safe_load(dump_tree(tree))
    book = Workbook()
    sheet = book.active
    sheet.title = NODES
    _write_row(sheet, 1, [column.title for column in NODE_COLUMNS])
    for row, (path, node) in enumerate(_node_documents(document["nodes"], ""), 2):
        _write_row(sheet, row, _cells(node, path))
    own = {key: value for key, value in document.items() if key not in ("nodes", "background")}
    flat = flattened(own)
    _refuse_unknown(flat, TREE_FIELDS, tree.name)
    sheet = book.create_sheet(TREE)
    for row, column in enumerate(TREE_FIELDS, 1):
        _write_row(sheet, row, [column.title, _cell(flat.get(column.field, ""), column, tree.name)])
    sheet = book.create_sheet(BACKGROUND)
    _write_row(sheet, 1, ["说话人 role", "句子 text"])
    said = [
        (role, text) for role, texts in document.get("background", {}).items() for text in texts
    ]
    for row, (role, text) in enumerate(said, 2):
        _write_row(sheet, row, [role, _held(text, "background", tree.name)])
    _dress(book)
    stream = io.BytesIO()
    book.save(stream)
    content = stream.getvalue()
    _check_identity(tree, content)
    return content


def _node_documents(
    nodes: Sequence[dict[str, Any]], above: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in nodes:
        path = f"{above}/{node['name']}" if above else node["name"]
        yield path, {k: v for k, v in node.items() if k not in ("name", "children")}
        yield from _node_documents(node.get("children", ()), path)


def _cells(node: dict[str, Any], path: str) -> list[str]:
    flat = flattened(node)
    _refuse_unknown(flat, NODE_COLUMNS, path)
    return [
        _held(path, "path", path)
        if column is PATH
        else _cell(flat.get(column.field, ""), column, path)
        for column in NODE_COLUMNS
    ]


def _refuse_unknown(flat: Mapping[str, object], columns: Sequence[Column], where: str) -> None:
    unknown = flat.keys() - {column.field for column in columns}
    if unknown:
        raise _unfit(where, sorted(unknown)[0], "表格没有这一列")


def _cell(value: object, column: Column, where: str) -> str:
    if isinstance(value, list):
        texts = [_held(str(item), column.field, where) for item in value]
        if any("\n" in text for text in texts):
            raise _unfit(where, column.field, "表格每行写一条，这一条里有换行")
        return _held("\n".join(texts), column.field, where)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _held(str(value), column.field, where)


def _held(text: str, field: str, where: str) -> str:
    if len(text) > _MAX_CELL:
        raise _unfit(where, field, f"超过一个单元格的 {_MAX_CELL} 个字符")
    if ILLEGAL_CHARACTERS_RE.search(text) or "\r" in text or re.search("_?x[0-9A-Fa-f]{4}_", text):
        raise _unfit(where, field, "含有表格不能保存的字符")
    return text


def _unfit(where: str, field: str, why: str) -> AppError:
    return AppError(
        "not-in-spreadsheet",
        f"{where} 的 {field} 放不进表格：{why}。请改用 YAML 导出，或先修改它。",
        detail={"node": where, "field": field},
    )


def _write_row(sheet: Worksheet, row: int, texts: Sequence[str]) -> None:
    for column, text in enumerate(texts, 1):
        if text != "":
            cell = sheet.cell(row, column, text)
            # As text whatever it looks like: a keyword may begin with “=”.
            cell.data_type = "s"


def _dress(book: Workbook) -> None:
    bold, fill = Font(bold=True), PatternFill("solid", fgColor="E0F0ED")
    for sheet in book.worksheets:
        for line in sheet.iter_rows():
            for cell in line:
                cell.alignment = Alignment(wrap_text=True, vertical="top")
        for cell in sheet["A"] if sheet.title == TREE else sheet[1]:
            cell.font, cell.fill = bold, fill
        widths = [column.width for column in NODE_COLUMNS] if sheet.title == NODES else [30, 60]
        for position, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(position)].width = width
    book[NODES].freeze_panes = "B2"


def _check_identity(tree: EventTree, content: bytes) -> None:
    try:
        same = tree_from_spreadsheet(content) == tree
    except AppError as error:
        raise _unfit(tree.name, "内容", error.message) from error
    if not same:
        raise _unfit(tree.name, "内容", "读回来与原来不同")
