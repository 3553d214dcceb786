import json

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.auth import SESSION_COOKIE
from models.access import add_user
from models.database import Database

PASSWORD = "correct-horse-battery"
OPEN = {("GET", "/api/v1/health"), ("GET", "/api/v1/ready"), ("POST", "/api/v1/session")}


async def sign_in(client: httpx.AsyncClient, username: str = "admin", password: str = PASSWORD):
    body = {"username": username, "password": password}
    return await client.post("/api/v1/session", json=body)


async def test_every_operation_but_the_open_ones_refuses_strangers(
    app: FastAPI, anonymous: httpx.AsyncClient
) -> None:
    some_id = "019412d4-7c00-7a31-9c55-0a3f6f1f2b11"
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            if (method.upper(), path) in OPEN:
                continue
            url = path.replace("{version}", "1").replace("{name}", "x")
            for name in ("call_id", "key_id", "endpoint_id", "message_id", "user_id"):
                url = url.replace(f"{{{name}}}", some_id)
            response = await anonymous.request(method.upper(), url, content=b"")
            assert response.status_code == 401, (method, url, response.text)
            assert response.json()["error"]["code"] == "unauthenticated"
            assert response.headers["www-authenticate"].startswith("Bearer")


async def test_sign_in_gives_a_cookie_that_scripts_cannot_read(
    anonymous: httpx.AsyncClient,
) -> None:
    response = await sign_in(anonymous)
    assert response.status_code == 204
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    me = await anonymous.get("/api/v1/session")
    assert me.json()["user"]["username"] == "admin"
    assert me.json()["user"]["role"] == "admin"


async def test_sign_out_ends_the_session_on_the_server(anonymous: httpx.AsyncClient) -> None:
    await sign_in(anonymous)
    token = anonymous.cookies[SESSION_COOKIE]
    assert (await anonymous.delete("/api/v1/session")).status_code == 204
    anonymous.cookies.set(SESSION_COOKIE, token)
    assert (await anonymous.get("/api/v1/session")).status_code == 401


async def test_an_expired_session_is_refused(
    anonymous: httpx.AsyncClient, seeded: Database
) -> None:
    await sign_in(anonymous)
    async with seeded.session() as session:
        await session.execute(text("UPDATE sign_in_sessions SET expires_at = now()"))
        await session.commit()
    assert (await anonymous.get("/api/v1/session")).status_code == 401


@pytest.mark.parametrize(
    ("username", "password"), [("admin", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)]
)
async def test_wrong_credentials_are_refused_alike(
    anonymous: httpx.AsyncClient, seeded: Database, username: str, password: str
) -> None:
    async with seeded.session() as session:
        user = await add_user(session, username="gone", password=PASSWORD, role="admin")
        user.disabled = True
        await session.commit()
    response = await sign_in(anonymous, username, password)
    assert response.status_code == 401
    assert response.json() == {
        "error": {
            "code": "bad-credentials",
            "message": "用户名或密码不正确，请检查后重试。",
            "detail": {},
        }
    }
    assert "set-cookie" not in response.headers


async def test_repeated_failures_are_slowed_down(anonymous: httpx.AsyncClient) -> None:
    for _ in range(5):
        assert (await sign_in(anonymous, password="wrong")).status_code == 401
    response = await sign_in(anonymous)
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    assert (await sign_in(anonymous, username="nobody")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({"Origin": "http://tingjian.test"}, 204),
        ({"X-Requested-With": "tingjian"}, 204),
        ({}, 204),
    ],
)
async def test_other_sites_cannot_use_the_cookie(
    anonymous: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    await sign_in(anonymous)
    response = await anonymous.delete("/api/v1/session", headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json()["error"]["code"] == "cross-site-request"
        assert (await anonymous.get("/api/v1/session")).status_code == 200


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient, seeded: Database
) -> None:
    made = await admin.post("/api/v1/api-keys", json={"name": "外呼", "scopes": ["read"]})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith(f"tjk_{made.json()['prefix']}_")
    listed = (await admin.get("/api/v1/api-keys")).text
    assert made.json()["prefix"] in listed
    assert key not in listed
    async with seeded.session() as session:
        stored = (await session.execute(text("SELECT row_to_json(k)::text FROM api_keys k"))).all()
        assert all(key.split("_", 2)[2] not in row[0] for row in stored)

    anonymous.headers["Authorization"] = f"Bearer {key}"
    assert (await anonymous.get("/api/v1/calls")).status_code == 200
    gone = await admin.delete(f"/api/v1/api-keys/{made.json()['id']}")
    assert gone.status_code == 204
    assert (await anonymous.get("/api/v1/calls")).status_code == 401
    assert (await admin.delete(f"/api/v1/api-keys/{made.json()['id']}")).status_code == 404


@pytest.mark.parametrize(
    "authorization",
    ["Bearer tjk_aaaaaaaa_bbbb", "Bearer ", "Basic YWRtaW46YWRtaW4=", "tjk_x_y", "Bearer é"],
)
async def test_bad_authorization_is_refused_even_with_a_cookie(
    anonymous: httpx.AsyncClient, authorization: str
) -> None:
    await sign_in(anonymous)
    headers = {"Authorization": authorization.encode("utf-8")}
    response = await anonymous.get("/api/v1/session", headers=headers)
    assert response.status_code == 401


async def test_scopes_of_a_key_and_of_its_role_both_limit(as_user) -> None:
    reader = await as_user(role="admin", scopes=("read",))
    assert (await reader.get("/api/v1/calls")).status_code == 200
    refused = await reader.post("/api/v1/calls")
    assert refused.status_code == 403
    assert refused.json()["error"]["detail"] == {"scope": "write"}
    manager = await as_user(role="manager", teams=["甲组"])
    assert (await manager.get("/api/v1/webhook-endpoints")).status_code == 403
    agent = await as_user(role="agent", agent="张敏")
    assert (await agent.post("/api/v1/calls")).status_code == 403


async def test_an_ordinary_key_cannot_make_keys_nor_anybody_more_than_they_may(
    as_user, anonymous: httpx.AsyncClient, seeded: Database
) -> None:
    manager = await as_user("lee", role="manager", teams=["甲组"])
    refused = await manager.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]})
    assert refused.status_code == 403
    await sign_in(anonymous, "lee")
    too_much = await anonymous.post("/api/v1/api-keys", json={"name": "x", "scopes": ["admin"]})
    assert too_much.status_code == 403
    fine = await anonymous.post("/api/v1/api-keys", json={"name": "x", "scopes": ["write"]})
    assert fine.status_code == 201
    # The own keys only: the administrator's are not listed.
    assert {item["name"] for item in (await anonymous.get("/api/v1/api-keys")).json()["items"]} == {
        "test",
        "x",
    }


async def test_secrets_stay_out_of_the_access_log(
    anonymous: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await sign_in(anonymous)
    await anonymous.get("/api/v1/calls", params={"q": "13800001234"})
    lines = [json.dumps(record.__dict__, default=str) for record in caplog.records]
    access = [line for line in lines if '"api.access"' in line]
    assert any("/api/v1/calls" in line for line in access)
    ours = [line for line in lines if '"name": "api' in line]
    for secret in (PASSWORD, anonymous.cookies[SESSION_COOKIE], "13800001234"):
        assert not any(secret in line for line in ours)
