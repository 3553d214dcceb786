"""Shapes of webhook endpoints and deliveries."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Literal, cast

from pydantic import BaseModel, Field

from models.tables import WebhookDelivery, WebhookEndpoint, WebhookMessage
from models.webhooks import EventType

MessageState = Literal["pending", "delivered", "failed"]


class NewEndpoint(BaseModel):
    """A receiver to be added."""

    url: str = Field(max_length=2000, description="接收地址，https:// 或 http://")
    description: str = Field("", max_length=500, description="用途")
    event_types: list[EventType] = Field(
        default_factory=list, description="要接收的事件；空表示全部"
    )


class EndpointChange(BaseModel):
    """What to change of a receiver; what is left out stays."""

    model_config = {"extra": "forbid"}

    url: str | None = Field(None, max_length=2000, description="接收地址")
    description: str | None = Field(None, max_length=500, description="用途")
    event_types: list[EventType] | None = Field(None, description="要接收的事件；空表示全部")
    enabled: bool | None = Field(None, description="false 暂停推送")


class Endpoint(BaseModel):
    """A receiver without its secret."""

    id: uuid.UUID
    url: str
    description: str
    event_types: list[str]
    enabled: bool
    created_at: dt.datetime


class CreatedEndpoint(Endpoint):
    """A receiver just added, with its secret."""

    secret: str = Field(description="签名密钥（whsec_…），只显示这一次")


class EndpointList(BaseModel):
    """All receivers, oldest first."""

    items: list[Endpoint]


class Attempt(BaseModel):
    """One attempt to deliver a message."""

    attempt: int = Field(description="第几次尝试，从 1 开始")
    attempted_at: dt.datetime
    status_code: int | None = Field(description="接收方的 HTTP 状态；连接失败时为 null")
    error: str | None = Field(description="没有送达的原因")
    duration_ms: int
    response_excerpt: str = Field(description="接收方应答的开头")


class Message(BaseModel):
    """One event for one receiver, with every attempt to deliver it."""

    id: uuid.UUID = Field(description="即请求头 webhook-id；重试和重放都不变")
    endpoint_id: uuid.UUID
    event_type: str
    call_id: uuid.UUID | None
    state: MessageState = Field(description="pending 待送达，delivered 已送达，failed 已放弃")
    created_at: dt.datetime
    next_attempt_at: dt.datetime | None
    delivered_at: dt.datetime | None
    payload: dict[str, Any] = Field(description="推送的内容")
    attempts: list[Attempt]


class MessageList(BaseModel):
    """One page of messages, newest first."""

    items: list[Message]
    next_cursor: str | None


def endpoint_of(row: WebhookEndpoint) -> Endpoint:
    """What may be shown of a stored receiver."""
    return Endpoint(
        id=row.id,
        url=row.url,
        description=row.description,
        event_types=[str(name) for name in row.event_types],
        enabled=row.enabled,
        created_at=row.created_at,
    )


def message_of(row: WebhookMessage, attempts: Sequence[WebhookDelivery]) -> Message:
    """A message with its attempts, oldest first."""
    return Message(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_type=row.event_type,
        call_id=row.call_id,
        state=cast(MessageState, row.state),
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        payload=row.payload,
        attempts=[
            Attempt(
                attempt=entry.attempt,
                attempted_at=entry.attempted_at,
                status_code=entry.status_code,
                error=entry.error,
                duration_ms=entry.duration_ms,
                response_excerpt=entry.response_excerpt,
            )
            for entry in attempts
        ],
    )
