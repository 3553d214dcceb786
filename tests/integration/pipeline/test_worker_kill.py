"""A worker process is killed in the middle of a call: another one completes it, once."""

import uuid
from pathlib import Path

import psutil
from loopback_receiver import receiver
from sqlalchemy import text
from waiting import until
from worker_processes import worker
from written_calls import store_call

from core.settings import Settings
from models.calls import get_call
from models.database import Database
from models.webhooks import add_endpoint
from pipeline.storage import BlobStore

_CPU_S_INTO_THE_CALL = 1.0


async def state_of(database: Database, call_id: uuid.UUID) -> str:
    async with database.session() as session:
        return (await get_call(session, call_id)).state


async def test_a_killed_worker_s_call_is_completed_once(
    settings: Settings, seeded: Database, store: BlobStore, tmp_path: Path
) -> None:
    async with receiver(200) as target:
        async with seeded.session() as session:
            await add_endpoint(session, url=target.url)
            await session.commit()
        call_id = await store_call(seeded, store)

        with worker(settings, tmp_path / "first.log") as first:
            await _in_the_middle(seeded, call_id, first)
            first.kill()
            first.wait(30)
        assert await state_of(seeded, call_id) == "transcribing"
        assert await _count(seeded, "utterances") == 0

        with worker(settings, tmp_path / "second.log") as second:

            async def delivered() -> bool:
                assert second.poll() is None, (tmp_path / "second.log").read_text()
                pending = "webhook_messages WHERE state = 'delivered'"
                return await _count(seeded, pending) > 0

            await until(delivered, 300)

            async def quiet() -> bool:
                return await _count(seeded, "procrastinate_jobs WHERE status <> 'failed'") == 0

            await until(quiet)
            second.terminate()
            assert second.wait(60) == 0

        await _check_once(seeded, call_id)
        assert len({headers["webhook-id"] for headers, _ in target.requests}) == 1
        assert len(target.requests) == 1


async def _in_the_middle(database: Database, call_id: uuid.UUID, process: psutil.Popen) -> None:
    """Return when the process has been computing for this call for a while."""

    async def transcribing() -> bool:
        assert process.poll() is None
        return await state_of(database, call_id) == "transcribing"

    await until(transcribing, 300)
    times = process.cpu_times()
    began = times.user + times.system

    async def computed() -> bool:
        times = process.cpu_times()
        return bool(times.user + times.system - began > _CPU_S_INTO_THE_CALL)

    await until(computed)


async def _check_once(database: Database, call_id: uuid.UUID) -> None:
    async with database.session() as session:
        call = await get_call(session, call_id)
    assert (call.state, call.error_code) == ("done", None)
    assert call.score is not None
    for table in ("calls", "transcripts", "call_metrics", "webhook_messages", "webhook_deliveries"):
        assert await _count(database, table) == 1
    for table in ("utterances", "event_hits", "findings", "sop_states"):
        rows = await _count(database, table)
        assert rows > 0
        async with database.session() as session:
            highest = await session.scalar(text(f"SELECT max(position) FROM {table}"))
        assert highest == rows - 1


async def _count(database: Database, what: str) -> int:
    async with database.session() as session:
        return int((await session.execute(text(f"SELECT count(*) FROM {what}"))).scalar_one())
