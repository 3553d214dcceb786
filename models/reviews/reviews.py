"""Reviews as rows: found, created, locked for a step, and changed with their version."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.reviews.states import ReviewState, ReviewView
from models.tables import Appeal, Call, Review


async def find_review(session: AsyncSession, call_id: uuid.UUID) -> Review | None:
    """The review of a call; None while it is pending and nobody has touched it."""
    return await session.get(Review, call_id, populate_existing=True)


async def reviewed_calls(session: AsyncSession, call_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the calls that have a review, whatever its state."""
    query = select(Review.call_id).where(Review.call_id.in_(call_ids))
    return set(await session.scalars(query))


async def hold_review(
    session: AsyncSession, call_id: uuid.UUID, version: int | None = None
) -> Review:
    """The review of a call, created if need be, and locked until the transaction ends.

    `version` is the one that the caller has seen; a call without a review is at version 0. The
    call's row is held against a new analysis too, and always before its review, so that a verdict
    and an analysis wait for each other instead of blocking each other for good.

    Raises:
        AppError: `not-found`; `review-conflict` when somebody changed the review since.
    """
    held = await session.scalar(
        select(Call.id).where(Call.id == call_id).with_for_update(read=True, key_share=True)
    )
    if held is None:
        raise AppError("not-found", f"没有通话 {call_id}。请检查编号。")
    made = await session.execute(
        insert(Review).values(call_id=call_id).on_conflict_do_nothing().returning(Review.call_id)
    )
    created = made.scalar() is not None
    row = await session.scalar(
        select(Review)
        .where(Review.call_id == call_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    assert row is not None
    current = 0 if created else row.version
    if version is not None and version != current:
        raise AppError(
            "review-conflict",
            "这通复核刚被别人改动过。请刷新后按最新内容再操作。",
            detail={"version": current, "seen": version},
        )
    return row


def touch(review: Review, now: dt.datetime) -> None:
    """Count a change: whoever saw the review before must look again."""
    review.version += 1
    review.updated_at = now


async def open_appeal(session: AsyncSession, call_id: uuid.UUID) -> Appeal | None:
    """The appeal of a call that waits for its decision."""
    return await session.scalar(
        select(Appeal).where(Appeal.call_id == call_id, Appeal.state == "open")
    )


def view_of(review: Review | None, call: Call, appeal: Appeal | None = None) -> ReviewView:
    """What the state machine decides by."""
    if review is None:
        return ReviewView(agent=call.agent, team=call.team)
    return ReviewView(
        state=cast(ReviewState, review.state),
        holder_id=review.holder_id,
        lock_expires_at=review.lock_expires_at,
        reviewer_id=review.reviewer_id,
        appeal_until=review.appeal_until,
        appellant_id=appeal.opened_by if appeal is not None else None,
        agent=call.agent,
        team=call.team,
    )
