"""Webhooks arrive signed; receivers that misbehave are retried, given up, or switched off."""

import json
import uuid

import pytest
from loopback_receiver import receiver
from sqlalchemy import text
from standardwebhooks import Webhook

from core.settings import WebhookSettings
from models.database import Database
from models.tables import WebhookDelivery, WebhookEndpoint, WebhookMessage
from models.webhooks import add_endpoint, attempts_of, get_endpoint, get_message
from pipeline.delivery import deliver
from pipeline.webhooks import announce, replay, send_test

SETTINGS = WebhookSettings(allow_private=True, timeout_s=0.5, retry_base_s=0.01, max_attempts=3)


async def message_to(database: Database, url: str) -> tuple[uuid.UUID, uuid.UUID]:
    """(endpoint id, message id) of one announced event."""
    async with database.session() as session:
        endpoint = await add_endpoint(session, url=url)
        (message,) = await announce(session, "call.completed", {"score": 90, "名字": "小王"})
        await session.commit()
        return endpoint.id, message.id


async def run_jobs(database: Database, settings: WebhookSettings = SETTINGS) -> int:
    """Run delivery jobs as the queue would, until none is left; the number that ran."""
    ran = 0
    while True:
        async with database.session() as session:
            row = (
                await session.execute(
                    text("DELETE FROM procrastinate_jobs WHERE id = (SELECT min(id) FROM"
                         " procrastinate_jobs WHERE queue_name = 'deliver') RETURNING args")
                )
            ).one_or_none()  # fmt: skip
            await session.commit()
        if row is None:
            return ran
        await deliver(database, settings, uuid.UUID(row.args["message_id"]), row.args["attempt"])
        ran += 1


async def state(
    database: Database, message_id: uuid.UUID
) -> tuple[WebhookMessage, list[WebhookDelivery]]:
    async with database.session() as session:
        message = await get_message(session, message_id)
        return message, list((await attempts_of(session, [message_id])).get(message_id, []))


async def test_a_delivery_is_signed_and_logged(database: Database) -> None:
    async with receiver(202) as target:
        endpoint_id, message_id = await message_to(database, target.url)
        assert await run_jobs(database) == 1
    message, (log,) = await state(database, message_id)
    assert (message.state, message.attempts) == ("delivered", 1)
    assert message.delivered_at is not None
    assert (log.attempt, log.status_code, log.error, log.response_excerpt) == (
        1, 202, None, "hello",
    )  # fmt: skip
    ((headers, body),) = target.requests
    async with database.session() as session:
        secret = (await get_endpoint(session, endpoint_id)).secret
    assert Webhook(secret).verify(body, headers) == message.payload
    assert headers["webhook-id"] == str(message_id)
    assert headers["host"] == target.url.split("/")[2]
    assert json.loads(body)["type"] == "call.completed"


async def test_an_error_is_retried_with_the_same_id(database: Database) -> None:
    async with receiver(500, 200) as target:
        _, message_id = await message_to(database, target.url)
        assert await run_jobs(database) == 2
    message, logs = await state(database, message_id)
    assert (message.state, message.attempts) == ("delivered", 2)
    assert [log.status_code for log in logs] == [500, 200]
    assert len({headers["webhook-id"] for headers, _ in target.requests}) == 1


@pytest.mark.parametrize(
    ("behaviour", "told"), [("silence", "秒内没有应答"), ("hang-up", "无法连接接收方"),
                            (302, "HTTP 302"), (404, "HTTP 404")],
)  # fmt: skip
async def test_what_never_works_is_given_up_after_the_last_attempt(
    database: Database, behaviour: int | str, told: str
) -> None:
    async with receiver(behaviour) as target:
        _, message_id = await message_to(database, target.url)
        assert await run_jobs(database) == SETTINGS.max_attempts
        assert len(target.requests) == SETTINGS.max_attempts
    message, logs = await state(database, message_id)
    assert (message.state, message.next_attempt_at) == ("failed", None)
    assert [log.attempt for log in logs] == [1, 2, 3]
    assert all(told in (log.error or "") for log in logs)


async def test_the_next_attempt_waits_for_its_time(database: Database) -> None:
    async with receiver(500) as target:
        _, message_id = await message_to(database, target.url)
        settings = SETTINGS.model_copy(update={"retry_base_s": 100.0})
        await deliver(database, settings, message_id, 1)
    message, _ = await state(database, message_id)
    async with database.session() as session:
        scheduled = await session.scalar(
            text("SELECT scheduled_at FROM procrastinate_jobs WHERE args->>'attempt' = '2'")
        )
        now = await session.scalar(text("SELECT now()"))
    assert message.state == "pending"
    assert scheduled == message.next_attempt_at
    assert 90 < (scheduled - now).total_seconds() < 130


async def test_gone_switches_the_endpoint_off(database: Database) -> None:
    async with receiver(410) as target:
        endpoint_id, message_id = await message_to(database, target.url)
        assert await run_jobs(database) == 1
        async with database.session() as session:
            assert not (await get_endpoint(session, endpoint_id)).enabled
            assert await announce(session, "call.completed", {}) == ()
    assert (await state(database, message_id))[0].state == "failed"


async def test_a_disabled_endpoint_gets_nothing_more(database: Database) -> None:
    async with receiver(200) as target:
        endpoint_id, message_id = await message_to(database, target.url)
        async with database.session() as session:
            (await session.get_one(WebhookEndpoint, endpoint_id)).enabled = False
            await session.commit()
        await run_jobs(database)
    message, (log,) = await state(database, message_id)
    assert (message.state, target.requests) == ("failed", [])
    assert "停用" in (log.error or "")


async def test_addresses_inside_are_refused_unless_allowed(database: Database) -> None:
    settings = SETTINGS.model_copy(update={"allow_private": False})
    async with receiver(200) as target:
        for url in (target.url, target.url.replace("127.0.0.1", "localhost")):
            _, message_id = await message_to(database, url)
            await deliver(database, settings, message_id, 1)
            message, (log,) = await state(database, message_id)
            assert (message.state, log.status_code) == ("failed", None)
            assert "已拒绝" in (log.error or "")
            async with database.session() as session:
                await session.execute(text("UPDATE webhook_endpoints SET enabled = false"))
                await session.commit()
        assert target.requests == []


@pytest.mark.parametrize("attempt", [1, 3])
async def test_a_late_job_sends_nothing(database: Database, attempt: int) -> None:
    async with receiver(500, 200) as target:
        _, message_id = await message_to(database, target.url)
        await deliver(database, SETTINGS, message_id, 1)
        await deliver(database, SETTINGS, message_id, attempt)
        assert len(target.requests) == 1


async def test_a_replay_uses_the_same_id_and_a_new_budget(database: Database) -> None:
    async with receiver(500) as target:
        _, message_id = await message_to(database, target.url)
        await run_jobs(database)
        target.statuses = [500, 200]
        async with database.session() as session:
            await replay(session, message_id)
            await session.commit()
        assert await run_jobs(database) == 2
    message, logs = await state(database, message_id)
    assert message.state == "delivered"
    assert [log.attempt for log in logs] == [1, 2, 3, 4, 5]
    assert {headers["webhook-id"] for headers, _ in target.requests} == {str(message_id)}


async def test_a_test_message_goes_to_one_endpoint_whatever_it_wants(database: Database) -> None:
    async with receiver(200) as target, receiver(200) as other:
        async with database.session() as session:
            wanted = await add_endpoint(session, url=target.url, event_types=["call.failed"])
            await add_endpoint(session, url=other.url)
            message = await send_test(session, wanted)
            await session.commit()
        await run_jobs(database)
        assert len(target.requests) == 1
        assert other.requests == []
    assert (await state(database, message.id))[0].state == "delivered"


async def test_endpoints_hear_only_what_they_want(database: Database) -> None:
    def types_of(messages: tuple[WebhookMessage, ...]) -> set[uuid.UUID]:
        return {message.endpoint_id for message in messages}

    async with database.session() as session:
        everything = await add_endpoint(session, url="https://a.example/")
        failures = await add_endpoint(
            session, url="https://b.example/", event_types=["call.failed"]
        )
        completed = await announce(session, "call.completed", {})
        failed = await announce(session, "call.failed", {})
    assert types_of(completed) == {everything.id}
    assert types_of(failed) == {everything.id, failures.id}


async def test_a_rolled_back_event_is_never_sent(database: Database) -> None:
    async with receiver(200) as target:
        async with database.session() as session:
            await add_endpoint(session, url=target.url)
            await announce(session, "call.completed", {})
            await session.rollback()
        assert await run_jobs(database) == 0
