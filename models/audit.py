"""The audit trail: one function to add to it, one to read it."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.actors import Actor
from models.paging import Page
from models.reviews.blinding import calls_judged_blind
from models.tables import AuditEntry

# A player asks for a recording piece by piece: one listening is one entry.
READ_AGAIN_AFTER = dt.timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; every given limit must hold. `action` may be a prefix (`finding.`).

    `reader` is who reads: what was done with calls that they judge blind is left out.
    """

    username: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    at_from: dt.datetime | None = None
    at_to: dt.datetime | None = None
    reader: uuid.UUID | None = None


def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: object,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add one act to the trail, in the caller's transaction: what is rolled back was not done.

    `action` is `noun.verb`. `before` and `after` hold JSON values of what changed; never secrets,
    and never what was said in a call.
    """
    session.add(
        AuditEntry(
            user_id=actor.user_id,
            username=actor.username,
            role=actor.role,
            key_id=actor.key_id,
            request_id=actor.request_id,
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
        )
    )


async def record_read(
    session: AsyncSession, actor: Actor, action: str, object_type: str, object_id: uuid.UUID
) -> bool:
    """Whether the read is a new entry: the same user and object within half an hour are one."""
    recent = await session.scalar(
        select(AuditEntry.id)
        .where(
            AuditEntry.object_type == object_type,
            AuditEntry.object_id == str(object_id),
            AuditEntry.action == action,
            AuditEntry.username == actor.username,
            AuditEntry.at > func.now() - READ_AGAIN_AFTER,
        )
        .limit(1)
    )
    if recent is not None:
        return False
    record(session, actor, action, object_type, object_id)
    return True


async def list_entries(
    session: AsyncSession, where: AuditFilter, cursor: str | None = None, limit: int = 50
) -> Page[AuditEntry]:
    """One page of the trail, newest first.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    for name in ("username", "object_type", "object_id"):
        if (value := getattr(where, name)) is not None:
            query = query.where(getattr(AuditEntry, name) == value)
    if where.action is not None:
        query = query.where(AuditEntry.action.startswith(where.action, autoescape=True))
    if where.at_from is not None:
        query = query.where(AuditEntry.at >= where.at_from)
    if where.at_to is not None:
        query = query.where(AuditEntry.at < where.at_to)
    if where.reader is not None:
        blind = calls_judged_blind(where.reader).subquery()
        query = query.where(AuditEntry.object_id.not_in(select(cast(blind.c.call_id, Text))))
    if cursor is not None:
        query = query.where(AuditEntry.id < _number(cursor))
    rows = list(await session.scalars(query))
    more, rows = len(rows) > limit, rows[:limit]
    return Page(tuple(rows), str(rows[-1].id) if more else None)


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise AppError("bad-cursor", "cursor 无效。请去掉 cursor，从第一页重新开始。")
    return int(cursor)
