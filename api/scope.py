"""Which calls somebody may see: one rule, as limits of a query and as a predicate."""

from dataclasses import dataclass, replace
from typing import Protocol

from models.calls import CallFilter


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

    teams: frozenset[str] | None = None
    agent: str | None = None

    def narrow(self, where: CallFilter) -> CallFilter:
        """The same filter within this limit."""
        teams = None if self.teams is None else tuple(sorted(self.teams))
        return replace(where, teams=teams, own_agent=self.agent)

    def allows(self, call: _Owned) -> bool:
        """Whether this one call is inside: the same answer as `narrow` in SQL."""
        if self.teams is not None and call.team not in self.teams:
            return False
        return self.agent is None or call.agent == self.agent


EVERYTHING = CallScope()
NOTHING = CallScope(teams=frozenset())
