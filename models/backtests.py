"""Results of back-tests: stored call by call, summed up, read page by page."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.paging import Page, decode_cursor, encode_cursor
from models.tables import BacktestCall, BacktestChange, BulkRun, Call

Subject = Literal["node", "rule"]
Direction = Literal["gained", "lost"]
CallChoice = Literal["all", "changed", "verdict"]
_MOST_AGENTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One hit of a node or finding of a rule that is gained or lost, with its evidence.

    `key` is the node's path or the rule's id. `quote` and `sentence` are empty for a finding that
    rests on no words.
    """

    subject: Subject
    key: str
    name: str
    change: Direction
    utterance: int | None
    start_ms: int
    quote: str
    sentence: str
    layer: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCall:
    """One call as things are, and with the version that is tested."""

    call_id: uuid.UUID
    score_before: float
    score_after: float
    passed_before: bool | None
    passed_after: bool | None
    vetoed_before: bool
    vetoed_after: bool
    changes: tuple[Change, ...]


async def save_comparisons(
    session: AsyncSession,
    run_id: uuid.UUID,
    compared: Sequence[ComparedCall],
    calls: Mapping[uuid.UUID, Call],
) -> None:
    """Store what was found for some calls, in place of what the run had on them."""
    ids = [item.call_id for item in compared]
    for table in (BacktestChange, BacktestCall):
        await session.execute(delete(table).where(table.run_id == run_id, table.call_id.in_(ids)))
    if not compared:
        return
    await session.execute(
        insert(BacktestCall),
        [_call_values(run_id, item, calls[item.call_id]) for item in compared],
    )
    changes = [
        {"run_id": run_id, "call_id": item.call_id, **asdict(change)}
        for item in compared
        for change in item.changes
    ]
    if changes:
        await session.execute(insert(BacktestChange), changes)


async def summarise(session: AsyncSession, run_id: uuid.UUID) -> dict[str, Any]:
    """The whole back-test in figures, as JSON.

    Nodes and rules by how much they change, agents by how far their average moves.
    """
    row = (await session.execute(_totals(run_id))).one()
    subjects: dict[str, list[dict[str, Any]]] = {"node": [], "rule": []}
    for item in await session.execute(_by_key(run_id)):
        subjects[item.subject].append(
            {"key": item.key, "name": item.name, "gained": item.gained, "lost": item.lost}
        )
    agents = [
        {"agent": agent, "calls": calls, "before": round(before, 2), "after": round(after, 2)}
        for agent, calls, before, after in await session.execute(_by_agent(run_id))
    ]
    return {
        "calls": row.calls,
        "changed_calls": row.changed,
        "score_before": None if row.before is None else round(row.before, 2),
        "score_after": None if row.after is None else round(row.after, 2),
        "passed_before": row.passed_before,
        "passed_after": row.passed_after,
        "now_passing": row.now_passing,
        "now_failing": row.now_failing,
        "nodes": subjects["node"],
        "rules": subjects["rule"],
        "agents": agents,
    }


async def tells_of(session: AsyncSession, run: BulkRun, calls: Select[uuid.UUID]) -> bool:
    """Whether the result of a run tells of one of the calls: compared it, or was tried on it."""
    if tried := run.request.get("call_id"):
        return uuid.UUID(str(tried)) in set(await session.scalars(calls))
    compared = select(BacktestCall.call_id).where(
        BacktestCall.run_id == run.id, BacktestCall.call_id.in_(calls)
    )
    return await session.scalar(compared.limit(1)) is not None


async def list_changes(
    session: AsyncSession,
    run_id: uuid.UUID,
    *,
    subject: Subject | None = None,
    key: str | None = None,
    change: Direction | None = None,
    call_id: uuid.UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[BacktestChange]:
    """One page of gained and lost hits and findings.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(BacktestChange).where(BacktestChange.run_id == run_id)
    for column, value in (
        (BacktestChange.subject, subject),
        (BacktestChange.key, key),
        (BacktestChange.change, change),
        (BacktestChange.call_id, call_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if cursor is not None:
        query = query.where(BacktestChange.id > min(decode_cursor(cursor).int, 2**63 - 1))
    rows = list(await session.scalars(query.order_by(BacktestChange.id).limit(limit + 1)))
    page = rows[:limit]
    more = len(rows) > limit
    return Page(tuple(page), encode_cursor(uuid.UUID(int=page[-1].id)) if more else None)


async def list_compared(
    session: AsyncSession,
    run_id: uuid.UUID,
    choice: CallChoice = "changed",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[BacktestCall]:
    """One page of the calls: all, those where anything changes, those whose pass or fail does.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(BacktestCall).where(BacktestCall.run_id == run_id)
    if choice == "changed":
        query = query.where(_changed())
    elif choice == "verdict":
        query = query.where(_verdict_changed())
    if cursor is not None:
        query = query.where(BacktestCall.call_id < decode_cursor(cursor))
    rows = list(await session.scalars(query.order_by(BacktestCall.call_id.desc()).limit(limit + 1)))
    page = rows[:limit]
    return Page(tuple(page), encode_cursor(page[-1].call_id) if len(rows) > limit else None)


def _call_values(run_id: uuid.UUID, item: ComparedCall, call: Call) -> dict[str, Any]:
    own = ("call_id", "score_before", "score_after", "passed_before", "passed_after",
           "vetoed_before", "vetoed_after")  # fmt: skip
    return {
        "run_id": run_id,
        "agent": call.agent,
        "called_at": call.called_at,
        "gained": sum(change.change == "gained" for change in item.changes),
        "lost": sum(change.change == "lost" for change in item.changes),
        **{name: getattr(item, name) for name in own},
    }


def _changed() -> ColumnElement[bool]:
    return or_(
        BacktestCall.gained > 0,
        BacktestCall.lost > 0,
        BacktestCall.score_before != BacktestCall.score_after,
        _verdict_changed(),
    )


def _verdict_changed() -> ColumnElement[bool]:
    return BacktestCall.passed_before.is_distinct_from(BacktestCall.passed_after)


def _totals(run_id: uuid.UUID) -> Any:
    def count(condition: ColumnElement[bool]) -> Any:
        return func.count(case((condition, 1)))

    passed, passes = BacktestCall.passed_before, BacktestCall.passed_after
    return select(
        func.count().label("calls"),
        count(_changed()).label("changed"),
        func.avg(BacktestCall.score_before).label("before"),
        func.avg(BacktestCall.score_after).label("after"),
        count(passed.is_(True)).label("passed_before"),
        count(passes.is_(True)).label("passed_after"),
        count(passed.is_not(True) & passes.is_(True)).label("now_passing"),
        count(passed.is_(True) & passes.is_not(True)).label("now_failing"),
    ).where(BacktestCall.run_id == run_id)


def _by_key(run_id: uuid.UUID) -> Any:
    gained = func.count(case((BacktestChange.change == "gained", 1)))
    lost = func.count(case((BacktestChange.change == "lost", 1)))
    return (
        select(
            BacktestChange.subject,
            BacktestChange.key,
            func.max(BacktestChange.name).label("name"),
            gained.label("gained"),
            lost.label("lost"),
        )
        .where(BacktestChange.run_id == run_id)
        .group_by(BacktestChange.subject, BacktestChange.key)
        .order_by(func.count().desc(), BacktestChange.key)
    )


def _by_agent(run_id: uuid.UUID) -> Any:
    before, after = func.avg(BacktestCall.score_before), func.avg(BacktestCall.score_after)
    return (
        select(BacktestCall.agent, func.count(), before, after)
        .where(BacktestCall.run_id == run_id)
        .group_by(BacktestCall.agent)
        .having(before != after)
        .order_by(func.abs(after - before).desc(), BacktestCall.agent)
        .limit(_MOST_AGENTS)
    )
