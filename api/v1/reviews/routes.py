"""The review queue and the steps of one review."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import Reader, Writer
from api.blinding import unblinded_call
from api.openapi import answers, sends, shows
from api.services import ServicesDep, SessionDep
from api.v1.calls.examples import CALL_ID
from api.v1.reviews.detail import queue_item, review_detail
from api.v1.reviews.examples import (
    ASSIGNMENT,
    LOCK,
    NEW_VERDICT,
    QUEUE,
    REOPENING,
    REVIEW,
    SUBMISSION,
)
from api.v1.reviews.filters import QueueFilterDep
from api.v1.reviews.schemas import (
    Assignment,
    LockRequest,
    NewVerdict,
    Reopening,
    Review,
    ReviewQueue,
    Submission,
)
from core.errors import AppError
from models.access import find_user
from models.reviews.queue import QueueOrder, list_queue
from pipeline.reviews import workflow
from pipeline.reviews.judging import Judgement, Span, judge

router = APIRouter(prefix="/reviews", tags=["reviews"])

CallId = Annotated[uuid.UUID, Path(description="通话编号", **shows(call=CALL_ID))]
_REFUSALS = ["not-found", "not-ready", "blind-calibration", "review-state", "review-refused"]


@router.get(
    "",
    response_model=ReviewQueue,
    summary="复核队列",
    description="列出已分析的通话和它们的复核状态。所有条件同时满足；主管只看到自己团队，坐席只看到自己。",
    responses=answers(QUEUE, errors=["bad-cursor"]),
)
async def list_reviews(
    principal: Reader,
    session: SessionDep,
    where: QueueFilterDep,
    mine: Annotated[bool, Query(description="只列在我手上的", **shows(no=False))] = False,
    order: Annotated[
        QueueOrder, Query(description="newest 新的在前，oldest 旧的在前", **shows(oldest="oldest"))
    ] = "newest",
    cursor: Annotated[
        str | None,
        Query(
            description="上一页的 next_cursor",
            max_length=100,
            **shows(next="AZQS1HwAejGcVQo_bx8rEQ"),
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="每页条数", **shows(fifty=50))] = 50,
) -> ReviewQueue:
    """One page of the queue within the reader's scope."""
    where = replace(where, calls=principal.call_scope.narrow_results(where.calls))
    if mine:
        where = replace(where, holder_id=principal.user_id)
    page = await list_queue(session, where, cursor, limit, order)
    return ReviewQueue(
        items=[queue_item(entry) for entry in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/{call_id}",
    response_model=Review,
    summary="一通通话的复核",
    description="返回每条规则的机器结论与人工判定、两种得分、申诉、判定历史，以及当前账号可做的操作。",
    responses=answers(REVIEW, errors=["not-found", "not-ready", "blind-calibration"]),
)
async def read_review(call_id: CallId, principal: Reader, session: SessionDep) -> Review:
    """One review with its findings and history."""
    call = await unblinded_call(session, principal, call_id)
    return await review_detail(session, principal, call, _now())


@router.post(
    "/{call_id}/lock",
    response_model=Review,
    summary="领取或接手复核",
    description="领取后别人不能判定，直到放回、提交或锁定到期；再次领取会延长锁定。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-locked"]),
    openapi_extra=sends(LOCK),
)
async def take_review(
    call_id: CallId,
    body: LockRequest,
    principal: Writer,
    session: SessionDep,
    services: ServicesDep,
) -> Review:
    """Take a review, or take it over."""
    call, now = await unblinded_call(session, principal, call_id), _now()
    lock_for = dt.timedelta(minutes=services.settings.review.lock_minutes)
    await workflow.take(
        session, call, principal.actor, now=now, lock_for=lock_for, take_over=body.take_over
    )
    return await review_detail(session, principal, call, now)


@router.delete(
    "/{call_id}/lock",
    response_model=Review,
    summary="放回队列",
    description="不再复核这一通；已做的判定保留。",
    responses=answers(REVIEW, errors=_REFUSALS),
)
async def release_review(call_id: CallId, principal: Writer, session: SessionDep) -> Review:
    """Give a review back."""
    call, now = await unblinded_call(session, principal, call_id), _now()
    await workflow.release(session, call, principal.actor, now=now)
    return await review_detail(session, principal, call, now)


@router.post(
    "/{call_id}/assignment",
    response_model=Review,
    summary="分派复核",
    description="主管或管理员把一通分派给某人，没有时限。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "bad-assignee"]),
    openapi_extra=sends(ASSIGNMENT),
)
async def assign_review(
    call_id: CallId, body: Assignment, principal: Writer, session: SessionDep
) -> Review:
    """Give a review to somebody."""
    call, now = await unblinded_call(session, principal, call_id), _now()
    user = await find_user(session, body.username)
    if user is None:
        raise AppError("bad-assignee", f"没有用户 {body.username}。请从用户列表里选择。")
    await workflow.assign(session, call, principal.actor, user, now=now)
    return await review_detail(session, principal, call, now)


@router.post(
    "/{call_id}/verdicts",
    response_model=Review,
    summary="判定一条规则",
    description=(
        "确认、推翻机器的结论，或补充机器漏掉的命中（选中一段话作证据）。"
        "机器结果不会被改写；同一条规则再判一次会取代上一次，旧的留在历史里。"
    ),
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-conflict", "bad-verdict"]),
    openapi_extra=sends(NEW_VERDICT),
)
async def judge_finding(
    call_id: CallId,
    body: NewVerdict,
    principal: Writer,
    session: SessionDep,
    services: ServicesDep,
) -> Review:
    """Judge one finding."""
    call, now = await unblinded_call(session, principal, call_id), _now()
    span = body.span
    await judge(
        session,
        call,
        principal.actor,
        Judgement(
            rule=body.rule,
            decision=body.decision,
            reason_code=body.reason_code,
            comment=body.comment,
            span=Span(**span.model_dump()) if span else None,
        ),
        version=body.version,
        now=now,
        lock_for=dt.timedelta(minutes=services.settings.review.lock_minutes),
        base_url=services.settings.api.public_url,
    )
    return await review_detail(session, principal, call, now)


@router.post(
    "/{call_id}/submission",
    response_model=Review,
    summary="提交复核",
    description="每个命中和每个抽中的项都判定之后提交；坐席从此可以申诉，直到期限。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-conflict", "review-incomplete"]),
    openapi_extra=sends(SUBMISSION),
)
async def submit_review(
    call_id: CallId,
    body: Submission,
    principal: Writer,
    session: SessionDep,
    services: ServicesDep,
) -> Review:
    """Finish a review."""
    call, now = await unblinded_call(session, principal, call_id), _now()
    await workflow.submit(
        session,
        call,
        principal.actor,
        version=body.version,
        now=now,
        appeal_for=dt.timedelta(days=services.settings.review.appeal_days),
        comment=body.comment,
        confirm_rest=body.confirm_rest,
        base_url=services.settings.api.public_url,
    )
    return await review_detail(session, principal, call, now)


@router.post(
    "/{call_id}/reopening",
    response_model=Review,
    summary="重新打开复核",
    description="主管或管理员把已复核或终审的通话放回队列；判定保留，等人重新判。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-conflict"]),
    openapi_extra=sends(REOPENING),
)
async def reopen_review(
    call_id: CallId, body: Reopening, principal: Writer, session: SessionDep
) -> Review:
    """Open a finished review again."""
    call, now = await unblinded_call(session, principal, call_id), _now()
    await workflow.reopen(session, call, principal.actor, version=body.version, now=now)
    return await review_detail(session, principal, call, now)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
