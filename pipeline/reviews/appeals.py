"""Appeals: an agent disputes hits of a reviewed call; somebody else has the final word."""

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.actors import Actor
from models.audit import record
from models.reviews.reviews import hold_review, open_appeal, touch, view_of
from models.reviews.states import step
from models.reviews.verdicts import current_verdicts
from models.tables import Appeal, Call, FindingVerdict
from pipeline.reviews.judging import settled, store_verdict, stored_results
from pipeline.reviews.scoring import rescore
from pipeline.webhooks import (
    APPEAL_DECIDED,
    APPEAL_OPENED,
    APPEAL_WITHDRAWN,
    announce,
    appeal_data,
)


async def appeal(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    *,
    rules: Sequence[str],
    reason: str,
    now: dt.datetime,
    base_url: str = "",
) -> Appeal:
    """The new appeal against hits of the call.

    Raises:
        AppError: `bad-appeal` without a reason or for rules that do not stand as hits; what
            `step` refuses (not the own call, too late, not reviewed).
    """
    review = await hold_review(session, call.id)
    state = step(view_of(review, call), "appeal", actor, now)
    wanted = tuple(dict.fromkeys(rules))
    if not reason.strip() or not wanted:
        raise AppError("bad-appeal", "申诉要写明理由，并选择至少一项扣分。")
    analysis, _ = await stored_results(session, call)
    verdicts = await current_verdicts(session, call.id)
    hits = {item.rule for item in analysis.findings if item.outcome == "hit"}
    standing = {rule for rule in hits | set(verdicts) if _stands(rule, hits, verdicts)}
    if refused := [rule for rule in wanted if rule not in standing]:
        raise AppError(
            "bad-appeal",
            f"{'、'.join(refused)} 没有被判命中，不能申诉。请只选择命中的规则。",
            detail={"rules": refused},
        )
    assert actor.user_id is not None
    row = Appeal(
        id=new_id(),
        call_id=call.id,
        rules=list(wanted),
        reason=reason.strip(),
        opened_by=actor.user_id,
        opened_by_name=actor.username,
    )
    session.add(row)
    review.state = state
    touch(review, now)
    record(
        session, actor, "appeal.opened", "call", call.id,
        before={"state": "reviewed"}, after={"state": state, "rules": list(wanted)},
    )  # fmt: skip
    await session.flush()
    await session.refresh(row)
    await announce(session, APPEAL_OPENED, appeal_data(call, row, base_url), call.id)
    return row


async def withdraw(
    session: AsyncSession, call: Call, actor: Actor, *, now: dt.datetime, base_url: str = ""
) -> Appeal:
    """The appeal, taken back by who made it; the review is as it was before.

    Raises:
        AppError: what `step` refuses.
    """
    review = await hold_review(session, call.id)
    row = await open_appeal(session, call.id)
    state = step(view_of(review, call, row), "withdraw", actor, now)
    assert row is not None
    row.state = "withdrawn"
    review.state = state
    touch(review, now)
    record(
        session, actor, "appeal.withdrawn", "call", call.id,
        before={"state": "appealed"}, after={"state": state},
    )  # fmt: skip
    await session.flush()
    await announce(session, APPEAL_WITHDRAWN, appeal_data(call, row, base_url), call.id)
    return row


async def decide(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    *,
    upheld: Sequence[str],
    comment: str,
    now: dt.datetime,
    base_url: str = "",
) -> Appeal:
    """The appeal with the final judgement; the review is final.

    `upheld` are the disputed rules in which the agent is right: their hits are taken back. The
    other disputed ones are confirmed. Either way the final verdict replaces the reviewer's.

    Raises:
        AppError: `bad-appeal` for rules that were not disputed, or without a comment; what `step`
            refuses (the reviewer or the appellant themselves).
    """
    review = await hold_review(session, call.id)
    row = await open_appeal(session, call.id)
    state = step(view_of(review, call, row), "decide", actor, now)
    assert row is not None
    disputed = [str(rule) for rule in row.rules]
    if refused := [rule for rule in upheld if rule not in disputed]:
        raise AppError("bad-appeal", f"{'、'.join(refused)} 不在申诉之列。请只选择申诉的规则。")
    if not comment.strip():
        raise AppError("bad-appeal", "终审要写明理由，坐席会看到。")
    analysis, transcript = await stored_results(session, call)
    verdicts = await current_verdicts(session, call.id)
    for finding in analysis.findings:
        # A rule that a later analysis no longer knows has nothing left to judge.
        if (rule := finding.rule) not in disputed:
            continue
        verdict = settled(
            call, finding, "clear" if rule in upheld else "hit",
            stage="final", actor=actor, transcript=transcript, standing=verdicts.get(rule),
            comment=comment.strip(),
        )  # fmt: skip
        await store_verdict(session, call, verdict, actor, base_url)
    row.state = "upheld" if upheld else "rejected"
    row.decided_by, row.decided_by_name, row.decided_at = actor.user_id, actor.username, now
    row.decision_comment = comment.strip()
    review.state, review.final_by, review.final_at = state, actor.user_id, now
    touch(review, now)
    await rescore(session, call, review, analysis)
    record(
        session, actor, "appeal.decided", "call", call.id,
        before={"state": "appealed"},
        after={"state": state, "decision": row.state, "upheld": list(upheld)},
    )  # fmt: skip
    await session.flush()
    await announce(session, APPEAL_DECIDED, appeal_data(call, row, base_url), call.id)
    return row


def _stands(rule: str, hits: set[str], verdicts: Mapping[str, FindingVerdict]) -> bool:
    verdict = verdicts.get(rule)
    return rule in hits if verdict is None else verdict.outcome == "hit"
