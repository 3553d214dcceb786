"""Which calls somebody may see: one rule, as limits of a query and as a predicate."""

import uuid
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
    those who see everything. `reader` is who reads: a call that they judge blind is there, but
    what was found in it is not.
    """

    teams: frozenset[str] | None = None
    agent: str | None = None
    reader: uuid.UUID | None = None

    @property
    def unlimited(self) -> bool:
        """Whether every call is inside."""
        return self.teams is None and self.agent is None

    def narrow(self, where: CallFilter) -> CallFilter:
        """The same filter within this limit, for a list of the calls themselves."""
        teams = None if self.teams is None else tuple(sorted(self.teams))
        return replace(where, teams=teams, own_agent=self.agent, reader=self.reader)

    def narrow_results(self, where: CallFilter) -> CallFilter:
        """The same for what was found in the calls: those that are judged blind are left out."""
        return replace(self.narrow(where), reads_results=True)

    def allows(self, call: _Owned) -> bool:
        """Whether this one call is inside: the same answer as `narrow` in SQL."""
        if self.teams is not None and call.team not in self.teams:
            return False
        return self.agent is None or call.agent == self.agent
