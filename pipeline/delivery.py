"""Webhook delivery: one attempt, its log line and what follows from it, in one transaction."""

import datetime as dt
import json
import random
import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks import Webhook

from core.errors import AppError
from core.settings import WebhookSettings
from models.database import Database
from models.tables import WebhookEndpoint, WebhookMessage
from models.webhooks import log_attempt
from pipeline.backoff import backoff_s
from pipeline.jobs import defer_delivery
from pipeline.outbound import Answer, post

_USER_AGENT = "tingjian-webhooks/1"
_LONGEST_DELAY_S = 12 * 3600
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Letter:
    url: str
    secret: str
    body: bytes


async def deliver(
    database: Database, settings: WebhookSettings, message_id: uuid.UUID, attempt: int
) -> None:
    """Make attempt number `attempt` (from 1) to deliver a message.

    Nothing happens when the message is settled, or when another job has made this attempt. A 2xx
    answer settles it as delivered. 410 disables the endpoint, and that, a refused address, or
    the last attempt settle it as failed. After anything else the next attempt is queued. A
    worker that dies between sending and logging makes the receiver see the same `webhook-id`
    twice, which Standard Webhooks expects.
    """
    letter = await _letter(database, message_id, attempt)
    if letter is None:
        return
    answer: Answer | None = None
    problem: AppError | None = None
    started = dt.datetime.now(dt.UTC)
    try:
        answer = await _send(letter, settings, message_id)
    except AppError as error:
        problem = error
    spent = dt.datetime.now(dt.UTC) - started
    async with database.session() as session:
        message = await _due(session, message_id, attempt)
        if message is None:
            return
        await log_attempt(
            session,
            message,
            status_code=answer.status_code if answer else None,
            error=_complaint(answer, problem),
            duration_ms=answer.duration_ms if answer else round(spent.total_seconds() * 1000),
            response_excerpt=answer.excerpt if answer else "",
        )
        message.attempts = attempt
        await _settle(session, settings, message, answer, problem)
        await session.commit()


def retry_delay_s(settings: WebhookSettings, attempt: int, jitter: float) -> float:
    """Seconds to wait after failed attempt `attempt` (from 1); `jitter` in [0, 1) spreads it.

    Grows fourfold from `retry_base_s`, at most 12 hours, and up to a fifth longer by jitter.
    """
    return backoff_s(settings.retry_base_s, attempt, jitter, _LONGEST_DELAY_S)


async def _letter(database: Database, message_id: uuid.UUID, attempt: int) -> _Letter | None:
    async with database.session() as session:
        message = await _due(session, message_id, attempt)
        if message is None:
            return None
        endpoint = await session.get_one(WebhookEndpoint, message.endpoint_id)
        if not endpoint.enabled and message.event_type != "endpoint.test":
            message.state = "failed"
            message.next_attempt_at = None
            await log_attempt(
                session, message, status_code=None, error="接收端已停用，未发送。", duration_ms=0
            )
            await session.commit()
            return None
        body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":"))
        return _Letter(endpoint.url, endpoint.secret, body.encode())


async def _send(letter: _Letter, settings: WebhookSettings, message_id: uuid.UUID) -> Answer:
    now = dt.datetime.now(dt.UTC)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "webhook-id": str(message_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(letter.secret).sign(
            str(message_id), now, letter.body.decode()
        ),
    }
    return await post(
        letter.url,
        letter.body,
        headers,
        timeout_s=settings.timeout_s,
        allow_private=settings.allow_private,
    )


async def _due(session: AsyncSession, message_id: uuid.UUID, attempt: int) -> WebhookMessage | None:
    message = await session.scalar(
        select(WebhookMessage).where(WebhookMessage.id == message_id).with_for_update()
    )
    if message is None or message.state != "pending" or message.attempts != attempt - 1:
        return None
    return message


async def _settle(
    session: AsyncSession,
    settings: WebhookSettings,
    message: WebhookMessage,
    answer: Answer | None,
    problem: AppError | None,
) -> None:
    message.next_attempt_at = None
    if answer is not None and 200 <= answer.status_code < 300:
        message.state = "delivered"
        message.delivered_at = dt.datetime.now(dt.UTC)
        return
    if answer is not None and answer.status_code == _GONE:
        message.state = "failed"
        endpoint = await session.get_one(WebhookEndpoint, message.endpoint_id)
        endpoint.enabled = False
        return
    if message.attempts >= settings.max_attempts or (problem and not problem.retryable):
        message.state = "failed"
        return
    delay = retry_delay_s(settings, message.attempts, random.random())  # noqa: S311 - no secret
    message.next_attempt_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=delay)
    await defer_delivery(
        session, message.id, message.attempts + 1, schedule_at=message.next_attempt_at
    )


def _complaint(answer: Answer | None, problem: AppError | None) -> str | None:
    if problem is not None:
        return problem.message
    if answer is not None and not 200 <= answer.status_code < 300:
        return f"接收方返回 HTTP {answer.status_code}。"
    return None
