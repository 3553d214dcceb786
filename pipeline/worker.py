"""The worker process: one set of weights, all queues side by side, until told to stop."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Sequence

from procrastinate import App
from procrastinate.worker import Worker
from sqlalchemy import text

from core.errors import AppError
from core.settings import Settings, WorkerSettings
from models.database import Database, open_database
from pipeline.jobs import ANALYZE_QUEUE, DELIVER_QUEUE, QUEUES, TRANSCRIBE_QUEUE
from pipeline.maintenance import maintain, rescue
from pipeline.recycling import stop_when_worn
from pipeline.resources import Resources, make_resources
from pipeline.storage import open_store
from pipeline.tasks import make_app

logger = logging.getLogger(__name__)

_DELIVERIES_AT_ONCE = 8
_POLL_S = 5.0
_RESTART_DELAY_S = 2.0
_IDLE_POLL_S = 0.5


async def run_worker(
    settings: Settings, queues: Sequence[str] | None = None, *, until_idle: bool = False
) -> None:
    """Work on the queues (None = all) until SIGTERM or SIGINT, or until nothing is left to do.

    On a signal no new job is taken, running ones get `worker.shutdown_s` to finish, and what is
    cut off then is queued again at once. With `until_idle` the call returns when no job of the
    queues waits or runs; jobs that are scheduled for later do not count. Without it, the call
    also returns, between calls, when a limit of `worker.recycle_*` is passed: whoever supervises
    the process starts a new one.

    Raises:
        AppError: `unknown-queue`; `database-not-migrated`.
    """
    database = open_database(settings)
    try:
        if pending := await database.pending_migrations():
            raise AppError(
                "database-not-migrated",
                f"数据库结构还缺 {'、'.join(pending)}。请先运行 tingjian migrate。",
            )
        resources = make_resources(settings, database, open_store(settings))
        await work(resources, queues, until_idle=until_idle)
    finally:
        await database.close()


async def work(
    resources: Resources, queues: Sequence[str] | None = None, *, until_idle: bool = False
) -> None:
    """As `run_worker`, with resources that are already there.

    Raises:
        AppError: `unknown-queue`.
    """
    served = tuple(queues or QUEUES)
    if unknown := set(served) - set(QUEUES):
        raise AppError(
            "unknown-queue",
            f"没有名为 {'、'.join(sorted(unknown))} 的队列。可用的有：{'、'.join(QUEUES)}。",
        )
    app = make_app(resources)
    async with app.open_async():
        if until_idle:
            await _work_until_idle(app, resources, served)
        else:
            await _work_until_stopped(app, resources, served)


async def _work_until_idle(app: App, resources: Resources, queues: Sequence[str]) -> None:
    database, settings = resources.database, resources.settings
    while True:
        await rescue(app, database, settings.worker)
        due, running = await _jobs(database, queues)
        if due:
            workers = [_make_worker(app, settings, queue, wait=False) for queue in queues]
            await asyncio.gather(*(_run(worker) for worker in workers))
        elif running:
            # Another process is at it, or died at it and will be found out.
            await asyncio.sleep(_IDLE_POLL_S)
        else:
            return


async def _work_until_stopped(app: App, resources: Resources, queues: Sequence[str]) -> None:
    async with _stop_signal() as stopped:
        logger.info("worker started", extra={"queues": ", ".join(queues)})
        await maintain(app, resources.database, resources.settings.api.public_url)
        async with asyncio.TaskGroup() as group:
            group.create_task(_keep_rescuing(app, resources, stopped))
            group.create_task(stop_when_worn(resources.wear, stopped))
            for queue in queues:
                group.create_task(_keep_working(app, resources.settings, queue, stopped))
    logger.info("worker stopped")


async def _keep_working(app: App, settings: Settings, queue: str, stopped: asyncio.Event) -> None:
    """Serve one queue; a lost database ends the queue's worker, and a new one takes its place."""
    while not stopped.is_set():
        worker = _make_worker(app, settings, queue, wait=True)
        running = asyncio.create_task(_run(worker))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stopped.is_set():
            worker.stop()  # type: ignore[no-untyped-call]
        stopping.cancel()
        try:
            await running
        except Exception:
            logger.exception("a queue's worker ended", extra={"queue": queue})
        await _wait(stopped, _RESTART_DELAY_S)


async def _keep_rescuing(app: App, resources: Resources, stopped: asyncio.Event) -> None:
    settings = resources.settings.worker
    while not stopped.is_set():
        try:
            await rescue(app, resources.database, settings)
        except Exception:
            logger.exception("looking for lost work failed")
        await _wait(stopped, max(settings.stalled_after_s / 2, 0.5))


def _make_worker(app: App, settings: Settings, queue: str, *, wait: bool) -> Worker:
    return Worker(
        app,
        queues=[queue],
        name=queue,
        concurrency=_concurrency(queue, settings.worker),
        wait=wait,
        fetch_job_polling_interval=_POLL_S,
        shutdown_graceful_timeout=settings.worker.shutdown_s,
        listen_notify=wait,
        # The call's own row tells how it went; a table of millions of finished jobs tells nobody.
        delete_jobs="successful",
        install_signal_handlers=False,
        update_heartbeat_interval=settings.worker.heartbeat_s,
        stalled_worker_timeout=settings.worker.stalled_after_s,
    )


def _concurrency(queue: str, settings: WorkerSettings) -> int:
    return {
        TRANSCRIBE_QUEUE: settings.transcribe_concurrency,
        ANALYZE_QUEUE: settings.analyze_concurrency,
        DELIVER_QUEUE: _DELIVERIES_AT_ONCE,
    }.get(queue, 1)


async def _jobs(database: Database, queues: Sequence[str]) -> tuple[int, int]:
    """How many jobs of the queues could run now, and how many are running."""
    async with database.session() as session:
        row = (
            await session.execute(
                text(
                    "SELECT count(*) FILTER (WHERE status = 'todo') AS due,"
                    " count(*) FILTER (WHERE status = 'doing') AS running"
                    " FROM procrastinate_jobs WHERE queue_name = ANY(:queues)"
                    " AND status IN ('todo', 'doing')"
                    " AND (scheduled_at IS NULL OR scheduled_at <= now())"
                ),
                {"queues": list(queues)},
            )
        ).one()
        return row.due, row.running


async def _run(worker: Worker) -> None:
    await worker.run()  # type: ignore[no-untyped-call]


async def _wait(stopped: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), seconds)


@contextlib.asynccontextmanager
async def _stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set, as far as this thread may handle signals."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stopped.set)
            handled.append(number)
    try:
        yield stopped
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
