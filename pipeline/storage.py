"""BlobStore: files kept once by content, on the local disk or in an S3-compatible store."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from core.errors import AppError
from core.settings import Settings

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A stored file: `key` finds it again, `sha256` is lower-case hex, `size` counts bytes."""

    sha256: str
    key: str
    size: int


class BlobStore:
    """Content-addressed files: the key is `<kind>/ab/cd/<sha256>`, so the same bytes are one blob.

    Args:
        store: Where blobs live.
        scratch: Local directory for files on their way in or out.
        local_root: The directory behind `store` when it is the local disk, else None.
    """

    def __init__(self, store: ObjectStore, *, scratch: Path, local_root: Path | None) -> None:
        self._store = store
        self.scratch = scratch
        self._local_root = local_root
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put_stream(
        self,
        content: AsyncIterator[bytes] | Path,
        *,
        kind: str = "audio",
        max_bytes: int | None = None,
    ) -> StoredBlob:
        """The blob that holds the content, stored now or before.

        The content goes through a temporary file while it is hashed; it never lies in memory as
        a whole, and a blob appears under its key only when it is complete.

        Raises:
            AppError: `file-too-large` past `max_bytes`; `storage-unavailable`, retryable.
        """
        chunks = _read_chunks(content) if isinstance(content, Path) else content
        with tempfile.NamedTemporaryFile(dir=self.scratch, prefix="in-", delete=False) as handle:
            path = Path(handle.name)
            try:
                digest, size = await _spool(chunks, handle, max_bytes)
                await asyncio.to_thread(_settle, handle)
                key = blob_key(kind, digest)
                if not await self.exists(key):
                    await self._store_file(path, key)
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        return StoredBlob(digest, key, size)

    async def exists(self, key: str) -> bool:
        """Whether there is a blob under the key."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise _unavailable(error) from error
        return True

    async def size(self, key: str) -> int:
        """Size of a blob in bytes.

        Raises:
            AppError: `blob-missing`; `storage-unavailable`, retryable.
        """
        try:
            return (await obstore.head_async(self._store, key))["size"]
        except FileNotFoundError as error:
            raise _missing(key) from error
        except BaseError as error:
            raise _unavailable(error) from error

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `[start, end)` of a blob, fewer when it is shorter.

        Raises:
            AppError: `blob-missing`; `storage-unavailable`, retryable.
        """
        end = min(end, await self.size(key))
        if start >= end:
            return b""
        try:
            return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))
        except FileNotFoundError as error:
            raise _missing(key) from error
        except BaseError as error:
            raise _unavailable(error) from error

    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes `[start, end)` of a blob in pieces of at most 1 MiB; `end` None = to the end.

        Raises:
            AppError: `blob-missing`; `storage-unavailable`, retryable.
        """
        size = await self.size(key)
        position, end = start, size if end is None else min(end, size)
        while position < end:
            piece = await self.get_range(key, position, min(end, position + _CHUNK_BYTES))
            if not piece:
                return
            position += len(piece)
            yield piece

    @asynccontextmanager
    async def open_local(self, key: str) -> AsyncIterator[Path]:
        """A local path with the blob's content, for reading only, while the context lasts.

        Raises:
            AppError: `blob-missing`; `storage-unavailable`, retryable.
        """
        if self._local_root is not None:
            path = self._local_root / key
            if not path.is_file():
                raise _missing(key)
            yield path
            return
        with tempfile.NamedTemporaryFile(dir=self.scratch, prefix="out-") as handle:
            async for piece in self.stream(key):
                await asyncio.to_thread(handle.write, piece)
            await asyncio.to_thread(handle.flush)
            yield Path(handle.name)

    async def delete(self, key: str) -> None:
        """Remove a blob; an absent one is no error."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def check(self) -> None:
        """Return if the store answers.

        Raises:
            AppError: `storage-unavailable`.
        """
        await self.exists(blob_key("audio", hashlib.sha256(b"").hexdigest()))

    async def _store_file(self, path: Path, key: str) -> None:
        if self._local_root is not None:
            # Same file system: the finished file moves into place in one step.
            target = self._local_root / key
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(os.replace, path, target)
            return
        try:
            await obstore.put_async(self._store, key, path)
        except BaseError as error:
            raise _unavailable(error) from error


def open_store(settings: Settings) -> BlobStore:
    """The store that the settings name: `storage_url`, else the data directory.

    Credentials for S3 come from the environment (`AWS_ACCESS_KEY_ID`, ...), as usual there.

    Raises:
        AppError: `bad-storage-url`.
    """
    data_dir = settings.data_dir.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = data_dir / "scratch"
    if not settings.storage_url:
        return BlobStore(LocalStore(data_dir), scratch=scratch, local_root=data_dir)
    try:
        return BlobStore(from_url(settings.storage_url), scratch=scratch, local_root=None)
    except (BaseError, ValueError) as error:
        raise AppError(
            "bad-storage-url",
            f"TINGJIAN_STORAGE_URL 无法使用：{error}。请写成 s3://桶/前缀。",
        ) from error


def blob_key(kind: str, sha256: str) -> str:
    """`audio/ab/cd/<sha256>`."""
    return f"{kind}/{sha256[:2]}/{sha256[2:4]}/{sha256}"


async def _read_chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as handle:
        while chunk := await asyncio.to_thread(handle.read, _CHUNK_BYTES):
            yield chunk


async def _spool(
    chunks: AsyncIterator[bytes], handle: IO[bytes], max_bytes: int | None
) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    async for chunk in chunks:
        size += len(chunk)
        if max_bytes is not None and size > max_bytes:
            raise AppError(
                "file-too-large",
                f"文件超过上限 {max_bytes // (1 << 20)} MiB。"
                "请压缩或拆分，或调大 TINGJIAN_API__MAX_UPLOAD_MB。",
                detail={"max_bytes": max_bytes},
            )
        digest.update(chunk)
        await asyncio.to_thread(handle.write, chunk)
    return digest.hexdigest(), size


def _settle(handle: IO[bytes]) -> None:
    # A recording that was accepted must survive a power cut.
    handle.flush()
    os.fsync(handle.fileno())


def _missing(key: str) -> AppError:
    return AppError(
        "blob-missing",
        f"已保存的文件 {key} 不见了。请从存储备份中恢复。",
    )


def _unavailable(error: Exception) -> AppError:
    return AppError(
        "storage-unavailable",
        f"对象存储没有正常应答：{str(error).splitlines()[0][:200]} "
        "请检查 TINGJIAN_STORAGE_URL 和访问凭据。",
        retryable=True,
    )
