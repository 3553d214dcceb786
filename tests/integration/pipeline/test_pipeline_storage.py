"""Blobs are kept once by content, on the local disk and in an object store alike."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from core.errors import AppError
from core.settings import Settings
from pipeline.storage import BlobStore, open_store

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture(params=["local", "remote"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """The store on disk, and one that has no local files (as S3)."""
    if request.param == "local":
        return open_store(Settings(data_dir=tmp_path))
    return BlobStore(MemoryStore(), scratch=tmp_path / "scratch", local_root=None)


async def chunks(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_content_comes_back_under_its_hash(blobs: BlobStore) -> None:
    stored = await blobs.put_stream(chunks(CONTENT))
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (stored.sha256, stored.size) == (digest, len(CONTENT))
    assert stored.key == f"audio/{digest[:2]}/{digest[2:4]}/{digest}"
    assert await blobs.size(stored.key) == len(CONTENT)
    assert b"".join([piece async for piece in blobs.stream(stored.key)]) == CONTENT
    async with blobs.open_local(stored.key) as path:
        assert path.read_bytes() == CONTENT


async def test_a_file_and_a_stream_with_the_same_bytes_are_one_blob(
    blobs: BlobStore, tmp_path: Path
) -> None:
    source = tmp_path / "call.wav"
    source.write_bytes(CONTENT)
    assert await blobs.put_stream(source) == await blobs.put_stream(chunks(CONTENT))
    assert list(blobs.scratch.iterdir()) == []
    assert source.exists()


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (5, 300), (len(CONTENT) - 3, len(CONTENT) + 50), (len(CONTENT), 10**9), (7, 7)],
)
async def test_ranges(blobs: BlobStore, start: int, end: int) -> None:
    key = (await blobs.put_stream(chunks(CONTENT))).key
    assert await blobs.get_range(key, start, end) == CONTENT[start:end]
    assert b"".join([p async for p in blobs.stream(key, start, end)]) == CONTENT[start:end]


async def test_too_much_is_refused_and_leaves_nothing(blobs: BlobStore) -> None:
    with pytest.raises(AppError) as caught:
        await blobs.put_stream(chunks(CONTENT), max_bytes=1 << 20)
    assert caught.value.code == "file-too-large"
    assert list(blobs.scratch.iterdir()) == []


async def test_a_broken_upload_leaves_nothing(blobs: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put_stream(broken())
    assert list(blobs.scratch.iterdir()) == []
    assert not await blobs.exists(f"audio/{hashlib.sha256(CONTENT).hexdigest()}")


async def test_a_missing_blob_is_named(blobs: BlobStore) -> None:
    for wanted in (blobs.size("audio/x"), blobs.get_range("audio/x", 0, 1)):
        with pytest.raises(AppError) as caught:
            await wanted
        assert caught.value.code == "blob-missing"
        assert not caught.value.retryable
    with pytest.raises(AppError):
        async with blobs.open_local("audio/x"):
            pass


async def test_deleting_twice_is_no_error(blobs: BlobStore) -> None:
    key = (await blobs.put_stream(chunks(b"x"))).key
    await blobs.delete(key)
    await blobs.delete(key)
    assert not await blobs.exists(key)


async def test_the_store_says_that_it_answers(blobs: BlobStore) -> None:
    await blobs.check()


async def test_an_unreachable_store_is_retryable(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, storage_url="s3://bucket/prefix")
    store = open_store(settings)
    unreachable = type(store._store).from_url(
        "s3://bucket/prefix",
        endpoint="http://127.0.0.1:9",
        access_key_id="x",
        secret_access_key="x",
        client_options={"allow_http": True, "timeout": "1s"},
        retry_config={"max_retries": 0},
    )
    broken = BlobStore(unreachable, scratch=tmp_path, local_root=None)
    with pytest.raises(AppError) as caught:
        await broken.check()
    assert caught.value.code == "storage-unavailable"
    assert caught.value.retryable


def test_a_bad_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        open_store(Settings(data_dir=tmp_path, storage_url="nonsense://x"))
    assert caught.value.code == "bad-storage-url"
