"""Judging one finding: what a reviewer says becomes a verdict, beside the machine's finding."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.errors import AppError
from core.evidence import Evidence
from events.places import span_of
from models.actors import Actor
from models.audit import record
from models.results import StoredAnalysis, load_analysis, load_transcript
from models.reviews.reviews import hold_review, touch, view_of
from models.reviews.states import step
from models.reviews.verdicts import (
    Decision,
    NewVerdict,
    ReasonCode,
    VerdictStage,
    add_verdict,
    current_verdicts,
    evidence_of,
    places_of,
)
from models.tables import Call, FindingVerdict, Review
from pipeline.reviews.scoring import rescore
from pipeline.webhooks import (
    FINDING_REVIEWED,
    FINDING_WITHDRAWN,
    announce,
    reviewed_data,
)
from qa_rules.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of one utterance that the reviewer marked, in code points of its raw text."""

    utterance: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a reviewer says of one rule on one call.

    `confirm`: the machine is right, hit or clear. `overturn`: a hit is none, or what could not be
    decided is none; needs a reason. `add`: the rule is broken where the machine says that it is
    not; needs a reason and the span that shows it.
    """

    rule: str
    decision: Decision
    reason_code: ReasonCode | None = None
    comment: str = ""
    span: Span | None = None


async def judge(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    judgement: Judgement,
    *,
    version: int | None,
    now: dt.datetime,
    lock_for: dt.timedelta,
    base_url: str = "",
) -> tuple[Review, FindingVerdict]:
    """The review and the new verdict, with the human score recomputed and the lock prolonged.

    Raises:
        AppError: what `hold_review` and `step` refuse; `not-found` for a rule that the call's rule
            set does not have; `bad-verdict` for a decision that does not fit the finding.
    """
    review = await hold_review(session, call.id, version)
    step(view_of(review, call), "judge", actor, now)
    analysis, transcript = await stored_results(session, call)
    finding = finding_of(analysis, judgement.rule)
    verdict = _new_verdict(call, finding, judgement, transcript, actor)
    row = await store_verdict(session, call, verdict, actor, base_url)
    prolong(review, now, lock_for)
    await rescore(session, call, review, analysis)
    await session.flush()
    return review, row


async def retract(
    session: AsyncSession,
    call: Call,
    actor: Actor,
    rule: str,
    *,
    version: int | None,
    now: dt.datetime,
    lock_for: dt.timedelta,
    base_url: str = "",
) -> Review:
    """The review without the verdict on one rule, which is to be judged again.

    Only while the review is not submitted. The verdict stays in the history as withdrawn.

    Raises:
        AppError: `not-found` for a rule without a verdict; what `hold_review` and `step` refuse.
    """
    review = await hold_review(session, call.id, version)
    step(view_of(review, call), "judge", actor, now)
    analysis, _ = await stored_results(session, call)
    row = (await current_verdicts(session, call.id)).get(rule)
    if row is None:
        raise AppError("not-found", f"规则 {rule} 还没有判定，没有可以撤销的。请刷新查看。")
    row.standing = "withdrawn"
    await session.flush()
    record(session, actor, "finding.withdrawn", "call", call.id, before=_told(row))
    await announce(session, FINDING_WITHDRAWN, reviewed_data(call, row, base_url), call.id)
    prolong(review, now, lock_for)
    await rescore(session, call, review, analysis)
    await session.flush()
    return review


def prolong(review: Review, now: dt.datetime, lock_for: dt.timedelta) -> None:
    """Count a change by the holder, and keep the lock from running out meanwhile."""
    touch(review, now)
    if review.lock_expires_at is not None:
        review.lock_expires_at = now + lock_for


async def store_verdict(
    session: AsyncSession, call: Call, verdict: NewVerdict, actor: Actor, base_url: str
) -> FindingVerdict:
    """The stored verdict, entered in the audit trail and announced."""
    before = (await current_verdicts(session, call.id)).get(verdict.finding.rule)
    row = await add_verdict(session, verdict)
    record(
        session, actor, "finding.judged", "call", call.id,
        before=None if before is None else _told(before), after=_told(row),
    )  # fmt: skip
    await announce(session, FINDING_REVIEWED, reviewed_data(call, row, base_url), call.id)
    return row


def settled(
    call: Call,
    finding: Finding,
    outcome: Literal["hit", "clear"],
    *,
    stage: VerdictStage,
    actor: Actor,
    transcript: Transcript,
    standing: FindingVerdict | None = None,
    comment: str = "",
) -> NewVerdict:
    """A verdict of this outcome, whatever decision it takes against the machine's finding.

    An added hit that stays keeps the evidence of the verdict that stood before.
    """
    assert actor.user_id is not None
    evidence: tuple[Evidence, ...] = finding.evidence
    if outcome == "hit" and finding.outcome != "hit" and standing is not None:
        evidence = evidence_of(standing)
    return NewVerdict(
        call_id=call.id,
        finding=finding,
        decision=_decision(finding, outcome),
        outcome=outcome,
        stage=stage,
        user_id=actor.user_id,
        username=actor.username,
        evidence=evidence,
        places=places_of(evidence, transcript),
        comment=comment,
    )


async def stored_results(session: AsyncSession, call: Call) -> tuple[StoredAnalysis, Transcript]:
    """Analysis and transcript of a call.

    Raises:
        AppError: `not-ready` before it is analysed, or while it is analysed again.
    """
    analysis = await load_analysis(session, call.id)
    transcript = await load_transcript(session, call.id)
    if analysis is None or transcript is None:
        raise AppError(
            "not-ready", "这通通话还没有分析完成，不能复核。请稍后再试。",
            detail={"state": call.state},
        )  # fmt: skip
    return analysis, transcript


def finding_of(analysis: StoredAnalysis, rule: str) -> Finding:
    """The finding of one rule.

    Raises:
        AppError: `not-found`.
    """
    for finding in analysis.findings:
        if finding.rule == rule:
            return finding
    raise AppError("not-found", f"这通通话的规则集里没有规则 {rule}。请从质检结果里选择。")


def _new_verdict(
    call: Call, finding: Finding, judgement: Judgement, transcript: Transcript, actor: Actor
) -> NewVerdict:
    outcome = _outcome(finding, judgement)
    if judgement.decision != "confirm" and judgement.reason_code is None:
        raise _bad("推翻或补充时要选择原因", judgement)
    if judgement.reason_code == "other" and not judgement.comment.strip():
        raise _bad("原因为“其他”时要写说明", judgement)
    if judgement.decision == "add":
        if judgement.span is None:
            raise _bad("补充命中时要选中作为证据的那一段话", judgement)
        evidence: tuple[Evidence, ...] = (_marked(judgement.span, transcript),)
    else:
        evidence = finding.evidence
    assert actor.user_id is not None
    return NewVerdict(
        call_id=call.id,
        finding=finding,
        decision=judgement.decision,
        outcome=outcome,
        stage="review",
        user_id=actor.user_id,
        username=actor.username,
        evidence=evidence,
        places=places_of(evidence, transcript),
        reason_code=judgement.reason_code or "",
        comment=judgement.comment.strip(),
    )


def _outcome(finding: Finding, judgement: Judgement) -> Literal["hit", "clear"]:
    match judgement.decision, finding.outcome:
        case "confirm", "hit":
            return "hit"
        case "confirm", "clear":
            return "clear"
        case "overturn", "hit" | "undecidable":
            return "clear"
        case "add", "clear" | "undecidable" | "not_applicable":
            return "hit"
        case "confirm", _:
            raise _bad("机器没有下结论，请选择推翻（未违反）或补充命中", judgement)
        case "overturn", _:
            raise _bad("机器没有报命中；要记一次违规请用补充命中并选中证据", judgement)
        case _:
            raise _bad("机器已经报命中；同意请确认，不同意请推翻", judgement)


def _decision(finding: Finding, outcome: Literal["hit", "clear"]) -> Decision:
    if finding.outcome == outcome:
        return "confirm"
    return "add" if outcome == "hit" else "overturn"


def _marked(span: Span, transcript: Transcript) -> Evidence:
    by_index = {utterance.index: utterance for utterance in transcript.utterances}
    utterance = by_index.get(span.utterance)
    if utterance is None or not 0 <= span.char_start < span.char_end <= len(utterance.text):
        raise AppError(
            "bad-verdict",
            "证据不在转写里：请选中某一句里的一段文字。",
            detail={"utterance": span.utterance},
        )
    heard = span_of(utterance, span.char_start, span.char_end)
    return Evidence(
        utterance=utterance.index,
        role=utterance.role,
        char_start=span.char_start,
        char_end=span.char_end,
        start_ms=heard.start_ms,
        end_ms=heard.end_ms,
        layer="human",
        form="raw",
        score=1.0,
        text=utterance.text[span.char_start : span.char_end],
    )


def _told(row: FindingVerdict) -> dict[str, object]:
    return {
        "rule": row.rule, "decision": row.decision, "outcome": row.outcome,
        "reason_code": row.reason_code, "stage": row.stage, "by": row.username,
    }  # fmt: skip


def _bad(reason: str, judgement: Judgement) -> AppError:
    return AppError(
        "bad-verdict", f"不能这样判定：{reason}。",
        detail={"rule": judgement.rule, "decision": judgement.decision},
    )  # fmt: skip
