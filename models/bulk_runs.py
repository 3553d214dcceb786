"""Bulk runs: begun, cut into chunks, worked off by whoever is there, cancelled, looked up."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Text, cast, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.calls import CallFilter, filter_conditions
from models.paging import Page, decode_cursor, encode_cursor
from models.tables import BulkChunk, BulkRun, Call, TranscriptRow
from models.versions import GENERAL_DOMAIN, DocumentKind, Version, table_of

RunKind = Literal["trial", "backtest", "reanalysis"]
UNFINISHED = ("queued", "running")
CHUNK_CALLS = 20
TRIALS_KEPT = dt.timedelta(days=1)
BACKTESTS_KEPT = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What is asked for: a kind of work with a version, and by whom."""

    kind: RunKind
    document_kind: DocumentKind
    version: Version
    request: Mapping[str, Any]
    user_id: uuid.UUID
    username: str


def document_kind(run: BulkRun) -> DocumentKind:
    """What kind of document the run is about."""
    return "tree" if run.document_kind == "tree" else "ruleset"


async def add_run(session: AsyncSession, new: NewRun) -> BulkRun:
    """The run, with the version's text as it is now. The caller queues its job."""
    row = BulkRun(
        id=new_id(),
        kind=new.kind,
        document_kind=new.document_kind,
        name=new.version.name,
        version=new.version.version,
        revision=new.version.revision,
        document=new.version.document,
        request=dict(new.request),
        state="queued",
        calls_done=0,
        calls_failed=0,
        user_id=new.user_id,
        created_by=new.username,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def get_run(session: AsyncSession, run_id: uuid.UUID) -> BulkRun:
    """The run as it is stored now.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(BulkRun, run_id, populate_existing=True)
    if row is None:
        raise AppError("not-found", "没有这次任务，或它已经过期。请重新开始一次。")
    return row


async def list_runs(
    session: AsyncSession,
    document_kind: DocumentKind,
    name: str,
    user_id: uuid.UUID | None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[BulkRun]:
    """Back-tests and re-analyses of one name, newest first; only those of `user_id` if given.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(BulkRun).where(
        BulkRun.document_kind == document_kind, BulkRun.name == name, BulkRun.kind != "trial"
    )
    if user_id is not None:
        query = query.where(BulkRun.user_id == user_id)
    if cursor is not None:
        query = query.where(BulkRun.id < decode_cursor(cursor))
    rows = list(await session.scalars(query.order_by(BulkRun.id.desc()).limit(limit + 1)))
    page = rows[:limit]
    return Page(tuple(page), encode_cursor(page[-1].id) if len(rows) > limit else None)


async def plan_run(session: AsyncSession, run: BulkRun, call_ids: Sequence[uuid.UUID]) -> int:
    """Number of chunks that the calls were cut into; the run is `running` now, or `done`."""
    await session.execute(delete(BulkChunk).where(BulkChunk.run_id == run.id))
    chunks = [call_ids[at : at + CHUNK_CALLS] for at in range(0, len(call_ids), CHUNK_CALLS)]
    if chunks:
        await session.execute(
            insert(BulkChunk),
            [
                {
                    "run_id": run.id,
                    "position": position,
                    "call_ids": [str(call_id) for call_id in chunk],
                    "attempts": 0,
                    "failures": [],
                }
                for position, chunk in enumerate(chunks)
            ],
        )
    run.calls = len(call_ids)
    run.state = "running"
    run.started_at = dt.datetime.now(dt.UTC)
    await session.flush()
    return len(chunks)


async def calls_of_domain(
    session: AsyncSession,
    document_kind: DocumentKind,
    domain: str,
    where: CallFilter,
    sample: int | None,
) -> list[uuid.UUID]:
    """Ids of the finished calls that a version for `domain` speaks for, in the order of their ids.

    For the general domain these are the calls of every domain that has no published version of
    its own. `sample` limits their number; the same calls are taken each time, so that two
    back-tests can be compared.
    """
    query = select(Call.id).where(
        Call.state == "done", *_for_domain(document_kind, domain), *filter_conditions(where),
        select(TranscriptRow.call_id).where(TranscriptRow.call_id == Call.id).exists(),
    )  # fmt: skip
    if sample is not None:
        query = query.order_by(func.md5(cast(Call.id, Text))).limit(sample)
    return sorted(await session.scalars(query))


async def begin_chunk(
    session: AsyncSession, run_id: uuid.UUID, position: int
) -> tuple[BulkRun, BulkChunk] | None:
    """The run and the chunk, its try counted; None when there is nothing to do about it."""
    run = await session.get(BulkRun, run_id, populate_existing=True)
    if run is None or run.state != "running":
        return None
    chunk = await session.scalar(
        update(BulkChunk)
        .where(
            BulkChunk.run_id == run_id, BulkChunk.position == position, BulkChunk.done_at.is_(None)
        )
        .values(attempts=BulkChunk.attempts + 1)
        .returning(BulkChunk)
        .execution_options(populate_existing=True)
    )
    return None if chunk is None else (run, chunk)


async def uncount_chunk(session: AsyncSession, run_id: uuid.UUID, position: int) -> None:
    """Take back a try that was cut off by a stop: it says nothing about the calls."""
    await session.execute(
        update(BulkChunk)
        .where(BulkChunk.run_id == run_id, BulkChunk.position == position)
        .values(attempts=BulkChunk.attempts - 1)
    )


async def hold_chunk(session: AsyncSession, run_id: uuid.UUID, position: int) -> bool:
    """Whether the chunk is still to be stored; if so it is locked until the transaction ends.

    It is not when somebody else has done it. Other chunks of the run may be stored meanwhile.
    """
    held = await session.scalar(
        select(BulkChunk.position)
        .where(
            BulkChunk.run_id == run_id, BulkChunk.position == position, BulkChunk.done_at.is_(None)
        )
        .with_for_update()
    )
    return held is not None


async def hold_running(session: AsyncSession, run_id: uuid.UUID) -> BulkRun | None:
    """The running run, locked until the transaction ends; None when it was ended meanwhile."""
    run: BulkRun | None = await session.scalar(
        select(BulkRun)
        .where(BulkRun.id == run_id, BulkRun.state == "running")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return run


async def finish_chunk(
    session: AsyncSession, run: BulkRun, position: int, failures: Sequence[Mapping[str, str]]
) -> bool:
    """Whether that was the last chunk. The run must be held."""
    call_ids = await session.scalar(
        update(BulkChunk)
        .where(BulkChunk.run_id == run.id, BulkChunk.position == position)
        .values(done_at=func.now(), failures=[dict(failure) for failure in failures])
        .returning(BulkChunk.call_ids)
    )
    run.calls_done += len(call_ids or ())
    run.calls_failed += len(failures)
    await session.flush()
    left = await session.scalar(
        select(func.count()).where(BulkChunk.run_id == run.id, BulkChunk.done_at.is_(None))
    )
    return not left


async def finish_run(session: AsyncSession, run: BulkRun, result: Mapping[str, Any]) -> None:
    """The run is done, with its result."""
    run.state = "done"
    run.result = dict(result)
    run.finished_at = dt.datetime.now(dt.UTC)
    await session.flush()


async def fail_run(session: AsyncSession, run_id: uuid.UUID, failure: AppError) -> None:
    """The run ends here unless it has ended already, and says why."""
    await session.execute(
        update(BulkRun)
        .where(BulkRun.id == run_id, BulkRun.state.in_(UNFINISHED))
        .values(
            state="failed",
            error_code=failure.code,
            error_message=failure.message,
            finished_at=func.now(),
        )
    )


async def cancel_run(session: AsyncSession, run: BulkRun) -> BulkRun:
    """The run, cancelled unless it has ended already: what was done by then stays done."""
    await session.execute(
        update(BulkRun)
        .where(BulkRun.id == run.id, BulkRun.state.in_(UNFINISHED))
        .values(state="cancelled", finished_at=func.now())
    )
    return await get_run(session, run.id)


async def failures_of(session: AsyncSession, run_id: uuid.UUID, limit: int = 50) -> list[Any]:
    """The first calls that could not be done: `call_id` and `message` of each."""
    rows = await session.scalars(
        select(BulkChunk.failures)
        .where(BulkChunk.run_id == run_id, func.jsonb_array_length(BulkChunk.failures) > 0)
        .order_by(BulkChunk.position)
        .limit(limit)
    )
    return [failure for failures in rows for failure in failures][:limit]


async def open_positions(session: AsyncSession, run_id: uuid.UUID) -> list[int]:
    """The chunks that are still to do, in order."""
    rows = await session.scalars(
        select(BulkChunk.position)
        .where(BulkChunk.run_id == run_id, BulkChunk.done_at.is_(None))
        .order_by(BulkChunk.position)
    )
    return list(rows)


async def unfinished_runs(session: AsyncSession) -> list[BulkRun]:
    """The runs that are queued or running."""
    rows = await session.scalars(
        select(BulkRun).where(BulkRun.state.in_(UNFINISHED)).order_by(BulkRun.id)
    )
    return list(rows)


async def delete_old_runs(session: AsyncSession, now: dt.datetime | None = None) -> int:
    """Number of finished runs that were removed: trials after a day, the others after 90 days."""
    at = now or dt.datetime.now(dt.UTC)
    trial = BulkRun.kind == "trial"
    gone = await session.execute(
        delete(BulkRun)
        .where(
            BulkRun.finished_at.is_not(None),
            or_(
                trial & (BulkRun.finished_at < at - TRIALS_KEPT),
                BulkRun.finished_at < at - BACKTESTS_KEPT,
            ),
        )
        .returning(BulkRun.id)
    )
    return len(gone.all())


def _for_domain(document_kind: DocumentKind, domain: str) -> list[ColumnElement[bool]]:
    if domain != GENERAL_DOMAIN:
        return [Call.domain == domain]
    table = table_of(document_kind)
    own = select(table.domain).where(table.state == "published", table.domain != GENERAL_DOMAIN)
    return [or_(Call.domain.is_(None), Call.domain.not_in(own))]
