"""Multipart forms with large files: each part spooled to disk, size limits per part.

The framework's own parser has no limit on the size of a file and refuses the whole form when
one part is wrong. Here a file over the limit is marked and its bytes are thrown away, so that
the other recordings of the batch still arrive.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from core.errors import AppError

CHUNK_BYTES = 1 << 20
_MEMORY_BYTES = 256 * 1024
_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Bounds of one form. Sizes are bytes."""

    file_bytes: int
    field_bytes: int = 1 << 20
    parts: int = 2000


@dataclass(slots=True)
class UploadedFile:
    """One file of a form, spooled. `too_large` files have no content left."""

    field: str
    name: str
    content_type: str
    spool: IO[bytes]
    size_bytes: int = 0
    too_large: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, in pieces of at most 1 MiB, read off the event loop."""
        await asyncio.to_thread(self.spool.seek, 0)
        while chunk := await asyncio.to_thread(self.spool.read, CHUNK_BYTES):
            yield chunk


@dataclass(slots=True)
class UploadForm:
    """A parsed form: text fields by name (last one wins), files in order of arrival."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[UploadedFile] = field(default_factory=list)

    def named(self, field_name: str) -> list[UploadedFile]:
        """The files that were sent under one field name."""
        return [file for file in self.files if file.field == field_name]

    def close(self) -> None:
        """Delete the spooled files."""
        for file in self.files:
            file.spool.close()


async def read_form(request: Request, limits: FormLimits) -> UploadForm:
    """The form of a request, read as it arrives; close it when done.

    Raises:
        AppError: `bad-multipart` for another content type or a broken body, `too-large` for too
            many parts or an oversized text field.
    """
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data" or b"boundary" not in options:
        raise AppError(
            "bad-multipart",
            "请用 multipart/form-data 上传，录音放在字段 files 里。",
        )
    reader = _FormReader(limits)
    try:
        with _form_errors():
            parser = MultipartParser(options[b"boundary"], reader.callbacks())  # type: ignore[arg-type]
            async for chunk in request.stream():
                parser.write(chunk)
                await reader.flush()
            parser.finalize()
            await reader.flush()
        if not reader.complete:
            raise AppError("bad-multipart", "表单内容不完整，可能上传中断，请重新上传。")
    except BaseException:
        reader.form.close()
        raise
    return reader.form


@contextmanager
def _form_errors() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise AppError(
            "bad-multipart", "表单内容无法解析，请检查 Content-Type 里的 boundary 并重新上传。"
        ) from error
    except ClientDisconnect as error:
        raise AppError("bad-multipart", "上传中断，请重新上传。", retryable=True) from error


def decode_file_name(disposition: bytes) -> str:
    """The file name of a Content-Disposition header, without any folders; empty when it has none.

    Browsers and most clients send UTF-8; command-line tools on Chinese Windows send GBK, which
    GB18030 contains. Some libraries send `filename*=` (RFC 5987). Double quotes arrive as `%22`
    (WHATWG form encoding).
    """
    if extended := _EXTENDED_NAME.search(disposition):
        raw = unquote_to_bytes(extended.group(2))
    else:
        _, options = parse_options_header(disposition.decode("latin-1"))
        raw = options.get(b"filename", b"")
    return re.split(r"[/\\]", _decode(raw).replace("%22", '"'))[-1].strip().strip("\x00")


def _decode(raw: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", errors="replace")


class _FormReader:
    """Collects the parser's callbacks; file writes are queued for `flush`."""

    def __init__(self, limits: FormLimits) -> None:
        self.form = UploadForm()
        self.complete = False
        self._limits = limits
        self._parts = 0
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field_name = ""
        self._text = bytearray()
        self._file: UploadedFile | None = None
        self._pending: list[tuple[UploadedFile, bytes]] = []

    def callbacks(self) -> dict[str, object]:
        """What the parser calls, by its names."""
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    async def flush(self) -> None:
        """Write what has arrived to the spools, off the event loop."""
        if self._pending:
            pending, self._pending = self._pending, []
            await asyncio.to_thread(_write_all, pending)

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise AppError("too-large", f"一次最多上传 {self._limits.parts} 个部分，请分批上传。")
        self._headers = {}
        self._text = bytearray()
        self._file = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition.decode("latin-1"))
        if b"name" not in options:
            raise AppError("bad-multipart", "表单的每个部分都要有 name，请检查上传程序。")
        self._field_name = _decode(options[b"name"])
        if b"filename" in options or _EXTENDED_NAME.search(disposition):
            self._file = UploadedFile(
                field=self._field_name,
                name=decode_file_name(disposition),
                content_type=self._headers.get(b"content-type", b"").decode("latin-1"),
                spool=tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES),  # noqa: SIM115
            )
            self.form.files.append(self._file)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._text += data[start:end]
            if len(self._text) > self._limits.field_bytes:
                raise AppError(
                    "too-large",
                    f"字段 {self._field_name} 太大，请改用文件（manifest）上传。",
                    detail={"limit_bytes": self._limits.field_bytes},
                )
            return
        self._file.size_bytes += end - start
        if self._file.size_bytes > self._limits.file_bytes:
            self._file.too_large = True
        self._pending.append((self._file, bytes(data[start:end])))

    def _on_part_end(self) -> None:
        if self._file is None:
            self.form.fields[self._field_name] = _decode(bytes(self._text))

    def _on_end(self) -> None:
        self.complete = True


def _write_all(pending: list[tuple[UploadedFile, bytes]]) -> None:
    for file, data in pending:
        if not file.too_large:
            file.spool.write(data)
        elif file.spool.tell():
            file.spool.seek(0)
            file.spool.truncate()
