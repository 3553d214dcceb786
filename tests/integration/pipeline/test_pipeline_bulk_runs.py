"""Bulk runs on the real database and queue: chunks and lanes, kills, stops and cancels."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from bulk_calls import add_calls, backtest, load
from sqlalchemy import func, select, table, update
from waiting import until
from worker_processes import worker

from models.bulk_runs import (
    CHUNK_CALLS,
    cancel_run,
    delete_old_runs,
    finish_chunk,
    get_run,
    hold_chunk,
    hold_running,
    open_positions,
)
from models.tables import BacktestCall, BulkChunk
from pipeline import jobs
from pipeline.attempts import StoppedError
from pipeline.bulk import stages
from pipeline.resources import Resources
from pipeline.worker import work


async def test_a_lost_lane_goes_on_and_nothing_is_counted_twice(published: Resources) -> None:
    database = published.database
    count = CHUNK_CALLS * (jobs.LANES + 1) + 1
    await add_calls(database, count)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    await stages.work_on_chunk(published, run_id, 0)
    # Done again, as after a worker that was thought dead: it is stored once.
    await stages.work_on_chunk(published, run_id, 0)
    assert (await load(published, run_id)).calls_done == CHUNK_CALLS
    async with database.session() as session:
        assert await open_positions(session, run_id) == list(range(1, jobs.LANES + 2))
        await session.execute(jobs_table().delete())
        assert await stages.requeue_runs(session) == jobs.LANES
        assert await stages.requeue_runs(session) == 0
        await session.commit()
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done) == ("done", count)
    async with database.session() as session:
        stored = await session.scalar(select(func.count()).where(BacktestCall.run_id == run_id))
    assert stored == count


async def test_chunks_of_a_run_are_stored_side_by_side(published: Resources) -> None:
    await add_calls(published.database, CHUNK_CALLS + 1)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    database = published.database
    async with database.session() as one, database.session() as other, asyncio.timeout(30):
        assert await hold_chunk(one, run_id, 0)
        assert await hold_chunk(other, run_id, 1)
        assert (await hold_running(other, run_id)) is not None
        await finish_chunk(other, await get_run(other, run_id), 1, ())
        await other.commit()
        # The first one ends the run: it sees what the other has stored meanwhile.
        run = await hold_running(one, run_id)
        assert run is not None
        assert await finish_chunk(one, run, 0, ())
        assert run.calls_done == CHUNK_CALLS + 1


async def test_a_worker_that_dies_each_time_ends_the_run(published: Resources) -> None:
    await add_calls(published.database, 1)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    async with published.database.session() as session:
        await session.execute(
            update(BulkChunk).values(attempts=published.settings.worker.max_attempts)
        )
        await session.commit()
    await stages.work_on_chunk(published, run_id, 0)
    run = await load(published, run_id)
    assert (run.state, run.error_code) == ("failed", "worker-lost")


async def test_a_killed_worker_s_chunks_are_done_once(published: Resources, tmp_path: Path) -> None:
    count = CHUNK_CALLS * 12
    await add_calls(published.database, count)
    run_id = await backtest(published, "tree", "小树", 1)

    async def begun() -> bool:
        return (await load(published, run_id)).calls_done > 0

    with worker(published.settings, tmp_path / "first.log") as first:
        await until(begun, 300)
        first.kill()
        first.wait(30)
    cut_off = await load(published, run_id)
    assert cut_off.state == "running"
    assert 0 < cut_off.calls_done < count
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done, run.calls_failed) == ("done", count, 0)
    async with published.database.session() as session:
        stored = await session.scalar(select(func.count()).where(BacktestCall.run_id == run_id))
    assert stored == count


async def test_a_cancelled_run_stores_nothing_more(published: Resources) -> None:
    await add_calls(published.database, CHUNK_CALLS + 1)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    await stages.work_on_chunk(published, run_id, 0)
    async with published.database.session() as session:
        run = await cancel_run(session, await get_run(session, run_id))
        await session.commit()
    assert run.state == "cancelled"
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done) == ("cancelled", CHUNK_CALLS)


async def test_a_stop_is_no_failure(published: Resources) -> None:
    await add_calls(published.database, 2)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    published.stopping.set()
    with pytest.raises(StoppedError):
        await stages.work_on_chunk(published, run_id, 0)
    published.stopping.clear()
    assert (await load(published, run_id)).state == "running"
    await work(published, until_idle=True)
    assert (await load(published, run_id)).state == "done"


async def test_old_runs_are_removed(published: Resources) -> None:
    run_id = await backtest(published, "tree", "小树", 1)
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert run.finished_at is not None
    async with published.database.session() as session:
        assert await delete_old_runs(session) == 0
        assert await delete_old_runs(session, run.finished_at + dt.timedelta(days=91)) == 1
        await session.commit()


def jobs_table() -> Any:
    return table("procrastinate_jobs")
