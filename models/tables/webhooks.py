"""Webhooks out: endpoints, messages, and every attempt to deliver one."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Serial


class WebhookEndpoint(Base):
    """A receiver.

    `secret` is the Standard Webhooks signing secret (`whsec_...`), which has to be
    readable to sign; it is returned by the API only once. Empty `event_types` means all.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    event_types: Mapped[list[Any]] = mapped_column(default=list)
    secret: Mapped[str]
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[CreatedAt]


class WebhookMessage(Base):
    """One event for one endpoint.

    `id` is the `webhook-id` header, the same in every attempt,
    so that receivers can tell a retry from news. State pending -> delivered | failed.
    """

    __tablename__ = "webhook_messages"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook_endpoints.id"), index=True)
    event_type: Mapped[str]
    call_id: Mapped[uuid.UUID | None]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[CreatedAt]
    next_attempt_at: Mapped[dt.datetime | None]
    delivered_at: Mapped[dt.datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('pending','delivered','failed')", name="state"),
        Index("ix_webhook_messages_call_id", "call_id"),
        Index("ix_webhook_messages_created_at", "created_at"),
    )


class WebhookDelivery(Base):
    """One attempt: what the receiver answered, or why it could not be reached."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[Serial]
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook_messages.id"), index=True)
    attempt: Mapped[int]
    attempted_at: Mapped[CreatedAt]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    duration_ms: Mapped[int]
    response_excerpt: Mapped[str] = mapped_column(default="")
