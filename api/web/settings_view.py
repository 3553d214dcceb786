"""What the settings page shows: keys, receivers with their recent deliveries, users."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import ACCESS_SCOPES, Principal
from models import access, webhooks
from models.access import ROLES
from models.passwords import SHORTEST_PASSWORD
from models.tables import ApiKey, User, WebhookDelivery, WebhookEndpoint, WebhookMessage

_RECENT = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What the last form did: words under `key`, filled with `name`, and a secret shown once."""

    key: str
    name: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One API key; `owner` is empty for the visitor's own."""

    id: uuid.UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    owner: str
    owner_disabled: bool
    created_at: dt.datetime
    last_used_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One message with its last attempt. `outcome` is a status, an error, or empty."""

    id: uuid.UUID
    event_type: str
    url: str
    state: str
    created_at: dt.datetime
    attempts: int
    outcome: str
    call_id: uuid.UUID | None


async def settings_values(session: AsyncSession, principal: Principal) -> dict[str, Any]:
    """The values of the page; receivers and users are None for those who may not see them."""
    administers = "admin" in principal.scopes
    users = await access.list_users(session)
    values: dict[str, Any] = {
        "keys": _keys(await access.list_api_keys(session), users, principal),
        "scope_choices": [scope for scope in ACCESS_SCOPES if scope in principal.scopes],
        "endpoints": None,
        "deliveries": None,
        "users": None,
        "event_choices": webhooks.EVENT_TYPES,
        "role_choices": ROLES,
        "shortest_password": SHORTEST_PASSWORD,
    }
    if administers:
        endpoints = await webhooks.list_endpoints(session)
        page = await webhooks.list_messages(session, reader=principal.user_id, limit=_RECENT)
        attempts = await webhooks.attempts_of(session, [row.id for row in page.items])
        values |= {
            "endpoints": endpoints,
            "deliveries": _deliveries(page.items, attempts, endpoints),
            "users": users,
        }
    return values


def _keys(
    rows: Sequence[ApiKey], users: Sequence[User], principal: Principal
) -> tuple[KeyRow, ...]:
    owners = {user.id: user for user in users}
    administers = "admin" in principal.scopes
    return tuple(
        KeyRow(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            scopes=tuple(str(scope) for scope in row.scopes),
            owner="" if row.user_id == principal.user_id else owners[row.user_id].username,
            owner_disabled=owners[row.user_id].disabled,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
        if administers or row.user_id == principal.user_id
    )


def _deliveries(
    messages: Sequence[WebhookMessage],
    attempts: Mapping[uuid.UUID, Sequence[WebhookDelivery]],
    endpoints: Sequence[WebhookEndpoint],
) -> tuple[DeliveryRow, ...]:
    urls = {row.id: row.url for row in endpoints}
    found = []
    for message in messages:
        tried = attempts.get(message.id, ())
        found.append(
            DeliveryRow(
                id=message.id,
                event_type=message.event_type,
                url=urls.get(message.endpoint_id, ""),
                state=message.state,
                created_at=message.created_at,
                attempts=len(tried),
                outcome=_outcome(tried[-1]) if tried else "",
                call_id=message.call_id,
            )
        )
    return tuple(found)


def _outcome(attempt: WebhookDelivery) -> str:
    if attempt.status_code is not None:
        return f"HTTP {attempt.status_code}"
    return attempt.error or ""
