"""The review queue and the steps of one review."""

import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api.auth import Reader, Writer
from api.openapi import answers, sends, shows
from api.paging import Limit, next_cursor
from api.services import SessionDep
from api.v1.calls.examples import CALL_ID
from api.v1.reviews.desk import DeskDep
from api.v1.reviews.detail import queue_item
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
from models.reviews.queue import QueueOrder, list_queue
from pipeline.reviews.judging import Judgement, Span

router = APIRouter(prefix="/reviews", tags=["reviews"])

CallId = Annotated[uuid.UUID, Path(description="通话编号", **shows(call=CALL_ID))]
Order = Annotated[
    QueueOrder, Query(description="newest 新的在前，oldest 旧的在前", **shows(oldest="oldest"))
]
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
    order: Order = "newest",
    cursor: Annotated[str | None, next_cursor("AZQS1HwAejGcVQo_bx8rEQ")] = None,
    limit: Limit = 50,
) -> ReviewQueue:
    """One page of the queue within the reader's scope."""
    where = replace(where, calls=principal.call_scope.narrow_results(where.calls))
    if mine:
        where = replace(where, holder_id=principal.user_id)
    page = await list_queue(session, where, cursor, limit, order)
    return ReviewQueue(
        items=[queue_item(entry) for entry in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "/next",
    response_model=Review,
    summary="领取下一通",
    description=(
        "领取队列里下一通没人在做的（或别人锁定已到期的），条件与队列相同；两人同时领取不会拿到同一通。"
        "没有可领的时答 204。"
    ),
    responses={
        **answers(REVIEW),
        **answers(status=204, description="没有可以领取的"),
    },
)
async def take_next_review(
    principal: Writer,
    desk: DeskDep,
    where: QueueFilterDep,
    order: Order = "newest",
    after: Annotated[
        uuid.UUID | None,
        Query(description="刚才那一通：从它后面接着找", **shows(call=CALL_ID)),
    ] = None,
) -> Review | Response:
    """Take the next free call of the queue."""
    where = replace(where, calls=principal.call_scope.narrow_results(where.calls))
    call = await desk.take_next(where, order, after)
    return Response(status_code=204) if call is None else await desk.review(call.id)


@router.get(
    "/{call_id}",
    response_model=Review,
    summary="一通通话的复核",
    description="返回每条规则的机器结论与人工判定、两种得分、申诉、判定历史，以及当前账号可做的操作。",
    responses=answers(REVIEW, errors=["not-found", "not-ready", "blind-calibration"]),
)
async def read_review(call_id: CallId, desk: DeskDep) -> Review:
    """One review with its findings and history."""
    return await desk.review(call_id)


@router.post(
    "/{call_id}/lock",
    response_model=Review,
    summary="领取或接手复核",
    description="领取后别人不能判定，直到放回、提交或锁定到期；再次领取会延长锁定。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-locked"]),
    openapi_extra=sends(LOCK),
)
async def take_review(
    call_id: CallId, body: LockRequest, _principal: Writer, desk: DeskDep
) -> Review:
    """Take a review, or take it over."""
    return await desk.review(call_id, lambda call: desk.take(call, take_over=body.take_over))


@router.delete(
    "/{call_id}/lock",
    response_model=Review,
    summary="放回队列",
    description="不再复核这一通；已做的判定保留。",
    responses=answers(REVIEW, errors=_REFUSALS),
)
async def release_review(call_id: CallId, _principal: Writer, desk: DeskDep) -> Review:
    """Give a review back."""
    return await desk.review(call_id, desk.release)


@router.post(
    "/{call_id}/assignment",
    response_model=Review,
    summary="分派复核",
    description="主管或管理员把一通分派给某人，没有时限。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "bad-assignee"]),
    openapi_extra=sends(ASSIGNMENT),
)
async def assign_review(
    call_id: CallId, body: Assignment, _principal: Writer, desk: DeskDep
) -> Review:
    """Give a review to somebody."""
    return await desk.review(call_id, lambda call: desk.assign(call, body.username))


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
    call_id: CallId, body: NewVerdict, _principal: Writer, desk: DeskDep
) -> Review:
    """Judge one finding."""
    judgement = Judgement(
        rule=body.rule,
        decision=body.decision,
        reason_code=body.reason_code,
        comment=body.comment,
        span=Span(**body.span.model_dump()) if body.span else None,
    )
    return await desk.review(call_id, lambda call: desk.judge(call, judgement, body.version))


@router.delete(
    "/{call_id}/verdicts/{rule}",
    response_model=Review,
    summary="撤销判定",
    description="提交之前撤销对一条规则的判定，回到待判；撤销的留在历史里。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-conflict"]),
)
async def retract_verdict(
    call_id: CallId,
    rule: Annotated[str, Path(description="规则编号", max_length=200, **shows(rule="overpromise"))],
    _principal: Writer,
    desk: DeskDep,
    version: Annotated[
        int | None, Query(ge=0, description="读到的复核版本", **shows(seen=4))
    ] = None,
) -> Review:
    """Take a verdict back before the review is submitted."""
    return await desk.review(call_id, lambda call: desk.retract(call, rule, version))


@router.post(
    "/{call_id}/submission",
    response_model=Review,
    summary="提交复核",
    description="每个命中和每个抽中的项都判定之后提交；坐席从此可以申诉，直到期限。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-conflict", "review-incomplete"]),
    openapi_extra=sends(SUBMISSION),
)
async def submit_review(
    call_id: CallId, body: Submission, _principal: Writer, desk: DeskDep
) -> Review:
    """Finish a review."""
    return await desk.review(call_id, lambda call: desk.submit(call, **body.model_dump()))


@router.post(
    "/{call_id}/reopening",
    response_model=Review,
    summary="重新打开复核",
    description="主管或管理员把已复核或终审的通话放回队列；判定保留，等人重新判。",
    responses=answers(REVIEW, errors=[*_REFUSALS, "review-conflict"]),
    openapi_extra=sends(REOPENING),
)
async def reopen_review(
    call_id: CallId, body: Reopening, _principal: Writer, desk: DeskDep
) -> Review:
    """Open a finished review again."""
    return await desk.review(call_id, lambda call: desk.reopen(call, body.version))
