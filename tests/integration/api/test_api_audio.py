from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from models.database import Database
from pipeline.storage import BlobStore

CONTENT = bytes(range(256)) * 5000
NAME = '张敏 "春季".wav'


@pytest.fixture
async def call_id(admin: httpx.AsyncClient) -> str:
    response = await admin.post("/api/v1/calls", files={"files": (NAME, CONTENT, "text/html")})
    call_id: str = response.json()["results"][0]["call_id"]
    return call_id


async def fetch(client: httpx.AsyncClient, call_id: str, **kwargs: Any) -> httpx.Response:
    return await client.get(f"/api/v1/calls/{call_id}/audio", **kwargs)


async def test_the_whole_recording(admin: httpx.AsyncClient, call_id: str) -> None:
    response = await fetch(admin, call_id)
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-type"] == "audio/wav"
    assert response.headers["etag"] == f'"{sha256(CONTENT).hexdigest()}"'
    assert "content-disposition" not in response.headers


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1279990-", 1_279_990, 1_280_000),
        ("bytes=-5", 1_279_995, 1_280_000),
        ("bytes=-99999999", 0, 1_280_000),
        ("bytes=1000-99999999", 1000, 1_280_000),
    ],
)
async def test_a_range(
    admin: httpx.AsyncClient, call_id: str, value: str, start: int, end: int
) -> None:
    response = await fetch(admin, call_id, headers={"Range": value})
    assert response.status_code == 206
    assert response.content == CONTENT[start:end]
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert response.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("value", ["bytes=1280000-", "bytes=9999999-99999999", "bytes=-0"])
async def test_a_range_outside(admin: httpx.AsyncClient, call_id: str, value: str) -> None:
    response = await fetch(admin, call_id, headers={"Range": value})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert response.json()["error"]["code"] == "range-not-satisfiable"


@pytest.mark.parametrize("value", ["bytes=1-2,5-6", "chars=0-5", "bytes=5-2", "bytes=-", "x"])
async def test_other_ranges_are_ignored(admin: httpx.AsyncClient, call_id: str, value: str) -> None:
    response = await fetch(admin, call_id, headers={"Range": value})
    assert response.status_code == 200
    assert len(response.content) == len(CONTENT)


async def test_conditions_and_head(admin: httpx.AsyncClient, call_id: str) -> None:
    etag = (await fetch(admin, call_id)).headers["etag"]
    same = await fetch(admin, call_id, headers={"If-None-Match": f'"x", W/{etag}'})
    assert (same.status_code, same.content) == (304, b"")
    stale = await fetch(admin, call_id, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert stale.status_code == 200
    fresh = await fetch(admin, call_id, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert fresh.status_code == 206
    head = await admin.head(f"/api/v1/calls/{call_id}/audio")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))
    assert head.headers["etag"] == etag


async def test_the_playable_copy_is_heard_and_the_original_downloaded(
    admin: httpx.AsyncClient, call_id: str, seeded: Database, store: BlobStore
) -> None:
    async def copy() -> Any:
        yield b"fLaC playable"

    blob = await store.put_stream(copy(), kind="playback")
    async with seeded.session() as session:
        await session.execute(text("UPDATE calls SET playback_key = :key"), {"key": blob.key})
        await session.commit()
    played = await fetch(admin, call_id)
    assert played.content == b"fLaC playable"
    assert played.headers["content-type"] == "audio/flac"
    assert played.headers["etag"] == f'"{blob.sha256}"'
    original = await fetch(admin, call_id, params={"download": "1"})
    assert original.content == CONTENT
    disposition = original.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert "filename*=UTF-8''%E5%BC%A0%E6%95%8F%20%22%E6%98%A5%E5%AD%A3%22.wav" in disposition
    assert disposition.isascii()


async def test_a_recording_that_is_no_audio_is_never_shown_as_a_page(
    admin: httpx.AsyncClient,
) -> None:
    page = b"<script>alert(1)</script>"
    response = await admin.post("/api/v1/calls", files={"files": ("x.html", page, "text/html")})
    audio = await fetch(admin, response.json()["results"][0]["call_id"])
    assert audio.headers["content-type"] == "application/octet-stream"
    assert audio.headers["content-disposition"].startswith("attachment")
    assert audio.headers["x-content-type-options"] == "nosniff"


async def test_a_missing_file(
    admin: httpx.AsyncClient, call_id: str, seeded: Database, store: BlobStore
) -> None:
    second = await fetch(admin, call_id, params={"position": 1, "download": "1"})
    assert second.status_code == 404
    async with seeded.session() as session:
        key = (await session.execute(text("SELECT blob_key FROM call_audio"))).scalar_one()
    await store.delete(key)
    gone = await fetch(admin, call_id)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "blob-missing")
