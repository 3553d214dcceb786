"""Authentication at the edge: session cookie for browsers, API key for programs.

Tokens and keys are found by their SHA-256, so what is compared is never the secret itself and the
time a comparison takes tells nothing about it.
"""

import asyncio
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import AccessScope, Principal, effective_scopes
from api.same_origin import require_same_origin
from api.services import services
from api.throttle import SignInThrottle
from core.errors import AppError
from core.settings import ApiSettings
from models.access import (
    close_session,
    delete_expired_sessions,
    find_user,
    get_user,
    open_session,
    set_password,
    user_of_key,
    user_of_session,
)
from models.audit import record
from models.passwords import check_password, require_strong
from models.tables import ApiKey, User

SESSION_COOKIE = "tingjian_session"

_SAME_SITE: Literal["lax"] = "lax"

_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    scheme_name="session",
    description="浏览器登录（POST /api/v1/session）后得到的 Cookie。",
    auto_error=False,
)
_bearer = HTTPBearer(
    scheme_name="apiKey",
    bearerFormat="tjk_<prefix>_<secret>",
    description="API 密钥：Authorization: Bearer tjk_…",
    auto_error=False,
)


async def current_user(
    request: Request,
    _cookie_scheme: Annotated[str | None, Security(_cookie)] = None,
    _bearer_scheme: Annotated[object, Security(_bearer)] = None,
) -> Principal:
    """Who makes this request: by API key when an `Authorization` header is sent, else by cookie.

    Looked up in a short transaction of its own: the one of the request may last as long as an
    upload, and must not hold the key's row, nor a connection, while the body arrives.

    Raises:
        AppError: `unauthenticated` without valid credentials, `cross-site-request` when another
            site used the cookie.
    """
    authorization = request.headers.get("authorization")
    async with services(request).database.session() as session:
        if authorization is not None:
            principal = await _by_key(session, authorization)
        else:
            principal = await user_of_cookie(session, request.cookies.get(SESSION_COOKIE))
        await session.commit()
    if principal is not None and authorization is None:
        require_same_origin(request)
    if principal is None:
        raise AppError(
            "unauthenticated",
            "登录已失效或密钥无效，请重新登录，或带上有效的 API 密钥"
            "（Authorization: Bearer tjk_…）。",
        )
    request.state.principal_name = principal.username
    # A page that fails still shows its visitor the way on.
    request.state.principal = principal
    return replace(principal, request_id=request.state.request_id)


async def user_of_cookie(session: AsyncSession, token: str | None) -> Principal | None:
    """Who holds this session cookie; None when nobody does, or no longer."""
    user = await user_of_session(session, token) if token else None
    return principal_of(user) if user is not None else None


class _Requirement:
    """A dependency that lets a request pass when its principal has a scope."""

    def __init__(self, scope: AccessScope) -> None:
        self._scope = scope

    def __call__(self, principal: Annotated[Principal, Depends(current_user)]) -> Principal:
        """The principal, once it is known to have the scope."""
        principal.require(self._scope)
        return principal


class _EditorRequirement(_Requirement):
    """Lets those pass who may write documents that judge everybody's calls."""

    def __call__(self, principal: Annotated[Principal, Depends(current_user)]) -> Principal:
        """The principal, once it is known to be a manager or an administrator who may write."""
        principal.require_role("admin", "manager")
        return super().__call__(principal)


Reader = Annotated[Principal, Depends(_Requirement("read"))]
Appellant = Annotated[Principal, Depends(_Requirement("appeal"))]
Writer = Annotated[Principal, Depends(_Requirement("write"))]
Admin = Annotated[Principal, Depends(_Requirement("admin"))]
Editor = Annotated[Principal, Depends(_EditorRequirement("write"))]


async def sign_in(
    session: AsyncSession, request: Request, username: str, password: str
) -> tuple[Principal, str]:
    """Check a name and password; the principal and the token of a new sign-in session.

    Raises:
        AppError: `cross-site-request`, `too-many-attempts`, or `bad-credentials` (the same for an
            unknown name, a wrong password and a disabled account).
    """
    require_same_origin(request)
    throttle: SignInThrottle = request.app.state.throttle
    address = request.client.host if request.client else "unknown"
    throttle.attempt(username, address)
    user = await find_user(session, username)
    stored = user.password_hash if user is not None else None
    # The hash is slow on purpose: other requests go on meanwhile.
    matches = await asyncio.to_thread(check_password, password, stored)
    if user is None or not matches or user.disabled:
        raise AppError("bad-credentials", "用户名或密码不正确，请检查后重试。")
    throttle.succeeded(username, address)
    request.state.principal_name = user.username
    await delete_expired_sessions(session)
    hours = services(request).settings.api.session_hours
    return principal_of(user), await open_session(session, user, hours)


async def change_password(
    session: AsyncSession, request: Request, principal: Principal, current: str, new: str
) -> None:
    """Give the signed-in person a new password; other browsers have to sign in again.

    Raises:
        AppError: `forbidden` for an API key, `too-many-attempts` as at sign-in, `wrong-password`,
            `weak-password`.
    """
    if principal.key_id is not None:
        raise AppError("forbidden", "API 密钥不能修改密码。请用浏览器登录后修改。")
    require_strong(new)
    if new == current:
        raise AppError("weak-password", "新密码与当前密码相同。请换一个。")
    throttle: SignInThrottle = request.app.state.throttle
    address = request.client.host if request.client else "unknown"
    throttle.attempt(principal.username, address)
    user = await get_user(session, principal.user_id)
    if not await asyncio.to_thread(check_password, current, user.password_hash):
        raise AppError("wrong-password", "当前密码不正确，请重新输入。")
    throttle.succeeded(principal.username, address)
    await set_password(session, user, new, kept_token=request.cookies.get(SESSION_COOKIE))
    record(session, principal.actor, "user.password_changed", "user", user.id)


async def sign_out(session: AsyncSession, token: str | None) -> None:
    """End the sign-in session of this cookie, if there is one."""
    if token:
        await close_session(session, token)


def set_session_cookie(response: Response, token: str, settings: ApiSettings) -> None:
    """Hand the token to the browser: out of reach of scripts, and of other sites' posts."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=settings.session_hours * 3600,
        path="/",
        httponly=True,
        secure=settings.secure_cookies,
        samesite=_SAME_SITE,
    )


def clear_session_cookie(response: Response, settings: ApiSettings) -> None:
    """Make the browser forget the token."""
    response.delete_cookie(
        SESSION_COOKIE,
        path="/",
        httponly=True,
        secure=settings.secure_cookies,
        samesite=_SAME_SITE,
    )


def principal_of(user: User, key: ApiKey | None = None) -> Principal:
    """What a user, or a key that acts for one, may do."""
    return Principal(
        user_id=user.id,
        username=user.username,
        display_name=user.display_name or user.username,
        role=user.role,
        teams=tuple(str(team) for team in user.teams),
        agent=user.agent,
        scopes=effective_scopes(user.role, key.scopes if key is not None else None),
        key_id=key.id if key is not None else None,
    )


async def _by_key(session: AsyncSession, authorization: str) -> Principal | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    found = await user_of_key(session, credentials.strip())
    return principal_of(*found) if found is not None else None
