"""What an upload form asks for: one item per recording, decided before anything is stored."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api.multipart import UploadedFile, UploadForm
from api.v1.calls.archives import is_archive, unpack
from api.v1.calls.manifest import ManifestRow, parse_manifest
from api.v1.calls.metadata import UploadMetadata, parse_metadata
from core.errors import AppError

MAX_MANIFEST_BYTES = 16 << 20
_PAIR_ROLES = ("agent", "customer")


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One recording to take in: its files, what is known about it, or why it is refused.

    `files` is empty in a dry run of a manifest alone.
    """

    name: str
    row: int | None
    files: tuple[UploadedFile, ...]
    metadata: UploadMetadata
    error: AppError | None = None


def plan_upload(form: UploadForm, *, file_bytes: int, dry_run: bool) -> list[PlannedItem]:
    """The items of a form, in manifest order, else in the order of the files.

    Archives are unpacked (their spools join the form's, so that closing the form deletes them).
    With a manifest, a file that it does not name is refused, as is a row whose file is missing;
    a dry run without any file checks the rows alone.

    Raises:
        AppError: `bad-metadata`, `bad-manifest` when no item can be made at all; `bad-request`
            when there is nothing to take in.
    """
    common = _common_metadata(form)
    recordings, refused = _recordings(form, file_bytes)
    manifest = _manifest(form)
    if manifest is None:
        if not recordings and not refused:
            raise AppError("bad-request", "没有收到录音，请把文件放在字段 files 里（可以放多个）。")
        items = [PlannedItem(file.name, None, (file,), common) for file in recordings]
    else:
        items = _manifest_items(manifest, recordings, common, rows_only=dry_run and not recordings)
    return [*(_checked(item, file_bytes) for item in items), *refused]


def _common_metadata(form: UploadForm) -> UploadMetadata:
    text = form.fields.get("metadata", "").strip()
    if not text:
        return UploadMetadata()
    try:
        values = json.loads(text)
    except ValueError as error:
        raise AppError(
            "bad-metadata", f"metadata 不是有效的 JSON（{error}），请检查引号和逗号。"
        ) from error
    if not isinstance(values, dict):
        raise AppError("bad-metadata", 'metadata 应为 JSON 对象，例如 {"agent": "张敏"}。')
    return parse_metadata(values)


def _recordings(form: UploadForm, file_bytes: int) -> tuple[list[UploadedFile], list[PlannedItem]]:
    recordings: list[UploadedFile] = []
    refused: list[PlannedItem] = []
    for file in form.named("files"):
        if not is_archive(file) or file.too_large:
            recordings.append(file)
            continue
        try:
            members = unpack(file, file_bytes)
        except AppError as error:
            refused.append(PlannedItem(file.name, None, (), UploadMetadata(), error))
            continue
        form.files.extend(members)
        recordings.extend(members)
    return recordings, refused


def _manifest(form: UploadForm) -> tuple[ManifestRow, ...] | None:
    sent = form.named("manifest")
    if len(sent) > 1:
        raise AppError("bad-manifest", "一次只能上传一份清单，请合并后再上传。")
    if sent:
        if sent[0].size_bytes > MAX_MANIFEST_BYTES:
            raise AppError("bad-manifest", "清单超过 16 MB，请拆分后再上传。")
        sent[0].spool.seek(0)
        return parse_manifest(sent[0].spool.read(), sent[0].name)
    text = form.fields.get("manifest", "")
    return parse_manifest(text.encode("utf-8"), "manifest") if text.strip() else None


def _manifest_items(
    rows: Sequence[ManifestRow],
    recordings: Iterable[UploadedFile],
    common: UploadMetadata,
    *,
    rows_only: bool,
) -> list[PlannedItem]:
    waiting: dict[str, list[UploadedFile]] = {}
    for file in recordings:
        waiting.setdefault(_name_key(file.name), []).append(file)
    items: list[PlannedItem] = []
    for row in rows:
        files: list[UploadedFile] = []
        error = row.error
        for name in row.files:
            found = waiting.get(_name_key(name))
            if found:
                files.append(found.pop(0))
            elif not rows_only and error is None:
                error = AppError(
                    "file-missing",
                    f"第 {row.row} 行：没有收到录音 {name}，请把它一起上传，或改正 file 列。",
                    detail={"row": row.row, "column": "file", "value": name},
                )
        metadata = _with_pair_roles(row.metadata.over(common), len(row.files))
        items.append(PlannedItem("，".join(row.files), row.row, tuple(files), metadata, error))
    for left in waiting.values():
        items.extend(_unlisted(file) for file in left)
    return items


def _with_pair_roles(metadata: UploadMetadata, files: int) -> UploadMetadata:
    if files != 2 or metadata.channels:
        return metadata
    return UploadMetadata(channels=_PAIR_ROLES).over(metadata)


def _unlisted(file: UploadedFile) -> PlannedItem:
    error = AppError(
        "not-in-manifest",
        f"清单里没有 {file.name} 这一行，请补上，或不要上传它。",
        detail={"file": file.name},
    )
    return PlannedItem(file.name, None, (), UploadMetadata(), error)


def _name_key(name: str) -> str:
    # macOS sends decomposed names, spreadsheets hold composed ones; folders do not count.
    return unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1].strip())


def _checked(item: PlannedItem, file_bytes: int) -> PlannedItem:
    if item.error is not None:
        return item
    for file in item.files:
        error = None
        if file.too_large:
            error = AppError(
                "file-too-large",
                f"{file.name} 超过 {file_bytes >> 20} MB，请压缩或拆分后再上传。",
                detail={"max_bytes": file_bytes},
            )
        elif file.size_bytes == 0:
            error = AppError("empty-file", f"{file.name} 是空文件（0 字节），请重新导出录音。")
        if error is not None:
            return PlannedItem(item.name, item.row, (), item.metadata, error)
    return item
