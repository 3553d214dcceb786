"""Shapes of users."""

import datetime as dt
import uuid
from typing import Self

from pydantic import BaseModel, Field, model_validator

from api.principal import Role
from models.passwords import SHORTEST_PASSWORD
from models.tables import User as UserRow

_LONGEST = 200
_ROLE = "角色：admin 全部，manager 自己团队的通话，reviewer 全部通话，agent 只读自己的通话"
_TEAMS = "所属团队，限定 manager 能看到的通话"
_AGENT = "对应通话里的坐席名，限定 agent 能看到的通话"
_PASSWORD = f"密码，至少 {SHORTEST_PASSWORD} 个字符"


class NewUser(BaseModel):
    """A user to be added."""

    model_config = {"extra": "forbid"}

    username: str = Field(min_length=1, max_length=64, description="登录名，不含空格与斜线")
    role: Role = Field(description=_ROLE)
    display_name: str = Field("", max_length=_LONGEST, description="显示的名字；空则用登录名")
    teams: list[str] = Field(default_factory=list, max_length=100, description=_TEAMS)
    agent: str | None = Field(None, max_length=_LONGEST, description=_AGENT)
    password: str | None = Field(
        None, max_length=_LONGEST, description=f"{_PASSWORD}；不写则生成一个，在应答里显示一次"
    )


class UserChange(BaseModel):
    """What to change of a user; what is left out stays."""

    model_config = {"extra": "forbid"}

    role: Role | None = Field(None, description=_ROLE)
    display_name: str | None = Field(None, max_length=_LONGEST, description="显示的名字")
    teams: list[str] | None = Field(None, max_length=100, description=_TEAMS)
    agent: str | None = Field(None, max_length=_LONGEST, description=f"{_AGENT}；空文字表示没有")
    disabled: bool | None = Field(
        None, description="true 停用：立即结束登录，其 API 密钥失效；false 恢复"
    )
    password: str | None = Field(
        None, max_length=_LONGEST, description=f"新{_PASSWORD}；会结束该用户的所有登录"
    )
    reset_password: bool = Field(
        False, description="true：生成新密码，在应答里显示一次，并结束该用户的所有登录"
    )

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.reset_password and self.password is not None:
            raise ValueError("password 与 reset_password 只能给一个")
        return self


class User(BaseModel):
    """A user."""

    id: uuid.UUID
    username: str
    display_name: str
    role: Role = Field(description=_ROLE)
    teams: list[str] = Field(description=_TEAMS)
    agent: str | None = Field(description=_AGENT)
    disabled: bool = Field(description="停用的用户不能登录，其密钥无效")
    created_at: dt.datetime


class UserWithPassword(User):
    """A user that was added or changed, with the password that was generated."""

    password: str | None = Field(description="生成的密码，只显示这一次；没有生成时为 null")


class UserList(BaseModel):
    """All users, by name."""

    items: list[User]


def user_of(row: UserRow) -> User:
    """What may be shown of a stored user."""
    return User.model_validate(
        {
            "id": row.id,
            "username": row.username,
            "display_name": row.display_name,
            "role": row.role,
            "teams": [str(team) for team in row.teams],
            "agent": row.agent,
            "disabled": row.disabled,
            "created_at": row.created_at,
        }
    )
