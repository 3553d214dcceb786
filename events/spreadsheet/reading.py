"""An event tree out of an xlsx file, with every bad row told by its number."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from openpyxl import Workbook, load_workbook

from core.errors import AppError
from events.document import parse_tree
from events.spreadsheet.columns import (
    BACKGROUND,
    NODE_COLUMNS,
    NODES,
    PATH,
    TREE,
    TREE_FIELDS,
    Column,
    RowError,
    bad_rows,
)
from events.tree import EventTree

MAX_BYTES = 8 << 20
MAX_ROWS = 5000
_MAX_UNPACKED = 128 << 20
_SOURCE = "表格"


def tree_from_spreadsheet(content: bytes) -> EventTree:
    """The tree in an xlsx file.

    Raises:
        AppError: `bad-spreadsheet`; `detail.rows` lists every bad row with its sheet, number and
            message. `too-large` for a file beyond the limits.
    """
    book = _open(content)
    document, errors = _read_tree_sheet(book)
    rows = list(_rows(book, NODES))
    if not rows:
        raise bad_rows([RowError(NODES, 1, "没有标题行，请从导出的表格开始编辑")])
    columns = _columns(rows[0])
    nodes, node_errors = _read_nodes(rows[1:], columns)
    background, background_errors = _read_background(book)
    if errors or node_errors or background_errors:
        raise bad_rows([*errors, *node_errors, *background_errors])
    if background:
        document["background"] = background
    document["nodes"] = nodes
    try:
        return parse_tree(_yaml(document), _SOURCE)
    except AppError as error:
        # Rows are right one by one, so this is about how they refer to each other.
        raise bad_rows([RowError(NODES, 1, _plain(error))]) from error


def _open(content: bytes) -> Workbook:
    if len(content) > MAX_BYTES:
        raise AppError(
            "too-large",
            f"表格超过 {MAX_BYTES >> 20} MB，请删去图片等无关内容。",
            detail={"limit_bytes": MAX_BYTES},
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        if unpacked > _MAX_UNPACKED:
            raise AppError(
                "too-large",
                "表格展开后太大，请删去无关内容。",
                detail={"limit_bytes": _MAX_UNPACKED},
            )
        return load_workbook(io.BytesIO(content))
    except AppError:
        raise
    # The library raises whatever a broken archive or document makes it trip over.
    except Exception as error:
        raise AppError(
            "bad-spreadsheet", "这不是能读的 xlsx 文件。请从导出的表格开始编辑，另存为 xlsx。"
        ) from error


def _rows(book: Workbook, title: str) -> Iterator[tuple[int, list[str]]]:
    """Row number and texts of each row that is not blank."""
    if title not in book.sheetnames:
        return
    sheet = book[title]
    if sheet.max_row > MAX_ROWS:
        raise bad_rows([RowError(title, MAX_ROWS, f"表格最多 {MAX_ROWS} 行，请删去多余的行")])
    for number, line in enumerate(sheet.iter_rows(), 1):
        texts = [_text(cell, title, number) for cell in line]
        if any(texts):
            yield number, texts


def _text(cell: Any, title: str, row: int) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise bad_rows([RowError(title, row, f"{cell.coordinate} 是公式，请改成文字")])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not isinstance(value, str | int | float):
        raise bad_rows([RowError(title, row, f"{cell.coordinate} 是日期，请把单元格格式改成文本")])
    return str(value)


def _columns(header: tuple[int, list[str]]) -> list[Column | None]:
    """The columns in the order of the sheet; None where there is no heading."""
    number, titles = header
    known = _by_heading(NODE_COLUMNS)
    unknown = [title for title in titles if title.strip() and title.strip() not in known]
    if unknown:
        message = f"不认识的列“{unknown[0]}”，请删去，或照导出的表格写标题"
        raise bad_rows([RowError(NODES, number, message)])
    columns = [known.get(title.strip()) for title in titles]
    named = [column for column in columns if column is not None]
    if PATH not in named:
        raise bad_rows([RowError(NODES, number, f"缺少“{PATH.title}”列，请补上")])
    if len(set(named)) < len(named):
        raise bad_rows([RowError(NODES, number, "有重复的列，请只留一列")])
    return columns


def _by_heading(columns: Sequence[Column]) -> dict[str, Column]:
    """Columns by their full heading and by the bare field name."""
    return {text: column for column in columns for text in (column.title, column.field)}


def _read_nodes(
    rows: Sequence[tuple[int, list[str]]], columns: Sequence[Column | None]
) -> tuple[list[dict[str, Any]], list[RowError]]:
    roots: list[dict[str, Any]] = []
    known: dict[str, dict[str, Any]] = {}
    errors: list[RowError] = []
    for number, texts in rows:
        cells = {c.field: t for c, t in zip(columns, texts, strict=True) if c is not None}
        stray = [t for c, t in zip(columns, texts, strict=True) if c is None and t.strip()]
        if stray:
            errors.append(RowError(NODES, number, f"“{stray[0]}”所在的列没有标题，请删去或移走"))
        path = cells.pop("path", "").strip()
        above, _, name = path.rpartition("/")
        problem = _misplaced(path, name, above, known)
        if problem:
            errors.append(RowError(NODES, number, problem))
            continue
        node: dict[str, Any] = {"key": cells.pop("key", "").strip() or name, "name": name}
        siblings = known[above].setdefault("children", []) if above else roots
        if any(other["key"] == node["key"] for other in siblings):
            errors.append(RowError(NODES, number, f"同级节点的标识 {node['key']} 重复，请换一个"))
        _fill(node, cells, NODE_COLUMNS)
        errors += _checked(node, number)
        siblings.append(node)
        known[path] = node
    return roots, errors


def _misplaced(path: str, name: str, above: str, known: Mapping[str, object]) -> str:
    if not name:
        return "路径是空的，请写出从根开始的节点名，用 / 分隔"
    if path in known:
        return f"路径 {path} 出现了两次，请删去一行或改名"
    if above and above not in known:
        return f"上级节点 {above} 不在前面的行里，请先写上级"
    return ""


def _fill(document: dict[str, Any], cells: Mapping[str, str], columns: Sequence[Column]) -> None:
    """Put cells at their places in a document; empty cells leave the field out."""
    for column in columns:
        text = cells.get(column.field, "")
        if not text.strip():
            continue
        value: object = text
        if column.several:
            value = [line.strip() for line in text.split("\n") if line.strip()]
        *above, last = column.field.split(".")
        place = document
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value


def _checked(node: Mapping[str, Any], number: int) -> list[RowError]:
    alone = {key: value for key, value in node.items() if key != "children"}
    try:
        parse_tree(_yaml({"tree": "x", "nodes": [alone]}), _SOURCE)
    except AppError as error:
        message = _plain(error)
        # What a node says of others is judged with all rows at hand.
        return [] if "互相引用" in message else [RowError(NODES, number, message)]
    return []


def _read_tree_sheet(book: Workbook) -> tuple[dict[str, Any], list[RowError]]:
    document: dict[str, Any] = {}
    cells: dict[str, str] = {}
    errors: list[RowError] = []
    for number, texts in _rows(book, TREE):
        column = _by_heading(TREE_FIELDS).get(texts[0].strip())
        if column is None:
            errors.append(RowError(TREE, number, f"不认识“{texts[0]}”，请照导出的表格写"))
            continue
        cells[column.field] = texts[1] if len(texts) > 1 else ""
        alone: dict[str, Any] = {"tree": "x", "nodes": []}
        _fill(alone, {column.field: cells[column.field]}, TREE_FIELDS)
        try:
            parse_tree(_yaml(alone), _SOURCE)
        except AppError as error:
            errors.append(RowError(TREE, number, _plain(error)))
    if not cells.get("tree", "").strip():
        errors.append(RowError(TREE, 1, "缺少事件树的名称，请在“名称 tree”一行写上"))
    _fill(document, cells, TREE_FIELDS)
    return document, errors


def _read_background(book: Workbook) -> tuple[dict[str, list[str]], list[RowError]]:
    background: dict[str, list[str]] = {}
    errors: list[RowError] = []
    for number, texts in list(_rows(book, BACKGROUND))[1:]:
        role, text = (*texts, "", "")[:2]
        if role.strip() not in ("agent", "customer", "unknown") or not text.strip():
            message = "应当是说话人（agent、customer 或 unknown）和一句话"
            errors.append(RowError(BACKGROUND, number, message))
            continue
        background.setdefault(role.strip(), []).append(text)
    return background, errors


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False)


def _plain(error: AppError) -> str:
    return re.sub(rf"^{_SOURCE}:\d+:\d+: ", "", error.message)
