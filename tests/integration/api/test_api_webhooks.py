from typing import Any

import httpx
import pytest
from sqlalchemy import text

from models.database import Database

URL = "https://crm.example.com/hooks"


async def add(client: httpx.AsyncClient, **values: Any) -> Any:
    response = await client.post("/api/v1/webhook-endpoints", json={"url": URL, **values})
    assert response.status_code == 201, response.text
    return response.json()


async def test_the_secret_is_shown_once(admin: httpx.AsyncClient) -> None:
    made = await add(admin, description="CRM", event_types=["call.completed"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    listed = await admin.get("/api/v1/webhook-endpoints")
    assert listed.json() == {"items": [made]}
    assert secret not in listed.text
    changed = await admin.patch(
        f"/api/v1/webhook-endpoints/{made['id']}", json={"enabled": False, "event_types": []}
    )
    assert changed.json() == {**made, "enabled": False, "event_types": []}
    assert secret not in changed.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "ftp://x.example/"}, "bad-url"),
        ({"url": "https://user:pw@x.example/"}, "bad-url"),
        ({"url": "nonsense"}, "bad-url"),
        ({"url": URL, "event_types": ["call.exploded"]}, "validation-failed"),
        ({}, "validation-failed"),
    ],
)
async def test_bad_endpoints_are_refused(
    admin: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    response = await admin.post("/api/v1/webhook-endpoints", json=body)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == code


async def test_a_test_event_is_queued_logged_and_replayed(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    endpoint = await add(admin)
    sent = await admin.post(f"/api/v1/webhook-endpoints/{endpoint['id']}/test")
    assert sent.status_code == 202
    message = sent.json()
    assert message["event_type"] == "endpoint.test"
    assert message["state"] == "pending"
    async with seeded.session() as session:
        await session.execute(
            text(
                "INSERT INTO webhook_deliveries"
                " (message_id, attempt, status_code, duration_ms, response_excerpt)"
                " VALUES (:id, 1, 500, 12, 'oops')"
            ),
            {"id": message["id"]},
        )
        await session.execute(text("UPDATE webhook_messages SET state = 'failed'"))
        await session.commit()
    log = await admin.get("/api/v1/webhook-deliveries", params={"state": "failed"})
    assert [item["id"] for item in log.json()["items"]] == [message["id"]]
    attempt = log.json()["items"][0]["attempts"][0]
    assert (attempt["status_code"], attempt["response_excerpt"]) == (500, "oops")
    assert (await admin.get("/api/v1/webhook-deliveries", params={"state": "delivered"})).json()[
        "items"
    ] == []

    again = await admin.post(f"/api/v1/webhook-deliveries/{message['id']}/replay")
    assert again.status_code == 202
    assert again.json()["id"] == message["id"]
    assert again.json()["state"] == "pending"
    async with seeded.session() as session:
        jobs = await session.execute(text("SELECT task_name FROM procrastinate_jobs"))
        assert jobs.scalars().all() == ["deliver_webhook", "deliver_webhook"]


async def test_deleting_an_endpoint_takes_its_log_along(admin: httpx.AsyncClient) -> None:
    kept, gone = await add(admin), await add(admin)
    for endpoint in (kept, gone):
        await admin.post(f"/api/v1/webhook-endpoints/{endpoint['id']}/test")
    assert (await admin.delete(f"/api/v1/webhook-endpoints/{gone['id']}")).status_code == 204
    left = (await admin.get("/api/v1/webhook-deliveries")).json()["items"]
    assert [item["endpoint_id"] for item in left] == [kept["id"]]
    assert (await admin.delete(f"/api/v1/webhook-endpoints/{gone['id']}")).status_code == 404


async def test_deliveries_are_paged(admin: httpx.AsyncClient) -> None:
    endpoint = await add(admin)
    for _ in range(3):
        await admin.post(f"/api/v1/webhook-endpoints/{endpoint['id']}/test")
    query = {"endpoint": endpoint["id"], "limit": 2}
    first = (await admin.get("/api/v1/webhook-deliveries", params=query)).json()
    query["cursor"] = first["next_cursor"]
    second = (await admin.get("/api/v1/webhook-deliveries", params=query)).json()
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert len(set(ids)) == 3
    assert ids == sorted(ids, reverse=True)
    assert second["next_cursor"] is None
