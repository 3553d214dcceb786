"""The page of the audit trail, for administrators."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from api.auth import Admin
from api.services import SessionDep
from api.v1.calls.metadata import LOCAL_ZONE
from api.web.page_route import PageRoute
from api.web.rendering import query, render
from core.errors import AppError
from models.access import list_users
from models.actors import SYSTEM
from models.audit import AuditFilter, list_entries

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PAGE_SIZE = 50
_FIELDS = ("username", "action", "object_type", "object_id", "from", "to")


@router.get("/audit")
async def audit_page(request: Request, principal: Admin, session: SessionDep) -> Response:
    """Who did what, newest first."""
    asked = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    given = {name: value for name, value in asked.items() if value}
    cursor = request.query_params.get("cursor") or None
    where = replace(filter_of(given), reader=principal.user_id)
    page = await list_entries(session, where, cursor, _PAGE_SIZE)
    users = await list_users(session)
    values = {
        "user": principal,
        "entries": page.items,
        "people": {row.username: row.display_name or row.username for row in users},
        "usernames": {str(row.id): row.username for row in users},
        "service": SYSTEM.username,
        "asked": asked,
        "given": given,
        "paged": cursor is not None,
        "next_link": (
            "/audit" + query({**given, "cursor": page.next_cursor}) if page.next_cursor else None
        ),
    }
    return render(request, "audit.html", values)


def filter_of(given: Mapping[str, str]) -> AuditFilter:
    """The filter that these texts describe; both days are included, in local time.

    Raises:
        AppError: `validation-failed` for what is no date.
    """
    last = _day(given, "to")
    return AuditFilter(
        username=given.get("username"),
        action=given.get("action"),
        object_type=given.get("object_type"),
        object_id=given.get("object_id"),
        at_from=_day(given, "from"),
        at_to=last + dt.timedelta(days=1) if last else None,
    )


def _day(given: Mapping[str, str], name: str) -> dt.datetime | None:
    if name not in given:
        return None
    try:
        day = dt.date.fromisoformat(given[name])
        # The last day that there is has no day after it.
        return dt.datetime.combine(min(day, dt.date(9000, 1, 1)), dt.time(), LOCAL_ZONE)
    except ValueError as error:
        raise AppError(
            "validation-failed",
            f"筛选条件 {name} 应为日期，例如 2026-01-31，请更正后再查询。",
        ) from error
