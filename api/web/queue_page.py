"""The page of the review queue, with the form that draws samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.errors import status_of
from api.principal import Principal
from api.v1.review_samples.routes import sample_of
from api.v1.reviews.detail import queue_item
from api.web.rendering import query, render
from api.web.review_view import (
    QUEUE_FIELDS,
    QUEUE_STATES,
    SEVERITIES,
    given_queue,
    order_of,
    queue_filter_of,
    queue_query,
)
from api.web.rule_view import rules_in_use
from core.errors import AppError
from models.reviews import samples
from models.reviews.queue import QueueFilter, count_queue, list_queue

_PAGE_SIZE = 50
# What the form calls the filters that can be mistyped.
_LABELS = {
    "state": "queue.state",
    "severity": "queue.severity",
    "score_below": "queue.score_below",
    "older_than_days": "queue.older_than",
    "sample": "queue.sample",
}
_COUNTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What was typed to draw a sample, and why it was refused."""

    typed: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    refused: AppError | None = None


_NOTHING_DRAWN = Drawing()


async def show_queue(
    request: Request,
    principal: Principal,
    session: AsyncSession,
    drawing: Drawing = _NOTHING_DRAWN,
) -> Response:
    """The queue as the address describes it; a filter that is not understood keeps what was typed.

    After a refused sample the queue is shown without filters, and what was typed for the sample.
    """
    given = given_queue({} if drawing.refused else request.query_params)
    wrong: AppError | None = None
    listed: dict[str, Any] = {"items": [], "counted": 0, "is_more": False, "next_link": None}
    try:
        where = queue_filter_of(given, principal)
    except AppError as error:
        wrong = error
    else:
        listed = await _listed(session, where, given, request.query_params.get("cursor") or None)
    drawn = await samples.list_samples(session) if "write" in principal.scopes else ()
    progress = await samples.progress_of(session, [row.id for row in drawn])
    values = {
        "user": principal,
        **listed,
        "wrong": _LABELS[str(wrong.detail["field"])] if wrong else "",
        "given": given,
        "asked": {name: given.get(name, "") for name in QUEUE_FIELDS},
        "came_from": queue_query(given),
        "states": QUEUE_STATES,
        "severities": SEVERITIES,
        "rules": await rules_in_use(session),
        "samples": [sample_of(row, progress[row.id]) for row in drawn],
        "shortcuts": await _shortcuts(session, principal),
        "drawing": drawing,
        "paged": "cursor" in request.query_params,
        "none_free": request.query_params.get("none") == "1",
    }
    refused = drawing.refused or wrong
    return render(
        request, "reviews.html", values, status=status_of(refused.code) if refused else 200
    )


async def _listed(
    session: AsyncSession, where: QueueFilter, given: Mapping[str, str], cursor: str | None
) -> dict[str, Any]:
    page = await list_queue(session, where, cursor, _PAGE_SIZE, order_of(given))
    counted = await count_queue(session, where, _COUNTED)
    return {
        "items": [queue_item(entry) for entry in page.items],
        "counted": counted,
        "is_more": counted == _COUNTED,
        "next_link": (
            "/reviews" + query({**given, "cursor": page.next_cursor}) if page.next_cursor else None
        ),
    }


async def _shortcuts(session: AsyncSession, principal: Principal) -> list[tuple[str, str, int]]:
    """What waits for this person: phrase, address, number of calls; nothing that is empty."""
    if "write" not in principal.scopes:
        return []
    everything = queue_filter_of({"show": "all"}, principal)
    mine = replace(everything, holder_id=principal.user_id, states=("assigned",))
    found = [
        ("queue.shortcut_mine", "/reviews?show=all&state=assigned&mine=1", mine),
    ]
    if principal.role in ("admin", "manager"):
        appealed = replace(everything, states=("appealed",))
        found.append(("queue.shortcut_appealed", "/reviews?show=all&state=appealed", appealed))
    counted = [(name, to, await count_queue(session, where, _COUNTED)) for name, to, where in found]
    return [shortcut for shortcut in counted if shortcut[2]]
