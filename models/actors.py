"""Actor: who does something, as far as rules of permission and the audit trail need to know."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person, a program acting for one, or the service itself.

    `teams` limits a manager, `agent` is the agent name of an agent's account. `key_id` names the
    API key that was used, `request_id` the request; both are empty inside the service.
    """

    username: str
    role: str
    user_id: uuid.UUID | None = None
    teams: frozenset[str] = frozenset()
    agent: str | None = None
    key_id: uuid.UUID | None = None
    request_id: str = ""


SYSTEM = Actor(username="system", role="system")
"""The service itself, for what it does on its own (deadlines that pass)."""
