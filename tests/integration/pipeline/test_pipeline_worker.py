"""The worker: takes calls through all queues, picks up what dead workers left, stops cleanly."""

import asyncio
import datetime as dt
import os
import signal
import uuid
from dataclasses import replace
from typing import Any

import pytest
from procrastinate import App
from sqlalchemy import text
from waiting import until
from written_calls import ReadingTranscriber, store_call

from core.errors import AppError
from models.calls import get_call
from models.database import Database
from models.heads import request_head
from models.partitions import MONTHS_AHEAD, partition_name
from models.tables import Call
from pipeline.intake import CallMetadata
from pipeline.jobs import QUEUES, defer_transcription
from pipeline.maintenance import maintain, rescue
from pipeline.resources import Resources
from pipeline.storage import BlobStore
from pipeline.tasks import make_app
from pipeline.worker import run_worker, work


async def load(database: Database, call_id: uuid.UUID) -> Call:
    async with database.session() as session:
        return await get_call(session, call_id)


async def one(database: Database, query: str, **values: Any) -> Any:
    async with database.session() as session:
        found = (await session.execute(text(query), values)).scalar()
        await session.commit()
        return found


async def rescued(resources: Resources) -> int:
    app: App = make_app(resources)
    async with app.open_async():
        return await rescue(app, resources.database, resources.settings.worker)


def held(transcriber: ReadingTranscriber) -> tuple[asyncio.Event, asyncio.Event]:
    """Events: the recogniser has begun, and it may go on."""
    entered, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(_progress: object) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(60)

    transcriber.before = wait
    return entered, leave


async def dead_worker_with(database: Database, call_id: uuid.UUID, seconds_silent: int) -> None:
    """As a worker leaves it that took the call's job and then fell silent."""
    await one(
        database,
        "WITH w AS (INSERT INTO procrastinate_workers (last_heartbeat)"
        " VALUES (now() - make_interval(secs => :s)) RETURNING id)"
        " UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM w)"
        " WHERE lock = :lock RETURNING id",
        s=seconds_silent,
        lock=f"call:{call_id}",
    )


async def test_calls_go_through_all_queues_until_idle(
    resources: Resources, store: BlobStore, endpoint_id: uuid.UUID
) -> None:
    database = resources.database
    ids = [
        await store_call(database, store, CallMetadata(external_id=str(i), domain="edu"))
        for i in range(2)
    ]
    await work(resources, until_idle=True)
    for call_id in ids:
        assert (await load(database, call_id)).state == "done"
    # The receiver is not there: its messages wait for their next attempt, and nothing else does.
    assert await one(database, "SELECT count(*) FROM procrastinate_jobs WHERE status='doing'") == 0
    assert await one(database, "SELECT count(*) FROM webhook_deliveries") >= 2
    assert await one(database, "SELECT count(*) FROM procrastinate_workers") == 0


async def test_one_queue_can_be_served_alone(resources: Resources, call_id: uuid.UUID) -> None:
    await work(resources, ["transcribe"], until_idle=True)
    assert (await load(resources.database, call_id)).state == "analyzing"


async def test_an_unknown_queue_is_named(resources: Resources) -> None:
    with pytest.raises(AppError) as caught:
        await work(resources, ["transcribe", "dishes"], until_idle=True)
    assert caught.value.code == "unknown-queue"
    assert "dishes" in caught.value.message


async def test_a_database_that_is_not_migrated_is_refused(
    resources: Resources,
) -> None:
    known = await one(resources.database, "SELECT version_num FROM alembic_version")
    await one(resources.database, "UPDATE alembic_version SET version_num='old' RETURNING 1")
    try:
        with pytest.raises(AppError) as caught:
            await run_worker(resources.settings, until_idle=True)
        assert caught.value.code == "database-not-migrated"
    finally:
        restore = "UPDATE alembic_version SET version_num = :known RETURNING 1"
        await one(resources.database, restore, known=known)


async def test_the_job_of_a_silent_worker_is_taken_up(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await dead_worker_with(resources.database, call_id, seconds_silent=60)
    assert await rescued(resources) == 1
    status = "SELECT status::text FROM procrastinate_jobs"
    assert await one(resources.database, status) == "todo"
    assert await rescued(resources) == 0


async def test_the_job_of_a_living_worker_is_left_alone(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await dead_worker_with(resources.database, call_id, seconds_silent=1)
    assert await rescued(resources) == 0


async def test_a_stalled_job_of_a_finished_call_changes_nothing(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    database = resources.database
    await work(resources, until_idle=True)
    finished = (await load(database, call_id)).finished_at
    # The worker died after it had committed the results, before it had told the queue.
    async with database.session() as session:
        await defer_transcription(session, call_id)
        await session.commit()
    await dead_worker_with(database, call_id, seconds_silent=60)
    await work(resources, until_idle=True)
    call = await load(database, call_id)
    assert (call.state, call.finished_at) == ("done", finished)
    assert len(transcriber.calls) == 1
    assert await one(database, "SELECT count(*) FROM webhook_messages") == 1


@pytest.mark.parametrize("state", ["received", "transcribing"])
async def test_a_call_that_lost_its_job_gets_a_new_one(
    resources: Resources, call_id: uuid.UUID, state: str
) -> None:
    database = resources.database
    await one(database, "DELETE FROM procrastinate_jobs RETURNING id")
    await one(database, "UPDATE calls SET state = :state RETURNING id", state=state)
    assert await rescued(resources) == 1
    assert await rescued(resources) == 0
    await work(resources, until_idle=True)
    assert (await load(database, call_id)).state == "done"


async def test_a_message_that_lost_its_job_gets_a_new_one(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID
) -> None:
    database = resources.database
    await work(resources, ["transcribe", "analyze"], until_idle=True)
    await one(database, "DELETE FROM procrastinate_jobs RETURNING id")
    assert await rescued(resources) == 1
    job = "SELECT args->>'attempt' FROM procrastinate_jobs WHERE task_name = 'deliver_webhook'"
    assert await one(database, job) == "1"


async def test_learning_that_lost_its_job_gets_a_new_one(resources: Resources) -> None:
    database = resources.database
    async with database.session() as session:
        row, _ = await request_head(session, "小树")
        await session.commit()
    assert await rescued(resources) == 0, "the command line may be fitting it, without a job"
    begun = "UPDATE tree_heads SET created_at = now() - interval '61 minutes' RETURNING id"
    assert await one(database, begun) == row.id
    assert await rescued(resources) == 1
    assert await one(database, "SELECT lock FROM procrastinate_jobs") == f"learn:{row.id}"
    assert await rescued(resources) == 0


async def test_finished_work_is_never_rescued(
    resources: Resources, call_id: uuid.UUID, store: BlobStore, transcriber: ReadingTranscriber
) -> None:
    def bad(_progress: object) -> None:
        raise AppError("bad-audio", "文件损坏。")

    await work(resources, until_idle=True)
    transcriber.before = bad
    await store_call(resources.database, store, CallMetadata(external_id="bad"))
    await work(resources, until_idle=True)
    states = "SELECT string_agg(state, ',' ORDER BY state) FROM calls"
    assert await one(resources.database, states) == "done,failed"
    assert await rescued(resources) == 0


async def test_maintenance_keeps_partitions_ahead(resources: Resources) -> None:
    database = resources.database
    today = dt.datetime.now(dt.UTC).date()
    last = (today.replace(day=1) + dt.timedelta(days=31 * MONTHS_AHEAD)).replace(day=1)
    name = partition_name("findings", last)
    async with database.session() as session:
        await session.execute(text(f'DROP TABLE "{name}"'))
        await session.commit()
    app = make_app(resources)
    async with app.open_async():
        await maintain(app, database)
    assert await one(database, "SELECT to_regclass(:name)::text", name=name) == name


async def test_a_signal_lets_running_work_finish(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    entered, leave = held(transcriber)
    running = asyncio.create_task(work(resources, ["transcribe"]))
    await asyncio.wait_for(entered.wait(), 60)
    os.kill(os.getpid(), signal.SIGTERM)
    leave.set()
    await asyncio.wait_for(running, 60)
    assert (await load(resources.database, call_id)).state == "analyzing"


async def test_a_stop_that_cannot_wait_gives_the_work_back(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(progress: Any) -> None:
        loop.call_soon_threadsafe(entered.set)
        while not resources.stopping.wait(0.05):
            pass
        progress(0.5)

    transcriber.before = endless
    resources.settings.worker.shutdown_s = 0.2
    running = asyncio.create_task(work(resources, ["transcribe"]))
    await asyncio.wait_for(entered.wait(), 60)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(running, 60)
    assert (await load(resources.database, call_id)).attempts == 0
    status = "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'transcribe_call'"
    assert await one(resources.database, status) == "todo"
    transcriber.before = lambda _progress: None
    resources.stopping.clear()
    await work(resources, until_idle=True)
    assert (await load(resources.database, call_id)).state == "done"


async def test_heartbeats_go_on_during_long_work(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    entered, leave = held(transcriber)
    running = asyncio.create_task(work(resources, ["transcribe"]))
    await asyncio.wait_for(entered.wait(), 60)
    beat = "SELECT max(last_heartbeat) FROM procrastinate_workers"
    first = await one(resources.database, beat)

    async def beaten() -> bool:
        return bool((await one(resources.database, beat)) > first)

    await until(beaten)
    assert await rescued(resources) == 0
    leave.set()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 60)


async def test_a_worker_survives_a_database_that_goes_away(
    resources: Resources, store: BlobStore
) -> None:
    database = resources.database
    running = asyncio.create_task(work(resources))

    async def started() -> bool:
        workers = await one(database, "SELECT count(*) FROM procrastinate_workers")
        return bool(workers == len(QUEUES))

    await until(started)
    await one(
        database,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    call_id = await store_call(database, store)

    async def done() -> bool:
        return (await load(database, call_id)).state == "done"

    await until(done)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 60)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"recycle_audio_hours": 0.001}, "hours of audio, limit 0.001"),
        ({"recycle_memory_mb": 1}, "MiB of memory, limit 1"),
    ],
)
async def test_a_worn_worker_ends_between_calls(
    resources: Resources,
    store: BlobStore,
    caplog: pytest.LogCaptureFixture,
    limits: dict[str, float],
    why: str,
) -> None:
    database = resources.database
    for i in range(2):
        await store_call(database, store, CallMetadata(external_id=str(i), domain="edu"))
    worker = resources.settings.worker.model_copy(update=limits)
    worn = replace(resources, settings=resources.settings.model_copy(update={"worker": worker}))
    with caplog.at_level("INFO", logger="pipeline"):
        await asyncio.wait_for(work(worn, ["transcribe"]), 60)
    (record,) = [r for r in caplog.records if r.message == "worker ends to be started anew"]
    assert why in record.__dict__["reason"]
    # The first call is whole, the second is untouched and waits for the next worker.
    count = "SELECT count(*) FROM calls WHERE state = :state"
    assert await one(database, count, state="analyzing") == 1
    assert await one(database, count, state="received") == 1
    assert await one(database, "SELECT count(*) FROM procrastinate_jobs WHERE status='doing'") == 0
    await work(resources, ["transcribe"], until_idle=True)
    assert await one(database, count, state="analyzing") == 2
