"""Whether the process lives, and whether it can serve. Open to everybody, tells no secrets."""

import asyncio
import logging
from collections.abc import Awaitable

from fastapi import APIRouter, Response, status
from sqlalchemy import text

from api.openapi import answers, json_example
from api.services import Services, ServicesDep
from api.v1.health.examples import HEALTH, NOT_READY, READY
from api.v1.health.schemas import Check, Checks, Health, Readiness
from api.version import version
from pipeline.jobs import queue_depths

log = logging.getLogger(__name__)

router = APIRouter(tags=["health"])

# A probe must be answered before the prober gives up on it.
_CHECK_TIMEOUT_S = 3.0


@router.get(
    "/health",
    response_model=Health,
    summary="存活检查",
    description="进程能应答即为存活；不检查依赖。无需登录。",
    responses=answers(HEALTH, signed_in=False, validated=False),
)
async def read_health() -> Health:
    """The process answers."""
    return Health(status="ok", version=version())


@router.get(
    "/ready",
    response_model=Readiness,
    summary="就绪检查",
    description="数据库、表结构、任务队列、录音存储都可用时为 ready，否则 503。无需登录。",
    responses={
        **answers(READY, signed_in=False, validated=False),
        503: {
            "description": "尚未就绪，checks 指出缺什么",
            "model": Readiness,
            "content": json_example(NOT_READY),
        },
    },
)
async def read_readiness(services: ServicesDep, response: Response) -> Readiness:
    """Whether everything that requests need is there."""
    database, migrations, queue, storage = await asyncio.gather(
        _check("database", _database(services)),
        _check("migrations", _migrations(services)),
        _check("queue", _queue(services)),
        _check("storage", services.store.check()),
    )
    checks = Checks(database=database, migrations=migrations, queue=queue, storage=storage)
    ready = all(value == "ok" for value in checks.model_dump().values())
    if not ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(status="ready" if ready else "not-ready", checks=checks)


async def _check(name: str, work: Awaitable[None]) -> Check:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            await work
    except Exception as error:
        # Whatever is wrong, it belongs into the log and not into an open answer.
        log.warning("not ready", extra={"check": name, "error": str(error).split("\n", 1)[0]})
        return "failed"
    return "ok"


async def _database(services: Services) -> None:
    async with services.database.session() as session:
        await session.execute(text("SELECT 1"))


async def _migrations(services: Services) -> None:
    pending = await services.database.pending_migrations()
    if pending:
        raise RuntimeError(f"pending: {', '.join(pending)}")


async def _queue(services: Services) -> None:
    async with services.database.session() as session:
        await queue_depths(session)
