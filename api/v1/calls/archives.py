"""Zip archives of recordings, unpacked file by file into spools, within bounds."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

from api.multipart import CHUNK_BYTES, UploadedFile
from core.errors import AppError

MAX_MEMBERS = 2000
# Telephone audio hardly shrinks; only silence and bombs do.
MAX_TOTAL_FACTOR = 16
_MEMORY_BYTES = 256 * 1024
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1


def is_archive(file: UploadedFile) -> bool:
    """Whether an uploaded file is a zip, by its name."""
    return file.name.lower().endswith(".zip")


def unpack(archive: UploadedFile, file_bytes: int) -> list[UploadedFile]:
    """The files in an archive, in its order, each with its own name and no folder.

    Names never become paths, so no member can escape. A member over `file_bytes` is marked
    `too_large`. Folders, hidden files and the resource forks of macOS are left out.

    Raises:
        AppError: `bad-archive` when it is no zip, is encrypted or damaged, holds more than 2000
            members, or unpacks to more than 16 times the largest single recording.
    """
    unpacked: list[UploadedFile] = []
    try:
        archive.spool.seek(0)
        with zipfile.ZipFile(archive.spool) as opened:
            remaining = file_bytes * MAX_TOTAL_FACTOR
            for member in _members(opened, archive.name):
                file = _unpack_member(opened, member, archive.field, min(file_bytes, remaining))
                unpacked.append(file)
                remaining -= file.size_bytes
                if remaining <= 0:
                    raise _bad(archive.name, "解压后太大，请拆分成多个压缩包")
    except AppError:
        _close(unpacked)
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        _close(unpacked)
        raise _bad(archive.name, "不是有效的 zip 或已损坏，请重新打包（不加密）") from error
    return unpacked


def _members(opened: zipfile.ZipFile, name: str) -> Iterator[zipfile.ZipInfo]:
    members = opened.infolist()
    if len(members) > MAX_MEMBERS:
        raise _bad(name, f"含有 {len(members)} 个文件，最多 {MAX_MEMBERS} 个，请拆分")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if member.is_dir() or not parts or "__MACOSX" in parts or parts[-1].startswith("."):
            continue
        if member.flag_bits & _ENCRYPTED_FLAG:
            raise _bad(name, "有密码，请去掉密码后重新打包")
        yield member


def _unpack_member(
    opened: zipfile.ZipFile, member: zipfile.ZipInfo, field: str, limit: int
) -> UploadedFile:
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115
    file = UploadedFile(field=field, name=_name(member), content_type="", spool=spool)
    with opened.open(member) as source:
        while chunk := source.read(CHUNK_BYTES):
            file.size_bytes += len(chunk)
            if file.size_bytes > limit:
                file.too_large = True
                spool.seek(0)
                spool.truncate()
                break
            spool.write(chunk)
    return file


def _name(member: zipfile.ZipInfo) -> str:
    name = member.filename
    if not member.flag_bits & _UTF8_FLAG:
        # Without the flag the module decodes as cp437; Chinese Windows writes GBK.
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            raw = b""
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding) or name
                break
            except UnicodeDecodeError:
                continue
    return PurePosixPath(name.replace("\\", "/")).name.replace("\x00", "")


def _close(files: list[UploadedFile]) -> None:
    for file in files:
        file.spool.close()


def _bad(name: str, problem: str) -> AppError:
    return AppError("bad-archive", f"压缩包 {name} {problem}。", detail={"file": name})
