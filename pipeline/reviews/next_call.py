"""Taking the next free call of the review queue."""

import datetime as dt
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.actors import Actor
from models.reviews.queue import QueueFilter, QueueOrder, next_free
from models.reviews.reviews import view_of
from models.reviews.states import way_to_take
from models.tables import Call
from pipeline.reviews.workflow import take


async def take_next(
    session: AsyncSession,
    where: QueueFilter,
    actor: Actor,
    *,
    now: dt.datetime,
    lock_for: dt.timedelta,
    order: QueueOrder = "newest",
    after: uuid.UUID | None = None,
    base_url: str = "",
) -> Call | None:
    """The next free call, now held by the actor; None when nothing in the queue is free.

    `after` is the call that the actor comes from: the queue goes on behind it.
    """
    while (
        entry := await next_free(session, where, actor, now, order=order, after=after)
    ) is not None:
        way = way_to_take(view_of(entry.review, entry.call), actor, now)
        try:
            async with session.begin_nested():
                await take(
                    session,
                    entry.call,
                    actor,
                    now=now,
                    lock_for=lock_for,
                    take_over=way == "take_over",
                    version=entry.review.version if entry.review else 0,
                    base_url=base_url,
                )
        except AppError as error:
            if error.code not in ("review-conflict", "review-locked", "review-state"):
                raise
            # Somebody opened this very call meanwhile. It is theirs now, so it is not met again.
            continue
        return entry.call
    return None
