"""Shapes of sign-in."""

from pydantic import BaseModel, Field

from api.principal import Principal
from models.passwords import SHORTEST_PASSWORD


class SignIn(BaseModel):
    """Name and password."""

    username: str = Field(min_length=1, max_length=200, description="用户名")
    password: str = Field(min_length=1, max_length=1000, description="密码")


class PasswordChange(BaseModel):
    """The own password, old and new."""

    model_config = {"extra": "forbid"}

    current: str = Field(min_length=1, max_length=1000, description="当前密码")
    new: str = Field(max_length=200, description=f"新密码，至少 {SHORTEST_PASSWORD} 个字符")


class SignedInUser(BaseModel):
    """Who is signed in."""

    username: str = Field(description="用户名")
    display_name: str = Field(description="显示名")
    role: str = Field(description="角色：admin、manager、reviewer、agent")
    teams: list[str] = Field(description="可见团队（manager）")
    agent: str | None = Field(description="对应的坐席名（agent）")
    scopes: list[str] = Field(description="本次请求的权限：read、write、admin")


class CurrentSession(BaseModel):
    """The answer to "who am I"."""

    user: SignedInUser


def session_of(principal: Principal) -> CurrentSession:
    """What a principal is told about itself."""
    return CurrentSession(
        user=SignedInUser(
            username=principal.username,
            display_name=principal.display_name,
            role=principal.role,
            teams=list(principal.teams),
            agent=principal.agent,
            scopes=sorted(principal.scopes),
        )
    )
