"""Sign in, sign out, who am I."""

from fastapi import APIRouter, Request, Response, status

from api.auth import (
    SESSION_COOKIE,
    Reader,
    change_password,
    clear_session_cookie,
    set_session_cookie,
    sign_in,
    sign_out,
)
from api.openapi import answers, sends
from api.services import ServicesDep, SessionDep
from api.v1.session.examples import PASSWORD_CHANGE, SESSION, SIGN_IN
from api.v1.session.schemas import CurrentSession, PasswordChange, SignIn, session_of

router = APIRouter(prefix="/session", tags=["session"])


@router.post(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="登录",
    description=(
        "用户名和密码登录，浏览器得到 HttpOnly Cookie。\n\n"
        "同一用户名在同一地址 5 分钟内失败 5 次后需等待；程序对接请改用 API 密钥。"
    ),
    responses=answers(
        status=204,
        description="已登录，响应头 Set-Cookie 带有 tingjian_session",
        errors=["bad-credentials", "too-many-attempts"],
        signed_in=False,
    ),
    openapi_extra=sends(SIGN_IN),
)
async def create_session(
    credentials: SignIn, request: Request, session: SessionDep, services: ServicesDep
) -> Response:
    """Sign in with name and password; the browser gets the session cookie."""
    _, token = await sign_in(session, request, credentials.username, credentials.password)
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    set_session_cookie(response, token, services.settings.api)
    return response


@router.get(
    "",
    response_model=CurrentSession,
    summary="当前登录者",
    description="返回当前 Cookie 或 API 密钥对应的用户、角色和权限。",
    responses=answers(SESSION),
)
async def read_session(principal: Reader) -> CurrentSession:
    """Who the cookie or key of this request belongs to."""
    return session_of(principal)


@router.put(
    "/password",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="修改自己的密码",
    description=(
        "浏览器登录的人修改自己的密码；其他浏览器上的登录随即失效，API 密钥不变。"
        "当前密码输错的次数与登录合并限制。"
    ),
    responses=answers(
        status=204,
        description="已修改",
        errors=["wrong-password", "weak-password", "too-many-attempts"],
    ),
    openapi_extra=sends(PASSWORD_CHANGE),
)
async def change_own_password(
    body: PasswordChange, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """Change the password of who is signed in."""
    await change_password(session, request, principal, body.current, body.new)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="退出登录",
    description="结束当前浏览器登录，Cookie 立即失效。",
    responses=answers(status=204, description="已退出"),
)
async def delete_session(
    request: Request, _principal: Reader, session: SessionDep, services: ServicesDep
) -> Response:
    """End this sign-in session."""
    await sign_out(session, request.cookies.get(SESSION_COOKIE))
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    clear_session_cookie(response, services.settings.api)
    return response
