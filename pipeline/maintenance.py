"""Maintenance: work of dead workers taken up again, partitions made ahead, old rows removed."""

import datetime as dt
import logging
import uuid

from procrastinate import App
from procrastinate.exceptions import ConnectorException
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.settings import WorkerSettings
from models.access import delete_expired_sessions
from models.bulk_runs import delete_old_runs
from models.database import Database
from models.partitions import ensure_partitions
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
    rows = await session.execute(
        text(
            "SELECT id, state FROM calls"
            " WHERE state IN ('received', 'transcribing', 'analyzing') AND NOT EXISTS ("
            "  SELECT 1 FROM procrastinate_jobs job"
            "  WHERE job.lock = 'call:' || calls.id::text AND job.status IN ('todo', 'doing'))"
            " ORDER BY id LIMIT 1000"
        )
    )
    found = rows.all()
    for row in found:
        defer = defer_analysis if row.state == "analyzing" else defer_transcription
        await defer(session, uuid.UUID(str(row.id)))
        logger.warning("call had lost its job", extra={"call_id": str(row.id)})
    return len(found)


async def _requeue_messages(session: AsyncSession) -> int:
    rows = await session.execute(
        text(
            "SELECT id, attempts FROM webhook_messages message"
            " WHERE state = 'pending' AND NOT EXISTS ("
            "  SELECT 1 FROM procrastinate_jobs job"
            "  WHERE job.lock = 'webhook:' || message.id::text"
            "  AND job.status IN ('todo', 'doing'))"
            " ORDER BY id LIMIT 1000"
        )
    )
    found = rows.all()
    for row in found:
        await defer_delivery(session, uuid.UUID(str(row.id)), row.attempts + 1)
        logger.warning("webhook message had lost its job", extra={"message_id": str(row.id)})
    return len(found)


async def _requeue_heads(session: AsyncSession) -> int:
    rows = await session.execute(
        text(
            "SELECT id FROM tree_heads head WHERE state = 'fitting'"
            # The command line fits one in its own process, without a job.
            " AND created_at < now() - interval '1 hour' AND NOT EXISTS ("
            "  SELECT 1 FROM procrastinate_jobs job"
            "  WHERE job.lock = 'learn:' || head.id::text AND job.status IN ('todo', 'doing'))"
        )
    )
    found = rows.all()
    for row in found:
        await defer_learning(session, uuid.UUID(str(row.id)))
        logger.warning("learning had lost its job", extra={"head": str(row.id)})
    return len(found)
