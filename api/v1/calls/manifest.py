"""Manifests: a CSV or JSONL file that names recordings and what is known about each."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.v1.calls.metadata import ALIASES, UploadMetadata, parse_metadata
from core.errors import AppError

MAX_ROWS = 5000
_DELIMITERS = (",", "\t", ";", "，")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row: the files it names and their metadata, or what is wrong with it.

    `row` counts lines from 1, the header of a CSV included, as spreadsheets and editors show
    them. `files` holds one name, or two when two mono files make one call (agent, customer).
    """

    row: int
    files: tuple[str, ...]
    metadata: UploadMetadata
    error: AppError | None = None


def parse_manifest(content: bytes, name: str) -> tuple[ManifestRow, ...]:
    """The rows of a manifest in their order; a bad row carries its error and stops no other.

    JSONL when the name ends in .jsonl/.ndjson/.json or the first character is `{`; CSV otherwise
    (comma, tab or semicolon; UTF-8 with or without BOM, or GB18030, which spreadsheets write on
    Chinese systems).

    Raises:
        AppError: `bad-manifest` when the file as a whole cannot be read, has no column `file`,
            no rows, or too many.
    """
    text = _decode(content, name)
    is_json = name.lower().endswith((".jsonl", ".ndjson", ".json")) or text.lstrip()[:1] == "{"
    rows = tuple(_refuse_repeats(_json_rows(text) if is_json else _csv_rows(text)))
    if not rows:
        raise _bad("清单里没有数据行，请在表头下每行写一个录音。")
    if len(rows) > MAX_ROWS:
        raise _bad(f"清单有 {len(rows)} 行，一次最多 {MAX_ROWS} 行，请拆分。")
    return rows


def _bad(message: str, **detail: object) -> AppError:
    return AppError("bad-manifest", message, detail=detail)


def _decode(content: bytes, name: str) -> str:
    if content[:4] == b"PK\x03\x04":
        raise _bad(f"{name} 是 Excel 工作簿，请另存为 CSV（UTF-8）再上传。")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _bad(f"{name} 的文字编码无法识别，请另存为 CSV（UTF-8）再上传。")


def _csv_rows(text: str) -> Iterator[ManifestRow]:
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    # A quoted value may span lines: the row is where the record starts.
    line = 1
    try:
        for record in reader:
            start, line = line, reader.line_num + 1
            if not any(value.strip() for value in record):
                continue
            if not header:
                header = [column.strip() for column in record]
                _check_header(header)
                continue
            if len(record) > len(header) and any(v.strip() for v in record[len(header) :]):
                yield _failed(
                    start,
                    record[0] if record else "",
                    f"有 {len(record)} 列，表头只有 {len(header)} 列；含逗号的值请加英文双引号",
                )
                continue
            yield _row(start, dict(zip(header, record, strict=False)))
    except csv.Error as error:
        raise _bad(
            f"清单第 {reader.line_num} 行无法解析，请检查引号是否成对。", line=reader.line_num
        ) from error


def _check_header(header: list[str]) -> None:
    names = [ALIASES.get(column, column) for column in header]
    if "file" not in names:
        raise _bad(
            f"清单缺少 file 列（表头为：{'、'.join(header)[:200]}），请加一列 file 写录音文件名。",
            columns=header,
        )
    repeated = sorted({column for column in names if column and names.count(column) > 1})
    if repeated:
        raise _bad(f"清单的列重复：{'、'.join(repeated)}，请只保留一列。", columns=repeated)


def _json_rows(text: str) -> Iterator[ManifestRow]:
    # Not splitlines(): it also splits at characters that JSON strings may contain.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            yield _failed(number, "", f"不是有效的 JSON：{error}；每行写一个完整的 JSON 对象")
            continue
        if not isinstance(values, dict):
            yield _failed(number, "", '应为 JSON 对象，例如 {"file": "a.wav"}')
            continue
        yield _row(number, values)


def _row(number: int, values: Mapping[str, object]) -> ManifestRow:
    named = {ALIASES.get(key.strip(), key.strip()): value for key, value in values.items()}
    files = tuple(
        name for key in ("file", "file_customer") if (name := str(named.get(key) or "").strip())
    )
    if not str(named.get("file") or "").strip():
        return _failed(number, "", "“file”为空，请写录音文件名", column="file")
    try:
        return ManifestRow(number, files, parse_metadata(values))
    except AppError as error:
        located = AppError(
            error.code, f"第 {number} 行：{error.message}", detail={"row": number, **error.detail}
        )
        return ManifestRow(number, files, UploadMetadata(), located)


def _failed(number: int, file: str, problem: str, **detail: object) -> ManifestRow:
    error = AppError(
        "bad-metadata", f"第 {number} 行：{problem}。", detail={"row": number, **detail}
    )
    return ManifestRow(number, (file,) if file else (), UploadMetadata(), error)


def _refuse_repeats(rows: Iterator[ManifestRow]) -> Iterator[ManifestRow]:
    first_seen: dict[str, int] = {}
    for row in rows:
        earlier = next((first_seen[name] for name in row.files if name in first_seen), None)
        if row.error is None and earlier is not None:
            yield _failed(
                row.row,
                row.files[0],
                f"录音 {row.files[0]} 在第 {earlier} 行已经写过，请删除一行",
                column="file",
            )
            continue
        if row.error is None:
            first_seen.update(dict.fromkeys(row.files, row.row))
        yield row
