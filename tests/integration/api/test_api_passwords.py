"""Changing the own password: over the API and on the page, throttled and recorded."""

import re

import httpx
import pytest
from conftest import BASE, PASSWORD, MakeClient
from fastapi import FastAPI
from sqlalchemy import select

from models.access import add_user
from models.database import Database
from models.tables import AuditEntry

NEW = "a-longer-and-newer-one"
ADDRESS = "/api/v1/session/password"
ORIGIN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


async def browser(app: FastAPI, password: str = PASSWORD) -> httpx.AsyncClient:
    """A browser in which li is signed in."""
    transport = httpx.ASGITransport(app=app)
    client = httpx.AsyncClient(transport=transport, base_url=BASE, headers=ORIGIN)
    answer = await sign_in(client, password)
    assert answer.status_code == 204, answer.text
    return client


async def sign_in(client: httpx.AsyncClient, password: str) -> httpx.Response:
    return await client.post("/api/v1/session", json={"username": "li", "password": password})


@pytest.fixture
async def li(app: FastAPI, seeded: Database) -> httpx.AsyncClient:
    async with seeded.session() as session:
        await add_user(session, username="li", password=PASSWORD, role="reviewer")
        await session.commit()
    return await browser(app)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_the_own_password_is_changed_and_other_browsers_are_signed_out(
    app: FastAPI, li: httpx.AsyncClient, seeded: Database
) -> None:
    elsewhere = await browser(app)
    changed = await li.put(ADDRESS, json={"current": PASSWORD, "new": NEW})
    assert changed.status_code == 204, changed.text
    assert (await li.get("/api/v1/session")).status_code == 200
    assert (await elsewhere.get("/api/v1/session")).status_code == 401
    assert code(await sign_in(elsewhere, PASSWORD)) == (401, "bad-credentials")
    assert (await sign_in(elsewhere, NEW)).status_code == 204
    async with seeded.session() as session:
        entries = [
            (entry.action, entry.username, entry.before, entry.after)
            for entry in await session.scalars(
                select(AuditEntry).where(AuditEntry.username != "system")
            )
        ]
    assert entries == [("user.password_changed", "li", None, None)]
    for client in (li, elsewhere):
        await client.aclose()


async def test_what_is_refused(li: httpx.AsyncClient, as_user: MakeClient) -> None:
    for body, expected in (
        ({"current": "not it", "new": NEW}, (403, "wrong-password")),
        ({"current": PASSWORD, "new": "short"}, (422, "weak-password")),
        ({"current": PASSWORD, "new": PASSWORD}, (422, "weak-password")),
    ):
        assert code(await li.put(ADDRESS, json=body)) == expected
    program = await as_user("admin")
    refused = await program.put(ADDRESS, json={"current": PASSWORD, "new": NEW})
    assert code(refused) == (403, "forbidden")
    assert (await sign_in(li, PASSWORD)).status_code == 204, "nothing has changed"
    await li.aclose()


async def test_guesses_are_counted_with_those_at_sign_in(li: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert code(await li.put(ADDRESS, json={"current": "guess", "new": NEW}))[0] == 403
    for _ in range(2):
        assert (await sign_in(li, "guess")).status_code == 401
    assert code(await li.put(ADDRESS, json={"current": PASSWORD, "new": NEW})) == (
        429, "too-many-attempts",
    )  # fmt: skip
    await li.aclose()


async def test_the_form_on_the_settings_page(li: httpx.AsyncClient) -> None:
    page = (await li.get("/settings")).text
    assert 'action="/settings/password"' in page
    form = {"current": PASSWORD, "new": NEW, "repeated": "something else"}
    differing = await li.post("/settings/password", data=form)
    assert (differing.status_code, "两次输入的新密码不一样" in differing.text) == (422, True)
    wrong = await li.post("/settings/password", data={**form, "current": "x", "repeated": NEW})
    assert (wrong.status_code, "当前密码不正确" in wrong.text) == (403, True)
    done = await li.post("/settings/password", data={**form, "repeated": NEW})
    assert done.status_code == 200
    assert re.search(r'role="status".*li 的密码已修改', done.text, re.DOTALL)
    assert NEW not in done.text
    assert (await sign_in(li, NEW)).status_code == 204
    await li.aclose()


async def test_users_keys_receivers_and_exports_are_in_the_audit_trail(
    as_user: MakeClient,
) -> None:
    admin = await as_user("admin")
    user = (await admin.post("/api/v1/users", json={"username": "zhao", "role": "agent"})).json()
    address = f"/api/v1/users/{user['id']}"
    await admin.patch(address, json={"role": "reviewer"})
    await admin.patch(address, json={"reset_password": True})
    key = (await admin.post("/api/v1/api-keys", json={"name": "k", "scopes": ["read"]})).json()
    await admin.delete(f"/api/v1/api-keys/{key['id']}")
    hook = (
        await admin.post("/api/v1/webhook-endpoints", json={"url": "https://x.example/"})
    ).json()
    await admin.patch(f"/api/v1/webhook-endpoints/{hook['id']}", json={"enabled": False})
    await admin.delete(f"/api/v1/webhook-endpoints/{hook['id']}")
    await admin.get("/api/v1/trees/电销通用/versions/1/spreadsheet")
    await admin.get("/api/v1/rule-sets/电销通用/versions/1", params={"format": "yaml"})
    trail = (await admin.get("/api/v1/audit", params={"username": "admin"})).json()["items"]
    assert [entry["action"] for entry in reversed(trail)] == [
        "user.added", "user.changed", "user.password_reset", "api-key.made", "api-key.revoked",
        "webhook-endpoint.added", "webhook-endpoint.changed", "webhook-endpoint.removed",
        "tree.exported", "ruleset.exported",
    ]  # fmt: skip
    changed = next(entry for entry in trail if entry["action"] == "user.changed")
    assert (changed["before"]["role"], changed["after"]["role"]) == ("agent", "reviewer")
    secrets = (user["password"], key["key"], hook["secret"])
    assert not any(secret in str(trail) for secret in secrets)
