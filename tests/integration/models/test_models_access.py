"""Users, sessions and keys: found by their secrets, of which only hashes are stored."""

import datetime as dt

import pytest
from sqlalchemy import text, update

from core.errors import AppError
from models.access import (
    add_api_key,
    add_user,
    change_user,
    close_session,
    delete_expired_sessions,
    find_user,
    list_api_keys,
    list_users,
    open_session,
    revoke_api_key,
    set_password,
    user_of_key,
    user_of_session,
)
from models.database import Database
from models.passwords import check_password, hash_password
from models.tables import SignInSession, User


async def user(database: Database) -> User:
    async with database.session() as session:
        row = await add_user(session, username="li", password="secret", role="manager")
        await session.commit()
        return row


def test_passwords_are_checked_and_never_readable() -> None:
    stored = hash_password("secret")
    assert "secret" not in stored
    assert check_password("secret", stored)
    assert not check_password("Secret", stored)
    assert not check_password("secret", None)
    assert not check_password("secret", "not a hash")


async def test_a_name_is_taken_once(database: Database) -> None:
    await user(database)
    async with database.session() as session:
        with pytest.raises(AppError) as caught:
            await add_user(session, username="li", password="x", role="agent")
    assert caught.value.code == "username-taken"


async def test_a_session_lasts_until_it_ends_or_expires(database: Database) -> None:
    li = await user(database)
    async with database.session() as session:
        token, other = [await open_session(session, li, hours=1) for _ in range(2)]
        assert await session.scalar(text("SELECT count(*) FROM sign_in_sessions")) == 2
        stored = await session.scalar(
            text("SELECT string_agg(token_sha256, ',') FROM sign_in_sessions")
        )
        assert token not in str(stored)
        found = await user_of_session(session, token)
        assert found is not None
        assert found.id == li.id
        await close_session(session, token)
        await close_session(session, "unknown")
        assert await user_of_session(session, token) is None
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        await session.execute(update(SignInSession).values(expires_at=past))
        assert await user_of_session(session, other) is None
        assert await delete_expired_sessions(session) == 1


async def test_a_disabled_user_and_a_new_password_end_sessions(database: Database) -> None:
    await user(database)
    async with database.session() as session:
        li = await find_user(session, "li")
        assert li is not None
        token = await open_session(session, li, hours=1)
        key = (await add_api_key(session, li, "k"))[1]
        li.disabled = True
        await session.flush()
        assert await user_of_session(session, token) is None
        assert await user_of_key(session, key) is None
        li.disabled = False
        await set_password(session, li, "new")
        assert await user_of_session(session, token) is None
        assert check_password("new", li.password_hash)


async def test_a_key_works_until_it_is_revoked(database: Database) -> None:
    li = await user(database)
    async with database.session() as session:
        row, secret = await add_api_key(session, li, "crm", ["calls:write"])
        assert secret.startswith(f"tjk_{row.prefix}_")
        assert secret not in row.secret_sha256
        found = await user_of_key(session, secret)
        assert found is not None
        assert (found[0].id, found[1].id) == (li.id, row.id)
        await session.refresh(row)
        assert row.last_used_at is not None
        assert await user_of_key(session, secret + "x") is None
        assert [key.id for key in await list_api_keys(session, li)] == [row.id]
        await revoke_api_key(session, row.id)
        assert await user_of_key(session, secret) is None
        assert await list_api_keys(session) == []
        with pytest.raises(AppError) as caught:
            await revoke_api_key(session, row.id)
    assert caught.value.code == "not-found"


async def test_the_last_administrator_stays(database: Database) -> None:
    async with database.session() as session:
        one, two = [
            await add_user(session, username=name, password="secret", role="admin")
            for name in ("one", "two")
        ]
        token = await open_session(session, one, hours=1)
        await change_user(session, one, disabled=True)
        await change_user(session, one, disabled=False)
        assert await user_of_session(session, token) is None, "disabling ended the sign-in"
        await change_user(session, one, role="reviewer", teams=["甲"], agent="张敏")
        assert (one.role, one.teams, one.agent) == ("reviewer", ["甲"], "张敏")
        for change in ({"disabled": True}, {"role": "agent"}):
            with pytest.raises(AppError) as caught:
                await change_user(session, two, **change)
            assert caught.value.code == "last-admin"
        await change_user(session, one, agent="", display_name="")
        assert (one.agent, one.display_name) == (None, "one")
        assert [row.username for row in await list_users(session)] == ["one", "two"]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"username": "a b", "role": "agent"}, "bad-username"),
        ({"username": "", "role": "agent"}, "bad-username"),
        ({"username": "x" * 65, "role": "agent"}, "bad-username"),
        ({"username": "li", "role": "king"}, "bad-role"),
    ],
)
async def test_a_user_needs_a_name_and_a_role(
    database: Database, who: dict[str, str], code: str
) -> None:
    async with database.session() as session:
        with pytest.raises(AppError) as caught:
            await add_user(session, password="secret", **who)
    assert caught.value.code == code
