"""The settings page: API keys for everybody, receivers and users for administrators.

The forms do what the operations of /api/v1 do, through the same functions and body models, and
need no script. What is shown once is on the page that answers the form; all else redirects.
"""

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Admin, Reader, change_password
from api.errors import status_of
from api.principal import Principal
from api.services import SessionDep
from api.v1.api_keys import routes as keys
from api.v1.api_keys.schemas import NewApiKey
from api.v1.session.schemas import PasswordChange
from api.v1.users import routes as users
from api.v1.users.schemas import NewUser, UserChange
from api.v1.webhooks import routes as hooks
from api.v1.webhooks.schemas import EndpointChange, NewEndpoint
from api.web.page_route import PageRoute
from api.web.rendering import render
from api.web.settings_view import Told, settings_values
from core.errors import AppError

router = APIRouter(prefix="/settings", route_class=PageRoute, include_in_schema=False)

Section = Literal["password", "keys", "webhooks", "users"]
Body = TypeVar("Body", bound=BaseModel)
Text = Annotated[str, Form()]
Several = Annotated[list[str], Form()]


@router.get("")
async def settings_page(request: Request, principal: Reader, session: SessionDep) -> Response:
    """Keys, and for administrators receivers and users."""
    return await _page(request, principal, session)


@router.post("/api-keys")
async def create_key(
    request: Request,
    principal: Reader,
    session: SessionDep,
    name: Text = "",
    scopes: Several = [],  # noqa: B006 - the framework copies it
) -> Response:
    """Make a key and show it this once."""

    async def work() -> Told:
        body = _body(NewApiKey, name=name.strip(), scopes=scopes)
        made = await keys.create_api_key(body, principal, session)
        return Told("settings.key_made", made.name, made.key)

    return await _answer(request, principal, session, "keys", work)


@router.post("/api-keys/{key_id}/revoke")
async def revoke_key(
    key_id: uuid.UUID, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """End a key for good."""

    async def work() -> None:
        await keys.revoke_api_key(key_id, principal, session)

    return await _answer(request, principal, session, "keys", work)


@router.post("/webhooks")
async def create_endpoint(
    request: Request,
    principal: Admin,
    session: SessionDep,
    url: Text = "",
    description: Text = "",
    event_types: Several = [],  # noqa: B006 - the framework copies it
) -> Response:
    """Add a receiver and show its signing secret this once."""

    async def work() -> Told:
        body = _body(
            NewEndpoint, url=url.strip(), description=description.strip(), event_types=event_types
        )
        made = await hooks.create_endpoint(body, principal, session)
        return Told("settings.endpoint_made", made.url, made.secret)

    return await _answer(request, principal, session, "webhooks", work)


@router.post("/webhooks/{endpoint_id}/switch")
async def switch_endpoint(
    endpoint_id: uuid.UUID,
    request: Request,
    principal: Admin,
    session: SessionDep,
    enabled: Annotated[bool, Form()],
) -> Response:
    """Pause or resume a receiver."""

    async def work() -> None:
        await hooks.change_endpoint(
            endpoint_id, EndpointChange(enabled=enabled), principal, session
        )

    return await _answer(request, principal, session, "webhooks", work)


@router.post("/webhooks/{endpoint_id}/test")
async def send_test_event(
    endpoint_id: uuid.UUID, request: Request, principal: Admin, session: SessionDep
) -> Response:
    """Queue a test message."""

    async def work() -> None:
        await hooks.send_test_event(endpoint_id, principal, session)

    return await _answer(request, principal, session, "webhooks", work)


@router.post("/deliveries/{message_id}/replay")
async def replay_delivery(
    message_id: uuid.UUID, request: Request, principal: Admin, session: SessionDep
) -> Response:
    """Queue a message again."""

    async def work() -> None:
        await hooks.replay_delivery(message_id, principal, session)

    return await _answer(request, principal, session, "webhooks", work)


@router.post("/password")
async def change_own_password(
    request: Request,
    principal: Reader,
    session: SessionDep,
    current: Text = "",
    new: Text = "",
    repeated: Text = "",
) -> Response:
    """Change the own password."""

    async def work() -> Told:
        if new != repeated:
            raise AppError("validation-failed", "两次输入的新密码不一样。请重新输入。")
        body = _body(PasswordChange, current=current, new=new)
        await change_password(session, request, principal, body.current, body.new)
        return Told("settings.password_changed", principal.username)

    return await _answer(request, principal, session, "password", work)


@router.post("/users")
async def create_user(
    request: Request,
    principal: Admin,
    session: SessionDep,
    username: Text = "",
    role: Text = "",
    display_name: Text = "",
    teams: Text = "",
    agent: Text = "",
    password: Text = "",
) -> Response:
    """Add a user; a generated password is shown this once."""

    async def work() -> Told:
        body = _body(
            NewUser,
            username=username.strip(),
            role=role,
            display_name=display_name.strip(),
            teams=team_names(teams),
            agent=agent.strip() or None,
            password=password or None,
        )
        made = await users.create_user(body, principal, session)
        return Told("settings.user_made", made.username, made.password or "")

    return await _answer(request, principal, session, "users", work)


@router.post("/users/{user_id}")
async def change_user(
    user_id: uuid.UUID,
    request: Request,
    principal: Admin,
    session: SessionDep,
    role: Text = "",
    display_name: Text = "",
    teams: Text = "",
    agent: Text = "",
) -> Response:
    """Change a user's role, name, teams and agent name."""

    async def work() -> None:
        body = _body(
            UserChange,
            role=role,
            display_name=display_name.strip(),
            teams=team_names(teams),
            agent=agent.strip(),
        )
        await users.change_user(user_id, body, principal, session)

    return await _answer(request, principal, session, "users", work)


@router.post("/users/{user_id}/switch")
async def switch_user(
    user_id: uuid.UUID,
    request: Request,
    principal: Admin,
    session: SessionDep,
    disabled: Annotated[bool, Form()],
) -> Response:
    """Disable or enable a user."""

    async def work() -> None:
        await users.change_user(user_id, UserChange(disabled=disabled), principal, session)

    return await _answer(request, principal, session, "users", work)


@router.post("/users/{user_id}/reset-password")
async def reset_password(
    user_id: uuid.UUID, request: Request, principal: Admin, session: SessionDep
) -> Response:
    """Give a user a new password and show it this once."""

    async def work() -> Told:
        body = UserChange(reset_password=True)
        changed = await users.change_user(user_id, body, principal, session)
        return Told("settings.password_reset", changed.username, changed.password or "")

    return await _answer(request, principal, session, "users", work)


def team_names(text: str) -> list[str]:
    """The names in a field, separated by commas (Chinese ones too) or `、`; each once."""
    return list(dict.fromkeys(name.strip() for name in re.split("[,，、]", text) if name.strip()))


def _body(model: type[Body], **values: object) -> Body:
    """The body of an operation from a form's fields.

    Raises:
        AppError: `validation-failed` naming the field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AppError(
            "validation-failed", f"{place} 不正确：{first['msg']}。请更正后重试。"
        ) from error


async def _answer(
    request: Request,
    principal: Principal,
    session: AsyncSession,
    section: Section,
    work: Callable[[], Awaitable[Told | None]],
) -> Response:
    """Do the form's work; back to its section, or the page with a secret or with what is wrong."""
    try:
        # Undone as a whole when it fails, so that the page shows what is really stored.
        async with session.begin_nested():
            told = await work()
    except AppError as error:
        return await _page(request, principal, session, section=section, error=error)
    if told is None:
        return RedirectResponse(f"/settings#{section}", status_code=303)
    return await _page(request, principal, session, section=section, told=told)


async def _page(
    request: Request,
    principal: Principal,
    session: AsyncSession,
    *,
    section: Section = "keys",
    told: Told | None = None,
    error: AppError | None = None,
) -> Response:
    values: dict[str, Any] = {
        "user": principal,
        "section": section,
        "told": told,
        "error": error.message if error is not None else "",
        **await settings_values(session, principal),
    }
    status = 200 if error is None else status_of(error.code)
    return render(request, "settings.html", values, status=status)
