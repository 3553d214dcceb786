"""Who is asking and what they may do: roles, scopes, and which calls they may see."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from api.scope import CallScope
from core.errors import AppError
from models.actors import Actor

Role = Literal["admin", "manager", "reviewer", "agent"]
AccessScope = Literal["read", "appeal", "write", "admin"]
ACCESS_SCOPES: tuple[AccessScope, ...] = ("read", "appeal", "write", "admin")

# What a role may do at most; an API key narrows it further.
ROLE_SCOPES: Mapping[str, frozenset[AccessScope]] = {
    "admin": frozenset({"read", "appeal", "write", "admin"}),
    "manager": frozenset({"read", "appeal", "write"}),
    "reviewer": frozenset({"read", "write"}),
    "agent": frozenset({"read", "appeal"}),
}

_ROLE_NAMES = {"admin": "管理员", "manager": "主管", "reviewer": "质检员", "agent": "坐席"}
_SCOPE_NAMES = {"read": "读取", "appeal": "申诉", "write": "写入", "admin": "管理"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A signed-in person, or a program that acts for one through an API key.

    `scopes` is what this request may do: the role's, cut down to the key's. `key_id` is None for
    a browser session; `request_id` names the request in logs and in the audit trail.
    """

    user_id: uuid.UUID
    username: str
    display_name: str
    role: str
    teams: tuple[str, ...]
    agent: str | None
    scopes: frozenset[AccessScope]
    key_id: uuid.UUID | None = None
    request_id: str = ""

    @property
    def actor(self) -> Actor:
        """The same as rules of permission and the audit trail know it."""
        return Actor(
            username=self.username,
            role=self.role,
            user_id=self.user_id,
            teams=frozenset(self.teams),
            agent=self.agent,
            key_id=self.key_id,
            request_id=self.request_id,
        )

    @property
    def call_scope(self) -> CallScope:
        """The calls that this principal may see.

        Administrators and reviewers see all; a manager sees the own teams, which may be none;
        an agent sees the own calls. An account without teams or agent name sees nothing.
        """
        if self.role in ("admin", "reviewer"):
            return CallScope(reader=self.user_id)
        if self.role == "manager":
            return CallScope(teams=frozenset(self.teams), reader=self.user_id)
        if self.role == "agent" and self.agent:
            return CallScope(agent=self.agent, reader=self.user_id)
        return CallScope(teams=frozenset(), reader=self.user_id)

    def require_role(self, *roles: str) -> None:
        """Insist on one of some roles.

        Raises:
            AppError: `forbidden`, naming the roles.
        """
        if self.role not in roles:
            names = "、".join(_ROLE_NAMES[role] for role in roles)
            raise AppError(
                "forbidden",
                f"这项操作只对{names}开放；请换用这样的账号，或请他们操作。",
                detail={"roles": list(roles)},
            )

    def require(self, scope: AccessScope) -> None:
        """Insist on a scope.

        Raises:
            AppError: `forbidden`, naming the scope.
        """
        if scope not in self.scopes:
            raise AppError(
                "forbidden",
                f"需要“{_SCOPE_NAMES[scope]}”权限（{scope}）；请换用有该权限的账号或 API 密钥。",
                detail={"scope": scope},
            )


def effective_scopes(
    role: str, key_scopes: Iterable[object] | None = None
) -> frozenset[AccessScope]:
    """The scopes of a role, cut down to those of a key. An unknown role has none."""
    allowed = ROLE_SCOPES.get(role, frozenset())
    if key_scopes is None:
        return allowed
    wanted = set(key_scopes)
    return frozenset(scope for scope in allowed if scope in wanted)
