"""Open, list, withdraw and decide appeals."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from api.auth import Appellant, Reader, Writer
from api.openapi import answers, sends, shows
from api.paging import Limit, next_cursor
from api.services import SessionDep
from api.v1.reviews.desk import Desk, DeskDep
from api.v1.reviews.detail import appeal_of
from api.v1.reviews.examples import (
    APPEAL,
    APPEAL_ID,
    APPEALS,
    DECIDED_APPEAL,
    DECISION,
    NEW_APPEAL,
)
from api.v1.reviews.schemas import (
    Appeal,
    AppealDecision,
    AppealedCall,
    AppealList,
    AppealState,
    NewAppeal,
)
from core.errors import AppError
from models.calls import CallFilter
from models.reviews.queue import list_appeals
from models.tables import Appeal as AppealRow
from models.tables import Call

router = APIRouter(prefix="/appeals", tags=["appeals"])

AppealId = Annotated[uuid.UUID, Path(description="申诉编号", **shows(appeal=APPEAL_ID))]
_REFUSALS = ["not-found", "blind-calibration", "review-state", "review-refused", "bad-appeal"]


@router.get(
    "",
    response_model=AppealList,
    summary="申诉列表",
    description="从新到旧列出申诉；主管只看到自己团队，坐席只看到自己。",
    responses=answers(APPEALS, errors=["bad-cursor"]),
)
async def read_appeals(
    principal: Reader,
    session: SessionDep,
    state: Annotated[AppealState | None, Query(description="状态", **shows(open="open"))] = None,
    cursor: Annotated[str | None, next_cursor("AZUSoCAAe7GNAVqdDG9-MA")] = None,
    limit: Limit = 50,
) -> AppealList:
    """One page of appeals within the reader's scope."""
    where = principal.call_scope.narrow_results(CallFilter())
    page = await list_appeals(session, where, state=state, cursor=cursor, limit=limit)
    return AppealList(
        items=[
            AppealedCall(
                appeal=appeal_of(row), agent=call.agent, team=call.team, file_name=call.file_name
            )
            for row, call in page.items
        ],
        next_cursor=page.next_cursor,
    )


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=Appeal,
    summary="申诉",
    description="坐席对自己通话里被判命中的规则提出异议（主管可以代本团队提出），须在期限之内。",
    responses=answers(APPEAL, status=201, description="已提出", errors=[*_REFUSALS, "not-ready"]),
    openapi_extra=sends(NEW_APPEAL),
)
async def open_appeal(body: NewAppeal, _principal: Appellant, desk: DeskDep) -> Appeal:
    """Dispute hits of a reviewed call."""
    call = await desk.call(body.call_id)
    return appeal_of(await desk.appeal(call, body.rules, body.reason))


@router.post(
    "/{appeal_id}/withdrawal",
    response_model=Appeal,
    summary="撤回申诉",
    description="申诉人撤回还没有裁决的申诉；期限之内可以再提。",
    responses=answers({**APPEAL, "state": "withdrawn"}, errors=_REFUSALS[:-1]),
)
async def withdraw_appeal(appeal_id: AppealId, _principal: Appellant, desk: DeskDep) -> Appeal:
    """Take an appeal back."""
    return appeal_of(await desk.withdraw(await _appealed_call(desk, appeal_id)))


@router.post(
    "/{appeal_id}/decision",
    response_model=Appeal,
    summary="终审裁决",
    description="由原复核人和申诉人之外的主管或管理员裁决；成立的规则撤销命中，其余确认，复核即为终审。",
    responses=answers(DECIDED_APPEAL, errors=[*_REFUSALS, "not-ready"]),
    openapi_extra=sends(DECISION),
)
async def decide_appeal(
    appeal_id: AppealId, body: AppealDecision, _principal: Writer, desk: DeskDep
) -> Appeal:
    """Decide an appeal for good."""
    call = await _appealed_call(desk, appeal_id)
    return appeal_of(await desk.decide(call, body.upheld, body.comment))


async def _appealed_call(desk: Desk, appeal_id: uuid.UUID) -> Call:
    """The call of an appeal that is open.

    Raises:
        AppError: `not-found`, `blind-calibration`, `review-state`.
    """
    row = await desk.session.get(AppealRow, appeal_id)
    if row is None:
        raise AppError("not-found", "没有这个申诉，或当前账号无权查看；请从申诉列表里选择。")
    call = await desk.call(row.call_id)
    if row.state != "open":
        raise AppError(
            "review-state", "这个申诉已经了结。请刷新查看结果。", detail={"state": row.state}
        )
    return call
