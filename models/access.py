"""Users, sign-in sessions and API keys."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.passwords import hash_password, new_token, token_hash
from models.tables import ApiKey, SignInSession, User

KEY_PREFIX = "tjk_"
_LAST_USE_GRAIN = dt.timedelta(minutes=1)


async def add_user(
    session: AsyncSession,
    *,
    username: str,
    password: str,
    role: str,
    display_name: str = "",
    teams: Sequence[str] = (),
    agent: str | None = None,
) -> User:
    """The new user.

    Raises:
        AppError: `username-taken`.
    """
    if await find_user(session, username) is not None:
        raise AppError("username-taken", f"用户名 {username} 已被使用。请换一个。")
    row = User(
        id=new_id(),
        username=username,
        display_name=display_name or username,
        role=role,
        password_hash=hash_password(password),
        teams=list(teams),
        agent=agent,
    )
    session.add(row)
    await session.flush()
    return row


async def find_user(session: AsyncSession, username: str) -> User | None:
    """The user with this name, disabled or not."""
    return await session.scalar(select(User).where(User.username == username))


async def count_users(session: AsyncSession) -> int:
    """How many users there are."""
    return (await session.execute(select(func.count()).select_from(User))).scalar_one()


async def set_password(session: AsyncSession, user: User, password: str) -> None:
    """Give the user a new password and end all of their sessions."""
    user.password_hash = hash_password(password)
    await session.execute(delete(SignInSession).where(SignInSession.user_id == user.id))
    await session.flush()


async def open_session(session: AsyncSession, user: User, hours: float) -> str:
    """The token of a new sign-in session, for the cookie; only its hash is stored."""
    token = new_token()
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    session.add(SignInSession(token_sha256=token_hash(token), user_id=user.id, expires_at=expires))
    await session.flush()
    return token


async def user_of_session(session: AsyncSession, token: str) -> User | None:
    """The user of a session that has neither ended nor expired."""
    return await session.scalar(
        select(User)
        .join(SignInSession, SignInSession.user_id == User.id)
        .where(SignInSession.token_sha256 == token_hash(token))
        .where(SignInSession.expires_at > func.now(), User.disabled.is_(False))
    )


async def close_session(session: AsyncSession, token: str) -> None:
    """End a session; an unknown one is no error."""
    await session.execute(
        delete(SignInSession).where(SignInSession.token_sha256 == token_hash(token))
    )


async def delete_expired_sessions(session: AsyncSession) -> int:
    """Number of sessions that had expired and are gone now."""
    rows = await session.execute(
        delete(SignInSession)
        .where(SignInSession.expires_at <= func.now())
        .returning(SignInSession.user_id)
    )
    return len(rows.all())


async def add_api_key(
    session: AsyncSession, user: User, name: str, scopes: Sequence[str] = ()
) -> tuple[ApiKey, str]:
    """The stored key and its secret (`tjk_<prefix>_<random>`), which cannot be read again."""
    prefix = uuid.uuid4().hex[:10]
    secret = f"{KEY_PREFIX}{prefix}_{new_token()}"
    row = ApiKey(
        id=new_id(),
        name=name,
        prefix=prefix,
        secret_sha256=token_hash(secret),
        scopes=list(scopes),
        user_id=user.id,
    )
    session.add(row)
    await session.flush()
    return row, secret


async def user_of_key(session: AsyncSession, secret: str) -> tuple[User, ApiKey] | None:
    """The user and key that a secret belongs to, unless revoked or disabled; notes the use.

    `last_used_at` moves at most once a minute, so that a busy key is not a busy row.
    """
    found = (
        await session.execute(
            select(User, ApiKey)
            .join(ApiKey, ApiKey.user_id == User.id)
            .where(ApiKey.secret_sha256 == token_hash(secret), ApiKey.revoked_at.is_(None))
            .where(User.disabled.is_(False))
        )
    ).one_or_none()
    if found is None:
        return None
    user, key = found
    stale = dt.datetime.now(dt.UTC) - _LAST_USE_GRAIN
    await session.execute(
        update(ApiKey)
        .where(ApiKey.id == key.id)
        .where(or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < stale))
        .values(last_used_at=func.now())
    )
    return user, key


async def list_api_keys(session: AsyncSession, user: User | None = None) -> Sequence[ApiKey]:
    """Keys that are not revoked (of one user), newest first."""
    query = select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.id.desc())
    if user is not None:
        query = query.where(ApiKey.user_id == user.id)
    return list(await session.scalars(query))


async def revoke_api_key(session: AsyncSession, key_id: uuid.UUID) -> None:
    """End a key for good.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(ApiKey, key_id)
    if row is None or row.revoked_at is not None:
        raise AppError("not-found", f"没有 API 密钥 {key_id}。请在列表中查看现有密钥。")
    row.revoked_at = dt.datetime.now(dt.UTC)
    await session.flush()
