"""One review as the API and the pages show it."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import Principal
from api.v1.reviews.schemas import (
    Appeal,
    AppealState,
    QueueItem,
    Review,
    ReviewedFinding,
    ScorePair,
    Standing,
    Verdict,
)
from core.evidence import Evidence
from core.serial import from_json
from models.reviews.queue import QueueEntry
from models.reviews.reviews import find_review, view_of
from models.reviews.samples import sampled_rules
from models.reviews.states import ReviewState, possible
from models.reviews.verdicts import Decision, ReasonCode, VerdictStage, verdict_history
from models.tables import Appeal as AppealRow
from models.tables import Call, FindingVerdict, User
from models.tables import Review as ReviewRow
from pipeline.reviews.judging import stored_results
from pipeline.reviews.workflow import needs_verdict
from qa_rules.findings import Score

_UNFINISHED = ("pending", "assigned")


async def review_detail(
    session: AsyncSession, principal: Principal, call: Call, now: dt.datetime
) -> Review:
    """The review; an agent sees what was judged only once the review is finished.

    Raises:
        AppError: `not-ready` before the call is analysed.
    """
    analysis, _ = await stored_results(session, call)
    row = await find_review(session, call.id)
    appeals = await appeals_of(session, call.id)
    waiting = next((item for item in appeals if item.state == "open"), None)
    state = cast(ReviewState, row.state if row else "pending")
    hidden = principal.role == "agent" and state in _UNFINISHED
    history = [] if hidden else list(await verdict_history(session, call.id))
    current = {item.rule: item for item in history if item.standing == "current"}
    sampled = {} if principal.role == "agent" else await sampled_rules(session, call.id)
    names = await _names(session, row)
    human = row.score_document if row and not hidden else None
    return Review(
        call_id=call.id,
        state=state,
        version=row.version if row else 0,
        holder=names.get(row.holder_id) if row and row.holder_id else None,
        lock_expires_at=row.lock_expires_at if row else None,
        reviewer=names.get(row.reviewer_id) if row and row.reviewer_id else None,
        reviewed_at=row.reviewed_at if row else None,
        comment="" if row is None or hidden else row.comment,
        appeal_until=row.appeal_until if row else None,
        final_at=row.final_at if row else None,
        stale=bool(row and row.stale),
        machine_score=analysis.score,
        human_score=from_json(Score, human, "已存人工得分") if human else None,
        actions=list(possible(view_of(row, call, waiting), principal.actor, now)),
        findings=[
            ReviewedFinding(
                finding=finding,
                verdict=verdict_of(current[finding.rule]) if finding.rule in current else None,
                sampled=finding.rule in sampled,
                waiting=finding.rule not in current and needs_verdict(finding, sampled),
            )
            for finding in analysis.findings
        ],
        appeals=[appeal_of(item) for item in appeals],
        history=[verdict_of(item) for item in history],
    )


def queue_item(entry: QueueEntry) -> QueueItem:
    """One line of the queue."""
    call, row = entry.call, entry.review
    return QueueItem(
        call_id=call.id,
        state=cast(ReviewState, row.state if row else "pending"),
        version=row.version if row else 0,
        file_name=call.file_name,
        external_id=call.external_id,
        agent=call.agent,
        team=call.team,
        campaign=call.campaign,
        called_at=call.called_at,
        received_at=call.received_at,
        duration_ms=call.duration_ms,
        machine=ScorePair(score=call.score, passed=call.passed, vetoed=call.vetoed),
        human=ScorePair(
            score=row.score if row else None,
            passed=row.passed if row else None,
            vetoed=row.vetoed if row else None,
        ),
        holder=entry.holder or None,
        lock_expires_at=row.lock_expires_at if row else None,
        reviewer=entry.reviewer or None,
        appeal_until=row.appeal_until if row else None,
        stale=bool(row and row.stale),
        samples=list(entry.samples),
        hits=list(entry.hits),
    )


def verdict_of(row: FindingVerdict) -> Verdict:
    """A stored verdict as it is shown."""
    return Verdict(
        id=row.id,
        rule=row.rule,
        rule_name=row.rule_name,
        ruleset=row.ruleset,
        machine_outcome=row.machine_outcome,
        decision=cast(Decision, row.decision),
        outcome="hit" if row.outcome == "hit" else "clear",
        reason_code=cast(ReasonCode, row.reason_code) if row.reason_code else None,
        comment=row.comment,
        evidence=[from_json(Evidence, item, "已存复核证据") for item in row.evidence],
        stage=cast(VerdictStage, row.stage),
        standing=cast(Standing, row.standing),
        by=row.username,
        at=row.created_at,
    )


def appeal_of(row: AppealRow) -> Appeal:
    """A stored appeal as it is shown."""
    return Appeal(
        id=row.id,
        call_id=row.call_id,
        state=cast(AppealState, row.state),
        rules=[str(rule) for rule in row.rules],
        reason=row.reason,
        opened_by=row.opened_by_name,
        opened_at=row.opened_at,
        decided_by=row.decided_by_name or None,
        decided_at=row.decided_at,
        decision_comment=row.decision_comment or None,
    )


async def appeals_of(session: AsyncSession, call_id: uuid.UUID) -> list[AppealRow]:
    """Every appeal of a call, oldest first."""
    rows = await session.scalars(
        select(AppealRow).where(AppealRow.call_id == call_id).order_by(AppealRow.id)
    )
    return list(rows)


async def _names(session: AsyncSession, row: ReviewRow | None) -> Mapping[uuid.UUID, str]:
    ids: Iterable[uuid.UUID | None] = (row.holder_id, row.reviewer_id) if row else ()
    wanted = [identifier for identifier in ids if identifier is not None]
    if not wanted:
        return {}
    rows = await session.execute(
        select(User.id, User.display_name, User.username).where(User.id.in_(wanted))
    )
    return {item.id: item.display_name or item.username for item in rows}
