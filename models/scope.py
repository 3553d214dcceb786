"""Which calls somebody may see: one rule, as SQL and as a predicate."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, and_, false, true

from models.tables import Call


class _Owned(Protocol):
    @property
    def team(self) -> str | None: ...

    @property
    def agent(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class CallScope:
    """A limit to some teams, to one agent, or neither.

    `teams` None means any team; an empty set means no call at all. `agent` None means any agent.
    A call without a team or agent is outside every limit on it: what nobody owns is seen only by
    those who see everything.
    """

    teams: frozenset[str] | None
    agent: str | None

    @classmethod
    def everything(cls) -> "CallScope":
        """No limit."""
        return cls(teams=None, agent=None)

    @property
    def limited(self) -> bool:
        """Whether some call might be outside."""
        return self.teams is not None or self.agent is not None

    def condition(self) -> ColumnElement[bool]:
        """The limit as a condition on `calls`."""
        parts: list[ColumnElement[bool]] = []
        if self.teams is not None:
            parts.append(Call.team.in_(sorted(self.teams)) if self.teams else false())
        if self.agent is not None:
            parts.append(and_(Call.agent == self.agent, Call.agent != ""))
        return and_(true(), *parts)

    def allows(self, call: _Owned) -> bool:
        """The limit as a predicate on one call: the same answer as `condition` in SQL."""
        if self.teams is not None and call.team not in self.teams:
            return False
        return self.agent is None or (call.agent == self.agent and self.agent != "")
