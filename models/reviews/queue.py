"""The review queue: analysed calls with the state of their review, filtered and paged."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.actors import Actor
from models.calls import CallFilter, filter_conditions
from models.paging import Page, decode_cursor, encode_cursor
from models.reviews.states import ReviewState
from models.tables import Appeal, Call, FindingRow, Review, ReviewSample, ReviewSampleItem, User

QueueOrder = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """Which calls are to be reviewed; every given limit must hold.

    `calls` limits the calls themselves (agent, team, score, rule, period). `states` are review
    states; a call without a review is `pending`. `attention` keeps calls that are not reviewed and
    did not pass, were vetoed or were sampled; that are under appeal; or whose results were changed
    by an analysis after the review; `stale` keeps those last ones alone. `severity` keeps
    calls with a hit at least that severe; `sample` those of one sample; `holder_id` those that
    somebody works on; `waiting_since` those that were received before; `score_below` those whose
    machine score is lower.
    """

    calls: CallFilter = field(default_factory=CallFilter)
    states: tuple[ReviewState, ...] = ()
    attention: bool = False
    stale: bool = False
    severity: str | None = None
    sample: uuid.UUID | None = None
    holder_id: uuid.UUID | None = None
    waiting_since: dt.datetime | None = None
    score_below: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One call of the queue, with the names of who works on it and who finished it.

    `samples` are those that it is in, `hits` the names of the rules that the machine found broken,
    what costs most first.
    """

    call: Call
    review: Review | None
    holder: str
    reviewer: str
    samples: tuple[str, ...]
    hits: tuple[str, ...]


_RANKS = {"info": 0, "minor": 1, "major": 2, "critical": 3}


async def list_queue(
    session: AsyncSession,
    where: QueueFilter,
    cursor: str | None = None,
    limit: int = 50,
    order: QueueOrder = "newest",
) -> Page[QueueEntry]:
    """One page of the queue, by when calls were received.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(Call, Review).outerjoin(Review, Review.call_id == Call.id)
    query = query.where(*_conditions(where))
    after = decode_cursor(cursor) if cursor is not None else None
    if order == "newest":
        query = query.order_by(Call.id.desc())
        query = query.where(Call.id < after) if after else query
    else:
        query = query.order_by(Call.id)
        query = query.where(Call.id > after) if after else query
    rows = [(row[0], row[1]) for row in (await session.execute(query.limit(limit + 1))).all()]
    more, rows = len(rows) > limit, rows[:limit]
    entries = await _entries(session, rows)
    return Page(entries, encode_cursor(rows[-1][0].id) if more else None)


async def next_free(
    session: AsyncSession,
    where: QueueFilter,
    actor: Actor,
    now: dt.datetime,
    *,
    order: QueueOrder = "newest",
    after: uuid.UUID | None = None,
) -> QueueEntry | None:
    """The first call of the queue that is free for the actor; None when there is none.

    After the call `after`, else from the beginning up to it. The call's row is locked until the
    transaction ends, and calls that others have locked are passed over, so that two who ask at the
    same time get different calls, however long the queue is.
    """
    query = (
        select(Call, Review)
        .outerjoin(Review, Review.call_id == Call.id)
        .where(*_conditions(where), _free_for(actor, now))
        .order_by(Call.id.desc() if order == "newest" else Call.id)
        .limit(1)
        .with_for_update(of=Call, key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    turns = [query]
    if after is not None:
        onward = Call.id < after if order == "newest" else Call.id > after
        turns = [query.where(onward), query.where(~onward, Call.id != after)]
    for turn in turns:
        row = (await session.execute(turn)).first()
        if row is not None:
            return (await _entries(session, [(row[0], row[1])]))[0]
    return None


def _free_for(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """`states.way_to_take` as a condition, for calls that the actor may see."""
    held_by_nobody_else = or_(Review.holder_id.is_(None), Review.holder_id == actor.user_id)
    return or_(
        Review.call_id.is_(None),
        and_(Review.state.in_(("pending", "assigned")), held_by_nobody_else),
        and_(Review.state == "assigned", Review.lock_expires_at <= now),
    )


async def count_queue(session: AsyncSession, where: QueueFilter, most: int = 1000) -> int:
    """How many calls the filter keeps, counted up to `most`."""
    found = (
        select(Call.id)
        .outerjoin(Review, Review.call_id == Call.id)
        .where(*_conditions(where))
        .limit(most)
    )
    return (await session.execute(select(func.count()).select_from(found.subquery()))).scalar_one()


def _conditions(where: QueueFilter) -> list[ColumnElement[bool]]:
    conditions = [Call.state == "done", *filter_conditions(where.calls)]
    if where.states:
        wanted: ColumnElement[bool] = Review.state.in_(where.states)
        if "pending" in where.states:
            wanted = or_(wanted, Review.call_id.is_(None))
        conditions.append(wanted)
    if where.attention:
        suspect = or_(
            Call.passed.is_(False),
            Call.vetoed.is_(True),
            exists().where(ReviewSampleItem.call_id == Call.id),
        )
        unfinished = or_(Review.call_id.is_(None), Review.state.in_(("pending", "assigned")))
        conditions.append(
            or_(and_(unfinished, suspect), Review.state == "appealed", Review.stale.is_(True))
        )
    if where.stale:
        conditions.append(Review.stale.is_(True))
    if where.severity is not None:
        severe = [name for name, rank in _RANKS.items() if rank >= _RANKS[where.severity]]
        conditions.append(
            exists().where(
                and_(FindingRow.call_id == Call.id, FindingRow.outcome == "hit"),
                FindingRow.severity.in_(severe),
            )
        )
    if where.sample is not None:
        conditions.append(
            exists().where(
                ReviewSampleItem.call_id == Call.id, ReviewSampleItem.sample_id == where.sample
            )
        )
    if where.holder_id is not None:
        conditions.append(Review.holder_id == where.holder_id)
    if where.score_below is not None:
        conditions.append(Call.score < where.score_below)
    if where.waiting_since is not None:
        conditions.append(Call.received_at < where.waiting_since)
    return conditions


async def _entries(
    session: AsyncSession, rows: Sequence[tuple[Call, Review | None]]
) -> tuple[QueueEntry, ...]:
    ids = [call.id for call, _ in rows]
    reviews = [review for _, review in rows if review]
    people = {review.holder_id for review in reviews} | {review.reviewer_id for review in reviews}
    names: dict[uuid.UUID | None, str] = {
        row.id: row.display_name or row.username
        for row in await session.execute(
            select(User.id, User.display_name, User.username).where(User.id.in_(people - {None}))
        )
    }
    samples: dict[uuid.UUID, list[str]] = {}
    sampled = await session.execute(
        select(ReviewSampleItem.call_id, ReviewSample.name)
        .join(ReviewSample, ReviewSample.id == ReviewSampleItem.sample_id)
        .where(ReviewSampleItem.call_id.in_(ids))
        .distinct()
        .order_by(ReviewSample.name)
    )
    for row in sampled:
        samples.setdefault(row.call_id, []).append(row.name)
    hits = await _hits(session, ids)
    return tuple(
        QueueEntry(
            call=call,
            review=review,
            holder=names.get(review.holder_id, "") if review else "",
            reviewer=names.get(review.reviewer_id, "") if review else "",
            samples=tuple(samples.get(call.id, ())),
            hits=tuple(hits.get(call.id, ())),
        )
        for call, review in rows
    )


async def _hits(
    session: AsyncSession, call_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[str]]:
    """Names of the rules with a hit, by call; those that earn points are none to look into."""
    found: dict[uuid.UUID, list[str]] = {}
    rows = await session.execute(
        select(FindingRow.call_id, FindingRow.rule_name)
        .where(FindingRow.call_id.in_(call_ids), FindingRow.outcome == "hit")
        .where(FindingRow.score_effect <= 0)
        .order_by(FindingRow.veto.desc(), FindingRow.score_effect, FindingRow.position)
    )
    for row in rows:
        found.setdefault(row.call_id, []).append(row.rule_name)
    return found


async def list_appeals(
    session: AsyncSession,
    calls: CallFilter,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[tuple[Appeal, Call]]:
    """One page of appeals on calls within the filter, newest first.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(Appeal, Call).join(Call, Call.id == Appeal.call_id)
    query = query.where(*filter_conditions(calls)).order_by(Appeal.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(Appeal.state == state)
    if cursor is not None:
        query = query.where(Appeal.id < decode_cursor(cursor))
    rows = [(row[0], row[1]) for row in (await session.execute(query)).all()]
    more, rows = len(rows) > limit, rows[:limit]
    return Page(tuple(rows), encode_cursor(rows[-1][0].id) if more else None)
