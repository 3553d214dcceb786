"""A recording is accepted with its job, or not at all, and only once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.calls import call_audio, get_call
from models.database import Database
from pipeline.intake import Accepted, CallMetadata, RecordingFile, accept_recording
from pipeline.jobs import defer_transcription, queue_depths
from pipeline.storage import BlobStore


def recording(content: bytes = b"RIFF....", name: str = "call.wav") -> RecordingFile:
    async def stream() -> AsyncIterator[bytes]:
        yield content

    return RecordingFile(file_name=name, content=stream(), media_type="audio/wav")


async def accept(
    database: Database, store: BlobStore, metadata: CallMetadata | None = None, **file: bytes
) -> Accepted:
    async with database.session() as session:
        accepted = await accept_recording(session, store, [recording(**file)], metadata)
        await session.commit()
        return accepted


async def jobs(session: AsyncSession) -> list[tuple[str, str, str, dict[str, str]]]:
    rows = await session.execute(
        text("SELECT task_name, queue_name, lock, args FROM procrastinate_jobs ORDER BY id")
    )
    return [tuple(row) for row in rows]


async def test_a_commit_keeps_the_call_and_its_job(database: Database, store: BlobStore) -> None:
    accepted = await accept(database, store, CallMetadata(external_id="1", agent="小王"))
    async with database.session() as session:
        call = await get_call(session, accepted.call_id)
        assert (call.state, call.agent, call.file_name) == ("received", "小王", "call.wav")
        (file,) = await call_audio(session, call.id)
        assert await store.get_range(file.blob_key, 0, 4) == b"RIFF"
        assert await jobs(session) == [
            ("transcribe_call", "transcribe", f"call:{call.id}", {"call_id": str(call.id)})
        ]
        assert (await queue_depths(session))["transcribe"] == {"waiting": 1, "running": 0}


async def test_a_rollback_leaves_neither(database: Database, store: BlobStore) -> None:
    async with database.session() as session:
        accepted = await accept_recording(
            session, store, [recording()], CallMetadata(external_id="1")
        )
        assert accepted.created
        assert len(await jobs(session)) == 1
        await session.rollback()
    async with database.session() as session:
        assert await jobs(session) == []
        with pytest.raises(AppError, match=str(accepted.call_id)):
            await get_call(session, accepted.call_id)
        for table in ("call_identities", "call_contents", "call_audio"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 0


async def test_an_error_after_the_job_was_deferred_leaves_neither(
    database: Database, store: BlobStore
) -> None:
    async def accept_and_fail() -> None:
        async with database.session() as session:
            await accept_recording(session, store, [recording()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await accept_and_fail()
    async with database.session() as session:
        assert await jobs(session) == []


async def test_a_job_is_not_visible_before_its_commit(database: Database, store: BlobStore) -> None:
    async with database.session() as session:
        await defer_transcription(session, uuid.uuid4())
        async with database.session() as other:
            assert await jobs(other) == []
        await session.commit()
    async with database.session() as session:
        assert len(await jobs(session)) == 1


async def test_the_same_recording_again_is_the_same_call_with_one_job(
    database: Database, store: BlobStore
) -> None:
    first = await accept(database, store, CallMetadata(external_id="1"))
    second = await accept(database, store, CallMetadata(external_id="1"))
    third = await accept(database, store)
    assert (second, third) == (Accepted(first.call_id, False), Accepted(first.call_id, False))
    async with database.session() as session:
        assert len(await jobs(session)) == 1


@pytest.mark.parametrize("metadata", [None, CallMetadata(source="pbx", external_id="7")])
async def test_concurrent_uploads_of_one_recording_make_one_call_and_one_job(
    database: Database, store: BlobStore, metadata: CallMetadata | None
) -> None:
    results = await asyncio.gather(*(accept(database, store, metadata) for _ in range(10)))
    assert len({accepted.call_id for accepted in results}) == 1
    assert sum(accepted.created for accepted in results) == 1
    async with database.session() as session:
        assert len(await jobs(session)) == 1


async def test_two_mono_files_are_one_call(database: Database, store: BlobStore) -> None:
    files = [recording(b"agent", "a.wav"), recording(b"customer", "c.wav")]
    async with database.session() as session:
        accepted = await accept_recording(
            session, store, files, CallMetadata(channels="agent,customer")
        )
        parts = await call_audio(session, accepted.call_id)
        assert [part.file_name for part in parts] == ["a.wav", "c.wav"]
        assert (await get_call(session, accepted.call_id)).roles == ["agent", "customer"]


async def test_a_path_can_be_the_source(
    database: Database, store: BlobStore, tmp_path: Path
) -> None:
    source = tmp_path / "x.wav"
    source.write_bytes(b"RIFF")
    async with database.session() as session:
        file = RecordingFile(file_name="C:\\rec\\通话 1.wav", content=source)
        accepted = await accept_recording(session, store, [file])
        assert (await get_call(session, accepted.call_id)).file_name == "通话 1.wav"


@pytest.mark.parametrize(
    ("files", "metadata", "code"),
    [
        ([], CallMetadata(), "bad-recording"),
        ([b"1", b"2", b"3"], CallMetadata(), "bad-recording"),
        ([b""], CallMetadata(), "empty-file"),
        ([b"x" * 100], CallMetadata(), "file-too-large"),
        ([b"x"], CallMetadata(channels="agent,boss"), "bad-channel-map"),
    ],
)
async def test_bad_recordings_are_refused_before_anything_is_written(
    database: Database, store: BlobStore, files: list[bytes], metadata: CallMetadata, code: str
) -> None:
    async with database.session() as session:
        sources = [recording(content) for content in files]
        with pytest.raises(AppError) as caught:
            await accept_recording(session, store, sources, metadata, max_bytes=99)
        assert caught.value.code == code
        assert await jobs(session) == []
