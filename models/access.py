"""Users, sign-in sessions and API keys."""

import datetime as dt
import re
import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.passwords import hash_password, new_token, token_hash
from models.tables import ApiKey, SignInSession, User

KEY_PREFIX = "tjk_"
ROLES = ("admin", "manager", "reviewer", "agent")
_REVIEWING_ROLES = ("admin", "manager", "reviewer")
_USERNAME = re.compile(r"[^\s\x00-\x1f\x7f/]{1,64}")
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
        AppError: `bad-username`, `bad-role`, `username-taken`.
    """
    if not _USERNAME.fullmatch(username):
        raise AppError("bad-username", "用户名应为 1 至 64 个字符，不含空格与斜线。请换一个。")
    _require_role(role)
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


async def get_user(session: AsyncSession, user_id: uuid.UUID) -> User:
    """The user with this id, disabled or not.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(User, user_id)
    if row is None:
        raise AppError("not-found", f"没有用户 {user_id}。请在用户列表中查看。")
    return row


def may_review(user: User) -> bool:
    """Whether somebody may review and judge calls at all."""
    return user.role in _REVIEWING_ROLES and not user.disabled


async def reviewers(session: AsyncSession) -> list[User]:
    """Everybody who may review, in the order of `list_users`."""
    return [user for user in await list_users(session) if may_review(user)]


async def list_users(session: AsyncSession) -> Sequence[User]:
    """All users, disabled ones too, by name."""
    return list(await session.scalars(select(User).order_by(User.username)))


async def display_names(session: AsyncSession) -> dict[str, str]:
    """User name -> the name that people are shown by, of everybody, disabled or not."""
    rows = await session.execute(select(User.username, User.display_name))
    return {row.username: row.display_name or row.username for row in rows}


async def change_user(
    session: AsyncSession,
    user: User,
    *,
    role: str | None = None,
    display_name: str | None = None,
    teams: Sequence[str] | None = None,
    agent: str | None = None,
    disabled: bool | None = None,
) -> None:
    """Change what is given; None leaves a value as it is, an empty `agent` takes the name away.

    Disabling ends the user's sign-ins at once; the user's API keys stop working and work again
    when the user is enabled.

    Raises:
        AppError: `bad-role`; `last-admin` when nobody could administer afterwards.
    """
    if role is not None:
        _require_role(role)
    stays_admin = (role or user.role) == "admin" and not (
        user.disabled if disabled is None else disabled
    )
    if user.role == "admin" and not user.disabled and not stays_admin:
        await _require_other_admin(session, user)
    if role is not None:
        user.role = role
    if display_name is not None:
        user.display_name = display_name or user.username
    if teams is not None:
        user.teams = list(teams)
    if agent is not None:
        user.agent = agent or None
    if disabled is not None:
        user.disabled = disabled
    if user.disabled:
        await session.execute(delete(SignInSession).where(SignInSession.user_id == user.id))
    await session.flush()


async def count_users(session: AsyncSession) -> int:
    """How many users there are."""
    return (await session.execute(select(func.count()).select_from(User))).scalar_one()


async def set_password(
    session: AsyncSession, user: User, password: str, kept_token: str | None = None
) -> None:
    """Give the user a new password and end all of their sessions but the one of `kept_token`."""
    user.password_hash = hash_password(password)
    ended = delete(SignInSession).where(SignInSession.user_id == user.id)
    if kept_token is not None:
        ended = ended.where(SignInSession.token_sha256 != token_hash(kept_token))
    await session.execute(ended)
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


def _require_role(role: str) -> None:
    if role not in ROLES:
        raise AppError("bad-role", f"没有角色 {role}。可用的有：{'、'.join(ROLES)}。")


async def _require_other_admin(session: AsyncSession, user: User) -> None:
    # Locked, so that two administrators cannot disable each other at the same moment.
    admins = await session.scalars(
        select(User.id)
        .where(User.role == "admin", User.disabled.is_(False))
        .order_by(User.id)
        .with_for_update()
    )
    if set(admins) <= {user.id}:
        raise AppError(
            "last-admin",
            f"{user.username} 是最后一个可用的管理员。请先添加或启用另一个管理员。",
        )
