"""The settings page as a browser without scripts uses it, and HEAD on pages."""

import re
from typing import Any

import httpx
import pytest

PASSWORD = "correct-horse-battery"
SAME = {"Origin": "http://tingjian.test"}


async def sign_in(client: httpx.AsyncClient, username: str = "admin") -> httpx.AsyncClient:
    form = {"username": username, "password": PASSWORD}
    assert (await client.post("/sign-in", data=form)).status_code == 303
    client.headers.update(SAME)
    return client


def actions(page: str, pattern: str) -> list[str]:
    """The addresses of the page's forms."""
    return re.findall(f'action="({pattern})"', page)


async def test_a_key_is_made_shown_once_and_revoked(anonymous: httpx.AsyncClient, app: Any) -> None:
    browser = await sign_in(anonymous)
    made = await browser.post(
        "/settings/api-keys", data={"name": "外呼平台", "scopes": ["read", "write"]}
    )
    assert made.status_code == 200
    [secret] = re.findall(r'class="secret">(tjk_[^<]+)<', made.text)
    page = (await browser.get("/settings")).text
    assert "外呼平台" in page
    assert secret not in page
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://tingjian.test") as program:
        program.headers["Authorization"] = f"Bearer {secret}"
        assert (await program.get("/api/v1/calls")).status_code == 200
        [revoke] = actions(page, "/settings/api-keys/[^/]+/revoke")
        gone = await browser.post(revoke)
        assert (gone.status_code, gone.headers["location"]) == (303, "/settings#keys")
        assert (await program.get("/api/v1/calls")).status_code == 401
    again = await browser.post(revoke)
    assert again.status_code == 404
    assert 'role="alert"' in again.text


async def test_a_receiver_is_added_tested_paused_and_its_message_replayed(
    anonymous: httpx.AsyncClient,
) -> None:
    browser = await sign_in(anonymous)
    form = {"url": "http://127.0.0.1:9/hook", "description": "CRM", "event_types": "call.failed"}
    made = await browser.post("/settings/webhooks", data=form)
    assert re.search(r'class="secret">whsec_', made.text)
    [test] = actions(made.text, "/settings/webhooks/[^/]+/test")
    assert (await browser.post(test)).status_code == 303
    page = (await browser.get("/settings")).text
    assert "whsec_" not in page
    assert "待送达" in page
    [replay] = actions(page, "/settings/deliveries/[^/]+/replay")
    assert (await browser.post(replay)).headers["location"] == "/settings#webhooks"
    switch = test.replace("/test", "/switch")
    assert (await browser.post(switch, data={"enabled": "false"})).status_code == 303
    assert "已暂停" in (await browser.get("/settings")).text
    bad = await browser.post("/settings/webhooks", data={"url": "ftp://x"})
    assert bad.status_code == 422
    assert 'role="alert"' in bad.text


async def test_users_are_added_changed_disabled_and_given_passwords(
    anonymous: httpx.AsyncClient,
) -> None:
    browser = await sign_in(anonymous)
    form = {
        "username": "limin",
        "role": "manager",
        "teams": "华东，华北, 华东",
        "display_name": "李敏",
    }
    made = await browser.post("/settings/users", data=form)
    assert re.search(r'class="secret">[^<]{16,}<', made.text)
    assert "华东、华北" in made.text
    users = (await browser.get("/api/v1/users")).json()["items"]
    path = f"/settings/users/{next(u['id'] for u in users if u['username'] == 'limin')}"
    changed = await browser.post(path, data={"role": "agent", "agent": "李敏", "teams": ""})
    assert changed.headers["location"] == "/settings#users"
    assert (await browser.post(f"{path}/switch", data={"disabled": "true"})).status_code == 303
    users = {u["username"]: u for u in (await browser.get("/api/v1/users")).json()["items"]}
    limin = users["limin"]
    assert (limin["role"], limin["agent"], limin["teams"], limin["disabled"]) == (
        "agent", "李敏", [], True,
    )  # fmt: skip
    reset = await browser.post(f"{path}/reset-password")
    assert re.search(r'class="secret">[^<]{16,}<', reset.text)
    weak = await browser.post("/settings/users", data={**form, "username": "x", "password": "1"})
    assert weak.status_code == 422
    mine = f"/settings/users/{users['admin']['id']}/switch"
    refused = await browser.post(mine, data={"disabled": "true"})
    assert refused.status_code == 409
    assert "最后一个" in refused.text


async def test_others_manage_their_own_keys_and_nothing_else(
    anonymous: httpx.AsyncClient, as_user: Any
) -> None:
    await as_user("boss")
    await as_user("li", role="agent", agent="张敏")
    browser = await sign_in(anonymous, "li")
    page = (await browser.get("/settings")).text
    assert 'id="keys"' in page
    assert len(actions(page, "/settings/api-keys/[^/]+/revoke")) == 1, "the own key alone"
    for hidden in ('id="users"', 'id="webhooks"', 'value="write"', 'value="admin"', "boss"):
        assert hidden not in page
    form = {"name": "x", "scopes": "admin"}
    assert (await browser.post("/settings/api-keys", data=form)).status_code == 403
    assert (await browser.post("/settings/users", data={"username": "x"})).status_code == 403
    assert (await browser.post("/settings/webhooks", data={"url": "x"})).status_code == 403


async def test_other_sites_and_strangers_are_refused(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/settings")).headers["location"].startswith("/sign-in?next=")
    browser = await sign_in(anonymous)
    form = {"name": "x", "scopes": "read"}
    refused = await browser.post(
        "/settings/api-keys", data=form, headers={"Origin": "http://evil.test"}
    )
    assert refused.status_code == 403
    assert (await browser.get("/api/v1/api-keys")).json()["items"] == []


@pytest.mark.parametrize("path", ["/", "/calls", "/calls/rows", "/sop", "/settings", "/sign-in"])
async def test_pages_answer_head_like_get(anonymous: httpx.AsyncClient, path: str) -> None:
    stranger = await anonymous.head(path)
    assert stranger.status_code == (200 if path == "/sign-in" else 303)
    browser = await sign_in(anonymous)
    got, head = await browser.get(path), await browser.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers.get("content-type") == got.headers.get("content-type")
