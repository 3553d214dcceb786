"""Webhook endpoints, messages and the log of attempts."""

import base64
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.paging import Page, decode_cursor, encode_cursor
from models.reviews.blinding import calls_judged_blind
from models.tables import WebhookDelivery, WebhookEndpoint, WebhookMessage

EventType = Literal[
    "call.completed", "call.failed", "finding.reviewed", "finding.withdrawn", "review.assigned",
    "review.released", "review.completed", "review.reopened", "review.finalised", "appeal.opened",
    "appeal.withdrawn", "appeal.decided",
]  # fmt: skip
"""What an endpoint can ask for; `endpoint.test` comes unasked."""
EVENT_TYPES: tuple[str, ...] = get_args(EventType)


def new_secret() -> str:
    """A Standard Webhooks signing secret: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


async def add_endpoint(
    session: AsyncSession,
    *,
    url: str,
    description: str = "",
    event_types: Sequence[str] = (),
    secret: str | None = None,
) -> WebhookEndpoint:
    """The new endpoint; empty `event_types` means all.

    Raises:
        AppError: `unknown-event-type`.
    """
    if unknown := set(event_types) - set(EVENT_TYPES):
        raise AppError(
            "unknown-event-type",
            f"不认识的事件类型：{'、'.join(sorted(unknown))}。可用的有：{'、'.join(EVENT_TYPES)}。",
        )
    row = WebhookEndpoint(
        id=new_id(),
        url=url,
        description=description,
        event_types=list(event_types),
        secret=secret or new_secret(),
    )
    session.add(row)
    await session.flush()
    return row


async def get_endpoint(session: AsyncSession, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """The endpoint with this id.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(WebhookEndpoint, endpoint_id)
    if row is None:
        raise AppError("not-found", f"没有 Webhook 接收端 {endpoint_id}。请查看列表。")
    return row


async def list_endpoints(session: AsyncSession) -> Sequence[WebhookEndpoint]:
    """All endpoints, oldest first."""
    return list(await session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)))


async def delete_endpoint(session: AsyncSession, endpoint_id: uuid.UUID) -> None:
    """Remove an endpoint with its messages and their log.

    Raises:
        AppError: `not-found`.
    """
    row = await get_endpoint(session, endpoint_id)
    messages = select(WebhookMessage.id).where(WebhookMessage.endpoint_id == endpoint_id)
    await session.execute(delete(WebhookDelivery).where(WebhookDelivery.message_id.in_(messages)))
    await session.execute(delete(WebhookMessage).where(WebhookMessage.endpoint_id == endpoint_id))
    await session.delete(row)
    await session.flush()


async def endpoints_for(session: AsyncSession, event_type: str) -> Sequence[WebhookEndpoint]:
    """The enabled endpoints that want events of this type."""
    rows = await session.scalars(
        select(WebhookEndpoint).where(WebhookEndpoint.enabled).order_by(WebhookEndpoint.id)
    )
    return [row for row in rows if not row.event_types or event_type in row.event_types]


async def add_message(
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    event_type: str,
    payload: Mapping[str, Any],
    call_id: uuid.UUID | None = None,
) -> WebhookMessage:
    """A pending message; deferring its delivery is `pipeline.webhooks`' part."""
    row = WebhookMessage(
        id=new_id(),
        endpoint_id=endpoint.id,
        event_type=event_type,
        call_id=call_id,
        payload=dict(payload),
    )
    session.add(row)
    await session.flush()
    return row


async def get_message(session: AsyncSession, message_id: uuid.UUID) -> WebhookMessage:
    """The message with this id.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(WebhookMessage, message_id)
    if row is None:
        raise AppError("not-found", f"没有 Webhook 消息 {message_id}。请查看投递列表。")
    return row


async def list_messages(
    session: AsyncSession,
    *,
    endpoint_id: uuid.UUID | None = None,
    state: str | None = None,
    call_id: uuid.UUID | None = None,
    reader: uuid.UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[WebhookMessage]:
    """One page of messages, newest first; without those on calls that `reader` judges blind.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(WebhookMessage).order_by(WebhookMessage.id.desc()).limit(limit + 1)
    if endpoint_id is not None:
        query = query.where(WebhookMessage.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(WebhookMessage.state == state)
    if call_id is not None:
        query = query.where(WebhookMessage.call_id == call_id)
    if reader is not None:
        blind = WebhookMessage.call_id.in_(calls_judged_blind(reader))
        query = query.where(or_(WebhookMessage.call_id.is_(None), ~blind))
    if cursor is not None:
        query = query.where(WebhookMessage.id < decode_cursor(cursor))
    rows = list(await session.scalars(query))
    more, rows = len(rows) > limit, rows[:limit]
    return Page(tuple(rows), encode_cursor(rows[-1].id) if more else None)


async def attempts_of(
    session: AsyncSession, message_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[WebhookDelivery]]:
    """Every logged attempt of the messages, in order; messages without attempts are left out."""
    rows = await session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.message_id.in_(message_ids))
        .order_by(WebhookDelivery.id)
    )
    found: dict[uuid.UUID, list[WebhookDelivery]] = {}
    for row in rows:
        found.setdefault(row.message_id, []).append(row)
    return found


async def log_attempt(
    session: AsyncSession,
    message: WebhookMessage,
    *,
    status_code: int | None,
    error: str | None,
    duration_ms: int,
    response_excerpt: str = "",
) -> WebhookDelivery:
    """The logged attempt, numbered over the message's whole life (replays go on counting)."""
    before = await session.scalar(
        select(func.count())
        .select_from(WebhookDelivery)
        .where(WebhookDelivery.message_id == message.id)
    )
    row = WebhookDelivery(
        message_id=message.id,
        attempt=(before or 0) + 1,
        status_code=status_code,
        error=error,
        duration_ms=duration_ms,
        response_excerpt=response_excerpt,
    )
    session.add(row)
    await session.flush()
    return row
