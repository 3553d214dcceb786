"""What the pages show of reviews: the panel beside a call, the queue's filters, the ledger."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import parse_qsl

from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import Principal
from api.v1.reviews.detail import review_detail
from api.v1.reviews.schemas import Review
from api.web.call_view import score_sum
from api.web.rendering import query
from api.web.rule_view import rule_cards
from core.errors import AppError
from models.access import display_names, reviewers
from models.calls import CallFilter
from models.reviews.calibrations import open_items
from models.reviews.queue import QueueFilter, QueueOrder
from models.reviews.states import ReviewState
from models.reviews.verdicts import ReasonCode
from models.tables import Call
from qa_rules.findings import RuleSeverity

# "Does not" reasons first; the last one wants an explanation.
REASONS: tuple[str, ...] = get_args(ReasonCode)
OVERTURN_REASONS = tuple(code for code in REASONS if code != "missed-by-rule")
ADD_REASONS = ("missed-by-rule", "asr-error", "wrong-speaker", "other")
QUEUE_STATES: tuple[ReviewState, ...] = get_args(ReviewState)
SEVERITIES: tuple[str, ...] = get_args(RuleSeverity)
QUEUE_FIELDS = (
    "show", "state", "severity", "score_below", "rule", "team", "campaign", "agent",
    "older_than_days", "sample", "mine", "order",
)  # fmt: skip

NO_REVIEW: Mapping[str, Any] = {
    "review": None, "judged": {}, "people": {}, "came_from": "", "human_sum": None,
}  # fmt: skip
"""The same for a call whose review is not shown."""


NOT_BLIND: Mapping[str, Any] = {"blind_items": (), "blind_rules": {}}
"""What a call's page shows to judge blind: nothing."""


async def blind_values(
    session: AsyncSession, principal: Principal, call_id: uuid.UUID
) -> dict[str, Any]:
    """What the visitor judges blind on this call, with what the rules say."""
    items = await open_items(session, call_id, principal.user_id)
    return {
        "blind_items": items,
        "blind_rules": await rule_cards(session, (item.ruleset for item in items)),
    }


async def review_values(
    session: AsyncSession, principal: Principal, call: Call, came_from: str = ""
) -> dict[str, Any]:
    """What `call.html` shows of the call's review; `review` is None before it is analysed."""
    try:
        review = await review_detail(session, principal, call, dt.datetime.now(dt.UTC))
    except AppError as error:
        if error.code != "not-ready":
            raise
        return {**NO_REVIEW, "came_from": came_from}
    return {
        "review": review,
        "human_sum": score_sum(review.human_score) if review.human_score else None,
        "assignees": await _assignees(session) if "assign" in review.actions else [],
        "judged": {item.finding.rule: item for item in review.findings},
        "people": await display_names(session),
        "standing_hits": standing_hits(review),
        "open_appeal": next((a for a in review.appeals if a.state == "open"), None),
        "waiting": sum(item.waiting for item in review.findings),
        "overturn_reasons": OVERTURN_REASONS,
        "add_reasons": ADD_REASONS,
        "came_from": came_from,
    }


async def _assignees(session: AsyncSession) -> list[tuple[str, str]]:
    """User name and shown name of everybody who may review."""
    return [
        (user.username, user.display_name or user.username) for user in await reviewers(session)
    ]


def standing_hits(review: Review) -> dict[str, str]:
    """Rule id -> name of what stands as a hit: the machine's, unless a person said otherwise."""
    return {
        item.finding.rule: item.finding.rule_name
        for item in review.findings
        if (item.verdict.outcome if item.verdict else item.finding.outcome) == "hit"
    }


def given_queue(parameters: Mapping[str, str]) -> dict[str, str]:
    """The known queue filters that are not empty, as text."""
    found = {name: parameters.get(name, "").strip() for name in QUEUE_FIELDS}
    return {name: value for name, value in found.items() if value}


def queue_from(came_from: str) -> dict[str, str]:
    """The filters of the queue that a call was opened from."""
    return given_queue(dict(parse_qsl(came_from.lstrip("?"))))


def queue_query(given: Mapping[str, str]) -> str:
    """The filters as they are handed from page to page, without the question mark."""
    return query(given).lstrip("?")


def queue_filter_of(given: Mapping[str, str], principal: Principal) -> QueueFilter:
    """The filter that these texts describe, within what the visitor may see.

    Without `show`, only what needs a person is listed (for an agent, everything finished); a state
    of finished reviews lists all of them, and one's own list everything that one holds.

    Raises:
        AppError: `validation-failed` naming the field that is not understood.
    """
    where = CallFilter(
        agent=given.get("agent"),
        team=given.get("team"),
        campaign=given.get("campaign"),
        rule=given.get("rule"),
    )
    state = given.get("state")
    if state is not None and state not in QUEUE_STATES:
        raise _wrong("state", "、".join(QUEUE_STATES))
    severity = given.get("severity")
    if severity is not None and severity not in SEVERITIES:
        raise _wrong("severity", "、".join(SEVERITIES))
    days = _number(given, "older_than_days")
    is_agent = principal.role == "agent"
    states: tuple[ReviewState, ...] = (state,) if state else ()
    show = given.get("show")
    if not state and is_agent and show != "all":
        states = ("reviewed", "appealed", "final")
    if not state and show == "todo":
        states = ("pending", "assigned", "appealed")
    return QueueFilter(
        calls=principal.call_scope.narrow_results(where),
        states=states,
        attention=(
            not is_agent
            and show is None
            and state not in ("reviewed", "final")
            and "mine" not in given
        ),
        stale=not is_agent and show == "stale",
        severity=severity,
        sample=_identifier(given, "sample"),
        holder_id=principal.user_id if given.get("mine") else None,
        waiting_since=(
            dt.datetime.now(dt.UTC) - dt.timedelta(days=days) if days is not None else None
        ),
        score_below=_number(given, "score_below"),
    )


def order_of(given: Mapping[str, str]) -> QueueOrder:
    """In which order the queue is shown and worked on."""
    return "oldest" if given.get("order") == "oldest" else "newest"


def _number(given: Mapping[str, str], name: str) -> float | None:
    if name not in given:
        return None
    try:
        value = float(given[name])
    except ValueError as error:
        raise _wrong(name, "数字") from error
    if not 0 <= value <= 100_000:
        raise _wrong(name, "不小于 0 的数字")
    return value


def _identifier(given: Mapping[str, str], name: str) -> uuid.UUID | None:
    if name not in given:
        return None
    try:
        return uuid.UUID(given[name])
    except ValueError as error:
        raise _wrong(name, "列表里的一项") from error


def _wrong(name: str, expected: str) -> AppError:
    return AppError(
        "validation-failed",
        f"筛选条件 {name} 应为{expected}，请更正后再查询。",
        detail={"field": name},
    )
