"""The jobs of bulk runs: plan one, work on a chunk of one; cancel; take lost ones up again.

A run is cut into chunks once. A few lanes work on them: the job of chunk `n` queues chunk
`n + LANES` in the transaction that stores its results, so that the queue holds few jobs of a run
however large it is, and a chunk is stored once however often it is tried.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.serial import from_json
from models.backtests import summarise
from models.bulk_runs import (
    CHUNK_CALLS,
    begin_chunk,
    calls_of_domain,
    document_kind,
    fail_run,
    finish_chunk,
    finish_run,
    get_run,
    hold_chunk,
    hold_running,
    open_positions,
    plan_run,
    uncount_chunk,
    unfinished_runs,
)
from models.tables import BulkRun
from models.versions import get_version
from pipeline.attempts import StoppedError
from pipeline.bulk.backtesting import backtest_chunk
from pipeline.bulk.failures import Failures
from pipeline.bulk.reanalysing import reanalyse_chunk
from pipeline.bulk.requests import CallChoice
from pipeline.jobs import LANES, defer_chunk, defer_plan, defer_trial, run_lock
from pipeline.resources import Resources

logger = logging.getLogger(__name__)


class _Outcome(Protocol):
    async def save(self, session: AsyncSession, run: BulkRun) -> None: ...


_Work = Callable[[Resources, BulkRun, Sequence[uuid.UUID], Failures], Awaitable[_Outcome]]
_WORK: dict[str, _Work] = {"backtest": backtest_chunk, "reanalysis": reanalyse_chunk}


async def plan(resources: Resources, run_id: uuid.UUID) -> None:
    """Choose the calls of a queued run, cut them into chunks and queue the first ones."""
    async with resources.database.session() as session:
        run = await get_run(session, run_id)
        if run.state != "queued":
            return
        choice = from_json(CallChoice, run.request, "已存任务")
        kind = document_kind(run)
        version = await get_version(session, kind, run.name, run.version)
        call_ids = await calls_of_domain(
            session, kind, version.domain, choice.filter, choice.sample
        )
        chunks = await plan_run(session, run, call_ids)
        for position in range(min(LANES, chunks)):
            await defer_chunk(session, run_id, position)
        if not chunks:
            await _finish(session, run)
        await session.commit()


async def work_on_chunk(resources: Resources, run_id: uuid.UUID, position: int) -> None:
    """Do one chunk of a running run, if it is still to do, and queue the next one of its lane.

    What cannot be done for the whole run (a document that does not compile, a worker that dies
    each time) fails the run; what cannot be done for one call is noted with it.
    """
    async with resources.database.session() as session:
        begun = await begin_chunk(session, run_id, position)
        await session.commit()
    if begun is None:
        return
    run, chunk = begun
    failures = Failures()
    try:
        if chunk.attempts > resources.settings.worker.max_attempts:
            raise AppError(
                "worker-lost",
                f"工作进程在第 {position + 1} 批通话上多次意外终止。请检查内存与日志后重新开始。",
            )
        call_ids = [uuid.UUID(str(call_id)) for call_id in chunk.call_ids]
        outcome = await _WORK[run.kind](resources, run, call_ids, failures)
    except (StoppedError, asyncio.CancelledError):
        resources.stopping.set()
        async with resources.database.session() as session:
            await uncount_chunk(session, run_id, position)
            await session.commit()
        raise
    except AppError as error:
        async with resources.database.session() as session:
            await fail_run(session, run_id, error)
            await session.commit()
        logger.error("bulk run failed", extra={"run": str(run_id), "reason": error.message})
        return
    await _store(resources, run_id, position, outcome, failures)


async def _store(
    resources: Resources,
    run_id: uuid.UUID,
    position: int,
    outcome: _Outcome,
    failures: Failures,
) -> None:
    async with resources.database.session() as session:
        if not await hold_chunk(session, run_id, position):
            return  # Done by a worker that was thought dead.
        await outcome.save(session, await get_run(session, run_id))
        # Only now: while this chunk is stored, other processes store theirs.
        run = await hold_running(session, run_id)
        if run is None:
            return  # Cancelled meanwhile: nothing of the chunk is kept.
        if await finish_chunk(session, run, position, failures.found):
            await _finish(session, run)
        elif (position + LANES) * CHUNK_CALLS < (run.calls or 0):
            await defer_chunk(session, run_id, position + LANES)
        await session.commit()


async def _finish(session: AsyncSession, run: BulkRun) -> None:
    result: dict[str, Any] = {}
    if run.kind == "backtest":
        result = await summarise(session, run.id)
    await finish_run(session, run, result)


async def requeue_runs(session: AsyncSession) -> int:
    """Number of jobs queued again for runs whose jobs were lost."""
    requeued = 0
    for run in await unfinished_runs(session):
        if run.state == "queued" or run.kind == "trial":
            defer = defer_trial if run.kind == "trial" else defer_plan
            requeued += await _unless_queued(session, run_lock(run.id), defer, run.id)
            continue
        first: dict[int, int] = {}
        for position in await open_positions(session, run.id):
            first.setdefault(position % LANES, position)
        for lane, position in first.items():
            lock = run_lock(run.id, lane)
            requeued += await _unless_queued(session, lock, defer_chunk, run.id, position)
    return requeued


async def _unless_queued(
    session: AsyncSession,
    lock: str,
    defer: Callable[..., Awaitable[int]],
    *args: object,
) -> int:
    queued = await session.scalar(
        text(
            "SELECT count(*) FROM procrastinate_jobs"
            " WHERE lock = :lock AND status IN ('todo', 'doing')"
        ),
        {"lock": lock},
    )
    if queued:
        return 0
    await defer(session, *args)
    logger.warning("bulk run had lost its job", extra={"lock": lock})
    return 1
