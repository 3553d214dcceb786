"""List, add and change users (administrators)."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, status

from api.auth import Admin
from api.openapi import answers, sends, shows
from api.services import SessionDep
from api.v1.users.examples import CHANGE, CHANGED, NEW_USER, USER_ID, USERS, WITH_PASSWORD
from api.v1.users.schemas import NewUser, UserChange, UserList, UserWithPassword, user_of
from core.errors import AppError
from models import access
from models.audit import record
from models.passwords import new_password, require_strong
from models.tables import User

router = APIRouter(prefix="/users", tags=["users"])


@router.get(
    "",
    response_model=UserList,
    summary="用户列表",
    description="按登录名列出全部用户，包括停用的。",
    responses=answers(USERS),
)
async def list_users(_principal: Admin, session: SessionDep) -> UserList:
    """All users, by name."""
    return UserList(items=[user_of(row) for row in await access.list_users(session)])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=UserWithPassword,
    summary="添加用户",
    description="添加用户。不写密码时生成一个，只在这次应答里出现。",
    responses=answers(
        WITH_PASSWORD,
        status=201,
        description="已添加；生成的密码只出现这一次",
        errors=["username-taken", "bad-username", "weak-password"],
    ),
    openapi_extra=sends(NEW_USER),
)
async def create_user(body: NewUser, principal: Admin, session: SessionDep) -> UserWithPassword:
    """A new user, with the password when one was generated."""
    if body.password is not None:
        require_strong(body.password)
    generated = new_password() if body.password is None else None
    row = await access.add_user(
        session,
        username=body.username,
        password=body.password or generated or "",
        role=body.role,
        display_name=body.display_name,
        teams=body.teams,
        agent=body.agent or None,
    )
    await session.refresh(row)
    record(session, principal.actor, "user.added", "user", row.id, after=_told(row))
    return UserWithPassword(**user_of(row).model_dump(), password=generated)


@router.patch(
    "/{user_id}",
    response_model=UserWithPassword,
    summary="修改用户",
    description=(
        "修改角色、名字、团队、坐席名，停用或恢复，重设密码。"
        "停用立即结束登录并使其 API 密钥失效；最后一个管理员不能停用或降级。"
    ),
    responses=answers(CHANGED, errors=["not-found", "last-admin", "weak-password"]),
    openapi_extra=sends(CHANGE, "只写要改的字段"),
)
async def change_user(
    user_id: Annotated[uuid.UUID, Path(description="用户编号", **shows(user=USER_ID))],
    change: UserChange,
    principal: Admin,
    session: SessionDep,
) -> UserWithPassword:
    """Change a user; the answer holds the password when one was generated."""
    try:
        row = await access.get_user(session, user_id)
    except AppError as error:
        if error.code != "not-found":
            raise
        raise AppError("not-found", "没有这个用户；请从用户列表里选择。") from error
    before = _told(row)
    generated = new_password() if change.reset_password else None
    if change.password is not None:
        require_strong(change.password)
    await access.change_user(
        session,
        row,
        role=change.role,
        display_name=change.display_name,
        teams=change.teams,
        agent=change.agent,
        disabled=change.disabled,
    )
    if password := change.password or generated:
        await access.set_password(session, row, password)
        record(session, principal.actor, "user.password_reset", "user", row.id)
    if (after := _told(row)) != before:
        record(session, principal.actor, "user.changed", "user", row.id, before=before, after=after)
    return UserWithPassword(**user_of(row).model_dump(), password=generated)


def _told(row: User) -> dict[str, object]:
    return {
        "username": row.username, "display_name": row.display_name, "role": row.role,
        "teams": list(row.teams), "agent": row.agent, "disabled": row.disabled,
    }  # fmt: skip
