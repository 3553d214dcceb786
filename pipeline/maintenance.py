"""Maintenance: work of dead workers taken up again, partitions made ahead, old rows removed."""

import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from typing import Any

from procrastinate import App
from procrastinate.exceptions import ConnectorException
from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from core.settings import WorkerSettings
from models.access import delete_expired_sessions
from models.bulk_runs import delete_old_runs
from models.database import Database
from models.partitions import ensure_partitions
from models.tables import Call, TreeHead, WebhookMessage
from pipeline.bulk.stages import requeue_runs
from pipeline.jobs import (
    defer_analysis,
    defer_delivery,
    defer_learning,
    defer_transcription,
)
from pipeline.reviews.workflow import finalise_overdue

logger = logging.getLogger(__name__)

_FAILED_JOBS_KEPT_H = 30 * 24
_FITTING_WITHOUT_JOB = dt.timedelta(hours=1)
_AT_ONCE = 1000
_JOBS = table("procrastinate_jobs", column("lock"), column("status"))


async def rescue(app: App, database: Database, settings: WorkerSettings) -> int:
    """Number of pieces of work that nobody was doing any more, and that are queued again now.

    First the jobs of workers without a heartbeat. Then what lost its job altogether: calls that
    are neither done nor failed, pending webhook messages, bulk runs and heads being fitted, with
    no job waiting or running. As every change of state is committed together with its job, such a
    one is never just late. Finished work has no job and no such state, so it is never touched. One
    rescuer works at a time; the others find the lock taken and return 0.
    """
    async with database.session() as session:
        key = {"key": "tingjian:rescue"}
        lock = text("SELECT pg_try_advisory_xact_lock(hashtext(:key))")
        if not (await session.execute(lock, key)).scalar_one():
            return 0
        rescued = await _retry_stalled(app, settings)
        rescued += await _requeue_calls(session)
        rescued += await _requeue_messages(session)
        rescued += await requeue_runs(session)
        rescued += await _requeue_heads(session)
        await session.commit()
    return rescued


async def maintain(app: App, database: Database, base_url: str = "") -> None:
    """Make the partitions of the coming months; remove old sessions, runs and failed jobs.

    Reviews whose time to appeal is over become final, which is announced with links to `base_url`.
    """
    async with database.session() as session:
        created = await ensure_partitions(session)
        await delete_expired_sessions(session)
        await delete_old_runs(session)
        await finalise_overdue(session, dt.datetime.now(dt.UTC), base_url=base_url)
        await session.commit()
    if created:
        logger.info("partitions created", extra={"partitions": ", ".join(created)})
    await app.job_manager.delete_old_jobs(
        nb_hours=_FAILED_JOBS_KEPT_H,
        include_failed=True,
        include_cancelled=True,
        include_aborted=True,
    )


async def _retry_stalled(app: App, settings: WorkerSettings) -> int:
    stalled = await app.job_manager.get_stalled_jobs(
        seconds_since_heartbeat=settings.stalled_after_s
    )
    rescued = 0
    for job in stalled:
        try:
            await app.job_manager.retry_job(job, retry_at=dt.datetime.now(dt.UTC))
        except ConnectorException as error:
            # Its worker came back and finished it this moment.
            logger.info("stalled job is gone", extra={"job": job.id, "reason": str(error)})
            continue
        logger.warning("job of a dead worker is queued again", extra={"job": job.call_string})
        rescued += 1
    return rescued


async def _requeue_calls(session: AsyncSession) -> int:
    under_way = Call.state.in_(("received", "transcribing", "analyzing"))
    found = await _without_job(session, "call", Call.id, under_way, Call.state)
    for row in found:
        defer = defer_analysis if row.state == "analyzing" else defer_transcription
        await defer(session, row.id)
        logger.warning("call had lost its job", extra={"call_id": str(row.id)})
    return len(found)


async def _requeue_messages(session: AsyncSession) -> int:
    message = WebhookMessage
    pending = message.state == "pending"
    found = await _without_job(session, "webhook", message.id, pending, message.attempts)
    for row in found:
        await defer_delivery(session, row.id, row.attempts + 1)
        logger.warning("webhook message had lost its job", extra={"message_id": str(row.id)})
    return len(found)


async def _requeue_heads(session: AsyncSession) -> int:
    # The command line fits one in its own process, without a job.
    left = and_(
        TreeHead.state == "fitting", TreeHead.created_at < func.now() - _FITTING_WITHOUT_JOB
    )
    found = await _without_job(session, "learn", TreeHead.id, left)
    for row in found:
        await defer_learning(session, row.id)
        logger.warning("learning had lost its job", extra={"head": str(row.id)})
    return len(found)


async def _without_job(
    session: AsyncSession,
    lock: str,
    key: InstrumentedAttribute[uuid.UUID],
    due: ColumnElement[bool],
    *more: InstrumentedAttribute[Any],
) -> Sequence[Row[Any]]:
    """The rows that are due and that no job waits or runs for, oldest first; so many at once.

    Jobs for a row take the lock `<lock>:<key>`.
    """
    waiting = exists().where(
        _JOBS.c.lock == lock + ":" + cast(key, Text),
        cast(_JOBS.c.status, Text).in_(("todo", "doing")),
    )
    rows = await session.execute(
        select(key, *more).where(due, ~waiting).order_by(key).limit(_AT_ONCE)
    )
    return rows.all()
