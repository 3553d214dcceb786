"""Users over REST: added, changed, disabled with their keys."""

from typing import Any

import httpx
import pytest


async def add(admin: httpx.AsyncClient, **who: Any) -> dict[str, Any]:
    answer = await admin.post("/api/v1/users", json={"role": "reviewer", **who})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def signs_in(client: httpx.AsyncClient, username: str, password: str) -> bool:
    body = {"username": username, "password": password}
    return (await client.post("/api/v1/session", json=body)).status_code == 204


async def test_a_user_is_added_and_signs_in(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    made = await add(admin, username="limin", role="manager", teams=["华东"], display_name="李敏")
    assert (made["role"], made["teams"], made["disabled"]) == ("manager", ["华东"], False)
    assert await signs_in(anonymous, "limin", made["password"])
    me = (await anonymous.get("/api/v1/session")).json()["user"]
    assert (me["display_name"], me["teams"]) == ("李敏", ["华东"])
    chosen = await add(admin, username="wang", password="long-enough-1")
    assert chosen["password"] is None
    assert await signs_in(anonymous, "wang", "long-enough-1")
    listed = (await admin.get("/api/v1/users")).json()["items"]
    assert [user["username"] for user in listed] == ["admin", "limin", "wang"]
    assert "password" not in listed[0]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"username": "admin", "role": "agent"}, 409, "username-taken"),
        ({"username": "a b", "role": "agent"}, 422, "bad-username"),
        ({"username": "li", "role": "king"}, 422, "validation-failed"),
        ({"username": "li", "role": "agent", "password": "short"}, 422, "weak-password"),
        ({"username": "li", "role": "agent", "surprise": 1}, 422, "validation-failed"),
    ],
)
async def test_what_is_wrong_is_named(
    admin: httpx.AsyncClient, body: dict[str, str], status: int, code: str
) -> None:
    answer = await admin.post("/api/v1/users", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_disabling_ends_sign_ins_and_stops_keys(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient, as_user: Any
) -> None:
    program = await as_user("li", role="manager", teams=["甲"])
    assert await signs_in(anonymous, "li", "correct-horse-battery")
    assert (await anonymous.get("/api/v1/calls")).status_code == 200
    users = (await admin.get("/api/v1/users")).json()["items"]
    path = f"/api/v1/users/{next(u['id'] for u in users if u['username'] == 'li')}"

    answer = await admin.patch(path, json={"disabled": True})
    assert answer.json()["disabled"] is True
    assert (await anonymous.get("/api/v1/calls")).status_code == 401
    assert (await program.get("/api/v1/calls")).status_code == 401
    assert not await signs_in(anonymous, "li", "correct-horse-battery")

    assert (await admin.patch(path, json={"disabled": False})).status_code == 200
    assert (await program.get("/api/v1/calls")).status_code == 200
    assert (await anonymous.get("/api/v1/calls")).status_code == 401, "signing in again is needed"

    changed = await admin.patch(path, json={"role": "agent", "agent": "张敏", "teams": []})
    assert (changed.json()["role"], changed.json()["agent"]) == ("agent", "张敏")
    assert changed.json()["password"] is None
    assert (await program.post("/api/v1/calls")).status_code == 403, "keys follow the role"
    reset = (await admin.patch(path, json={"reset_password": True})).json()["password"]
    assert await signs_in(anonymous, "li", reset)
    assert (await admin.patch(path, json={"agent": ""})).json()["agent"] is None


async def test_the_last_administrator_and_unknown_users(admin: httpx.AsyncClient) -> None:
    [me] = (await admin.get("/api/v1/users")).json()["items"]
    for change in ({"disabled": True}, {"role": "reviewer"}):
        answer = await admin.patch(f"/api/v1/users/{me['id']}", json=change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last-admin")
    both = {"reset_password": True, "password": "long-enough-1"}
    assert (await admin.patch(f"/api/v1/users/{me['id']}", json=both)).status_code == 422
    unknown = "/api/v1/users/019412d4-7c00-7a31-9c55-0a3f6f1f2b11"
    assert (await admin.patch(unknown, json={"disabled": True})).status_code == 404


@pytest.mark.parametrize("role", ["manager", "reviewer", "agent"])
async def test_only_administrators_see_users(as_user: Any, role: str) -> None:
    client = await as_user(role=role)
    assert (await client.get("/api/v1/users")).status_code == 403
    body = {"username": "x", "role": "admin"}
    assert (await client.post("/api/v1/users", json=body)).status_code == 403
