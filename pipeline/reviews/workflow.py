"""The way of a call through its review: taken, assigned, released, submitted, closed, reopened."""

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.access import may_review
from models.actors import SYSTEM, Actor
from models.audit import record
from models.results import StoredAnalysis
from models.reviews.reviews import find_review, hold_review, open_appeal, touch, view_of
from models.reviews.samples import sampled_rules
from models.reviews.states import ReviewAction, possible, step
from models.reviews.verdicts import current_verdicts
from models.tables import Call, FindingVerdict, Review, ReviewSampleItem, User
from pipeline.reviews.judging import settled, store_verdict, stored_results
from pipeline.reviews.scoring import rescore
from pipeline.webhooks import (
    REVIEW_ASSIGNED,
    REVIEW_COMPLETED,
    REVIEW_FINALISED,
    REVIEW_RELEASED,
    REVIEW_REOPENED,
    announce,
    completed_review_data,
    review_step_data,
)
from qa_rules.findings import Finding

# More names than this are not read; the panel marks every finding that waits.
_NAMED = 5


async def take(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    *,
    now: dt.datetime,
    lock_for: dt.timedelta,
    take_over: bool = False,
    version: int | None = None,
    base_url: str = "",
) -> Review:
    """The review, locked for the actor until `now + lock_for`; taking it again prolongs the lock.

    `take_over` takes it from whoever holds it, where the state machine allows that.
    `version` is the one that the caller has seen.

    Raises:
        AppError: `review-locked` while somebody else works on it, `review-conflict` when it was
            changed since, and what else `step` refuses.
    """
    review = await hold_review(session, call.id, version)
    held_by_other = review.holder_id is not None and review.holder_id != actor.user_id
    action: ReviewAction = "take_over" if take_over and held_by_other else "take"
    state = step(view_of(review, call), action, actor, now)
    before, is_new = review.state, review.holder_id != actor.user_id
    _keep(session, actor, review, f"review.{'taken_over' if held_by_other else 'taken'}", state)
    if is_new or review.lock_expires_at is not None:
        review.lock_expires_at = now + lock_for
    review.holder_id = actor.user_id
    review.state = state
    touch(review, now)
    await session.flush()
    if is_new:
        data = review_step_data(call, review, before, actor, actor.username, base_url)
        await announce(session, REVIEW_ASSIGNED, data, call.id)
    return review


async def assign(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    to: User,
    *,
    now: dt.datetime,
    base_url: str = "",
) -> Review:
    """The review, given to a person without a time limit.

    Raises:
        AppError: `bad-assignee` when that person cannot review; what `step` refuses.
    """
    if not may_review(to):
        raise AppError("bad-assignee", f"{to.username} 不能复核通话。请选择质检员、主管或管理员。")
    if to.role == "manager" and call.team not in to.teams:
        raise AppError("bad-assignee", f"{to.username} 不管这个团队。请选择别人。")
    review = await hold_review(session, call.id)
    state = step(view_of(review, call), "assign", actor, now)
    before = review.state
    _keep(session, actor, review, "review.assigned", state, holder=to.username)
    review.state, review.holder_id, review.lock_expires_at = state, to.id, None
    touch(review, now)
    await session.flush()
    data = review_step_data(call, review, before, actor, to.username, base_url)
    await announce(session, REVIEW_ASSIGNED, data, call.id)
    return review


async def release(
    session: AsyncSession, call: Call, actor: Actor, *, now: dt.datetime, base_url: str = ""
) -> Review:
    """The review, back in the queue; verdicts made so far stay.

    Raises:
        AppError: what `step` refuses.
    """
    review = await hold_review(session, call.id)
    state = step(view_of(review, call), "release", actor, now)
    before = review.state
    _keep(session, actor, review, "review.released", state)
    review.state, review.holder_id, review.lock_expires_at = state, None, None
    touch(review, now)
    await session.flush()
    data = review_step_data(call, review, before, actor, None, base_url)
    await announce(session, REVIEW_RELEASED, data, call.id)
    return review


async def submit(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    *,
    version: int | None,
    now: dt.datetime,
    appeal_for: dt.timedelta,
    comment: str = "",
    confirm_rest: bool = False,
    base_url: str = "",
) -> Review:
    """The finished review; from now on its agent may appeal, for `appeal_for`.

    Every hit and every sampled finding must have a verdict. `confirm_rest` confirms the hits that
    have none; sampled findings must each be judged, or the sample would say what is convenient.

    Raises:
        AppError: `review-incomplete`, naming the rules; what `hold_review` and `step` refuse.
    """
    review = await hold_review(session, call.id, version)
    state = step(view_of(review, call), "submit", actor, now)
    analysis, transcript = await stored_results(session, call)
    waiting = await unjudged(session, call, analysis)
    sampled = set(await sampled_rules(session, call.id))
    if confirm_rest:
        for finding in [item for item in waiting if item.rule not in sampled]:
            verdict = settled(
                call, finding, "hit", stage="review", actor=actor, transcript=transcript
            )
            await store_verdict(session, call, verdict, actor, base_url)
        waiting = [item for item in waiting if item.rule in sampled]
    if waiting:
        raise AppError(
            "review-incomplete",
            f"还有 {len(waiting)} 项没有判定：{_named(waiting)}。请逐项确认或推翻后再提交。",
            detail={"rules": [item.rule for item in waiting]},
        )
    _keep(session, actor, review, "review.submitted", state)
    review.state, review.holder_id, review.lock_expires_at = state, None, None
    review.reviewer_id, review.reviewed_at = actor.user_id, now
    review.comment = comment.strip()
    review.appeal_until = now + appeal_for
    review.stale = False
    touch(review, now)
    await rescore(session, call, review, analysis)
    await session.flush()
    data = completed_review_data(call, review, actor.username, base_url)
    await announce(session, REVIEW_COMPLETED, data, call.id)
    return review


async def reopen(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    *,
    version: int | None,
    now: dt.datetime,
    base_url: str = "",
) -> Review:
    """The review, pending again; the verdicts stay until somebody judges anew.

    Raises:
        AppError: what `hold_review` and `step` refuse.
    """
    review = await hold_review(session, call.id, version)
    state = step(view_of(review, call), "reopen", actor, now)
    before = review.state
    _keep(session, actor, review, "review.reopened", state)
    review.state = state
    review.reviewer_id = review.reviewed_at = review.appeal_until = None
    review.final_by = review.final_at = None
    touch(review, now)
    await session.flush()
    data = review_step_data(call, review, before, actor, None, base_url)
    await announce(session, REVIEW_REOPENED, data, call.id)
    return review


async def finalise_overdue(
    session: AsyncSession, now: dt.datetime, most: int = 1000, base_url: str = ""
) -> int:
    """How many reviews became final because nobody appealed in time; at most `most` at once."""
    overdue = await session.scalars(
        select(Review.call_id)
        .where(Review.state == "reviewed", Review.appeal_until <= now)
        .order_by(Review.appeal_until)
        .limit(most)
    )
    closed = 0
    for call_id in list(overdue):
        review = await hold_review(session, call_id)
        call = await session.get_one(Call, call_id)
        view = view_of(review, call)
        if "finalise" not in possible(view, SYSTEM, now):
            # Appealed or reopened between the two queries.
            continue
        state = step(view, "finalise", SYSTEM, now)
        before = review.state
        _keep(session, SYSTEM, review, "review.finalised", state)
        review.state, review.final_at = state, now
        touch(review, now)
        data = review_step_data(call, review, before, SYSTEM, None, base_url)
        await announce(session, REVIEW_FINALISED, data, call_id)
        closed += 1
    await session.flush()
    return closed


async def unjudged(session: AsyncSession, call: Call, analysis: StoredAnalysis) -> list[Finding]:
    """The findings that a review still has to judge: hits and sampled ones without a verdict."""
    verdicts = await current_verdicts(session, call.id)
    sampled = await sampled_rules(session, call.id)
    return [
        finding
        for finding in analysis.findings
        if finding.rule not in verdicts and needs_verdict(finding, sampled)
    ]


def needs_verdict(finding: Finding, sampled: Mapping[str, ReviewSampleItem]) -> bool:
    """Whether a review must judge it: every hit, and what was sampled and is still the same."""
    return finding.outcome == "hit" or (
        finding.rule in sampled and finding.outcome in ("clear", "undecidable")
    )


async def steps_for(
    session: AsyncSession, call: Call, actor: Actor, now: dt.datetime
) -> tuple[Review | None, tuple[ReviewAction, ...]]:
    """The review of a call and what the actor could do with it now."""
    review = await find_review(session, call.id)
    appeal = await open_appeal(session, call.id)
    return review, possible(view_of(review, call, appeal), actor, now)


def changed_since(verdicts: Mapping[str, FindingVerdict], analysis: StoredAnalysis) -> bool:
    """Whether the machine now reports a hit that nobody has judged."""
    return any(
        finding.outcome == "hit" and finding.rule not in verdicts for finding in analysis.findings
    )


def _named(findings: Sequence[Finding]) -> str:
    names = "、".join(item.rule_name for item in findings[:_NAMED])
    return f"{names}等" if len(findings) > _NAMED else names


def _keep(
    session: AsyncSession, actor: Actor, review: Review, action: str, state: str, **more: object
) -> None:
    record(
        session, actor, action, "call", review.call_id,
        before={"state": review.state}, after={"state": state, **more},
    )  # fmt: skip
