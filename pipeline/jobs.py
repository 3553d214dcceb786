"""Job names and queues, and how a job is put into a queue: inside the caller's transaction.

This module imports no task, so that whoever enqueues needs none of what the tasks need.
"""

import datetime as dt
import uuid

from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONValue
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

TRANSCRIBE_CALL = "transcribe_call"
ANALYZE_CALL = "analyze_call"
JUDGE_CALL = "judge_call"
DELIVER_WEBHOOK = "deliver_webhook"
PLAN_RUN = "plan_run"
WORK_CHUNK = "work_chunk"
RUN_TRIAL = "run_trial"
LEARN_TREE = "learn_tree"
LEARN_NIGHTLY = "learn_nightly"
MEASURE_TREE = "measure_tree"
MAINTAIN = "maintain"

TRANSCRIBE_QUEUE = "transcribe"
ANALYZE_QUEUE = "analyze"
JUDGE_QUEUE = "judge"
DELIVER_QUEUE = "deliver"
BULK_QUEUE = "bulk"
MAINTENANCE_QUEUE = "maintenance"
QUEUES = (
    TRANSCRIBE_QUEUE,
    ANALYZE_QUEUE,
    JUDGE_QUEUE,
    DELIVER_QUEUE,
    BULK_QUEUE,
    MAINTENANCE_QUEUE,
)

QUEUE_OF = {
    TRANSCRIBE_CALL: TRANSCRIBE_QUEUE,
    ANALYZE_CALL: ANALYZE_QUEUE,
    JUDGE_CALL: JUDGE_QUEUE,
    DELIVER_WEBHOOK: DELIVER_QUEUE,
    PLAN_RUN: BULK_QUEUE,
    WORK_CHUNK: BULK_QUEUE,
    # Somebody is waiting for it: it goes where work is short, and before the rest of it.
    RUN_TRIAL: ANALYZE_QUEUE,
    MEASURE_TREE: ANALYZE_QUEUE,
    LEARN_TREE: BULK_QUEUE,
    LEARN_NIGHTLY: MAINTENANCE_QUEUE,
    MAINTAIN: MAINTENANCE_QUEUE,
}
LANES = 4
"""Chunks of one bulk run that may be worked on at the same time."""

_URGENT = 10

# Never opened: every job goes in through the connection of the session that defers it.
_APP = App(connector=PsycopgConnector())


async def defer(
    session: AsyncSession,
    job_name: str,
    queue: str | None = None,
    *,
    lock: str | None = None,
    schedule_at: dt.datetime | None = None,
    priority: int = 0,
    **args: JSONValue,
) -> int:
    """The id of the job, which exists if and only if the session's transaction commits.

    `queue` defaults to the job's own. Jobs with the same `lock` run one after another.
    `schedule_at` (aware) is the earliest time to run; of those waiting, the highest `priority`
    runs first.
    """
    await session.flush()
    connection = await (await session.connection()).get_raw_connection()
    deferrer = _APP.configure_task(
        job_name,
        queue=queue or QUEUE_OF[job_name],
        lock=lock,
        schedule_at=schedule_at,
        priority=priority,
        connection=connection.driver_connection,
    )
    return await deferrer.defer_async(**args)


async def defer_transcription(session: AsyncSession, call_id: uuid.UUID) -> int:
    """The job that transcribes the call."""
    return await defer(session, TRANSCRIBE_CALL, lock=call_lock(call_id), call_id=str(call_id))


async def defer_analysis(session: AsyncSession, call_id: uuid.UUID) -> int:
    """The job that analyses the call's stored transcript."""
    return await defer(session, ANALYZE_CALL, lock=call_lock(call_id), call_id=str(call_id))


async def defer_judging(
    session: AsyncSession,
    call_id: uuid.UUID,
    attempt: int = 1,
    schedule_at: dt.datetime | None = None,
) -> int:
    """The job that makes attempt number `attempt` (from 1) to have the call's questions answered.

    It does not hold the call's own lock: waiting for a language model stops nothing else.
    """
    return await defer(
        session,
        JUDGE_CALL,
        lock=f"judge:{call_id}",
        schedule_at=schedule_at,
        call_id=str(call_id),
        attempt=attempt,
    )


async def defer_delivery(
    session: AsyncSession,
    message_id: uuid.UUID,
    attempt: int,
    schedule_at: dt.datetime | None = None,
) -> int:
    """The job that makes attempt number `attempt` (from 1) to deliver a webhook message."""
    return await defer(
        session,
        DELIVER_WEBHOOK,
        lock=f"webhook:{message_id}",
        schedule_at=schedule_at,
        message_id=str(message_id),
        attempt=attempt,
    )


async def defer_plan(session: AsyncSession, run_id: uuid.UUID) -> int:
    """The job that chooses the calls of a bulk run and begins the work on them."""
    return await defer(session, PLAN_RUN, lock=run_lock(run_id), run_id=str(run_id))


async def defer_chunk(session: AsyncSession, run_id: uuid.UUID, position: int) -> int:
    """The job that does one chunk of a bulk run."""
    lock = run_lock(run_id, position % LANES)
    return await defer(session, WORK_CHUNK, lock=lock, run_id=str(run_id), position=position)


async def defer_trial(session: AsyncSession, run_id: uuid.UUID) -> int:
    """The job that tries a version on some sentences or one call, before all that waits."""
    return await defer(
        session, RUN_TRIAL, lock=run_lock(run_id), priority=_URGENT, run_id=str(run_id)
    )


async def defer_learning(session: AsyncSession, head_id: uuid.UUID) -> int:
    """The job that fits and tests a tree's head."""
    return await defer(session, LEARN_TREE, lock=f"learn:{head_id}", head_id=str(head_id))


async def defer_measuring(session: AsyncSession, document_sha256: str, document: str) -> int:
    """The job that measures the nodes of a tree document, before all that waits."""
    return await defer(
        session,
        MEASURE_TREE,
        lock=f"measure:{document_sha256}",
        priority=_URGENT,
        document_sha256=document_sha256,
        document=document,
    )


def run_lock(run_id: uuid.UUID, lane: int | None = None) -> str:
    """The lock of a bulk run's first job, or of the jobs of one of its lanes."""
    return f"bulk:{run_id}" if lane is None else f"bulk:{run_id}:{lane}"


def call_lock(call_id: uuid.UUID) -> str:
    """The lock of all jobs of one call: they never run at the same time."""
    return f"call:{call_id}"


async def queue_depths(session: AsyncSession) -> dict[str, dict[str, int]]:
    """For each queue the number of jobs `waiting` and `running`; queues without any have zeros."""
    rows = await session.execute(
        text(
            "SELECT queue_name, status::text AS status, count(*) AS jobs FROM procrastinate_jobs"
            " WHERE status IN ('todo', 'doing') GROUP BY queue_name, status"
        )
    )
    depths = {queue: {"waiting": 0, "running": 0} for queue in QUEUES}
    for row in rows:
        counts = depths.setdefault(row.queue_name, {"waiting": 0, "running": 0})
        counts["waiting" if row.status == "todo" else "running"] = row.jobs
    return depths
