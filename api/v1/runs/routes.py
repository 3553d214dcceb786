"""Runs: progress, cancelling, results page by page."""

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Editor, Reader
from api.blinding import refuse_blind_run
from api.openapi import answers, shows
from api.paging import Limit, next_cursor
from api.principal import Principal
from api.services import SessionDep
from api.v1.runs.examples import BACKTEST, CHANGE, COMPARED, FINISHED
from api.v1.runs.schemas import (
    ChangeList,
    ComparedList,
    Run,
    RunSummary,
    change_of,
    compared_of,
    full_run,
    run_summary,
)
from core.errors import AppError
from models.backtests import list_changes, list_compared
from models.bulk_runs import cancel_run, failures_of, get_run
from models.tables import BulkRun

router = APIRouter(prefix="/runs", tags=["runs"])

RunId = Annotated[uuid.UUID, Path(description="任务编号", **shows(run=FINISHED["id"]))]
Cursor = Annotated[str | None, next_cursor("")]
_ERRORS = ["not-found", "bad-cursor", "blind-calibration"]


async def visible_run(session: AsyncSession, principal: Principal, run_id: uuid.UUID) -> BulkRun:
    """The run, for its author and for those who may see every call: it quotes what was said.

    Raises:
        AppError: `not-found`, also for what may not be seen.
    """
    run = await get_run(session, run_id)
    if run.user_id != principal.user_id and not principal.call_scope.unlimited:
        raise AppError("not-found", "没有这次任务，或当前账号无权查看。请重新开始一次。")
    return run


async def readable_run(session: AsyncSession, principal: Principal, run_id: uuid.UUID) -> BulkRun:
    """The run, if this principal may see it and its result.

    Raises:
        AppError: `not-found`; `blind-calibration` while the result tells of a call that they judge
            blind.
    """
    run = await visible_run(session, principal, run_id)
    await refuse_blind_run(session, principal, run)
    return run


@router.get(
    "/{run_id}",
    response_model=Run,
    summary="任务的进度与结果",
    description="试用、回测或重新分析。只有发起人和能看全部通话的账号可以查看。",
    responses=answers(FINISHED, errors=["not-found", "blind-calibration"]),
)
async def read_run(run_id: RunId, principal: Reader, session: SessionDep) -> Run:
    """One run."""
    run = await readable_run(session, principal, run_id)
    return full_run(run, await failures_of(session, run.id))


@router.post(
    "/{run_id}/cancel",
    response_model=RunSummary,
    summary="取消任务",
    description="已经处理的通话保持处理后的样子，其余不再处理；已结束的任务不变。",
    responses=answers({**BACKTEST, "state": "cancelled"}, errors=["not-found"]),
)
async def cancel(run_id: RunId, principal: Editor, session: SessionDep) -> RunSummary:
    """End a run early."""
    run = await visible_run(session, principal, run_id)
    return run_summary(await cancel_run(session, run))


@router.get(
    "/{run_id}/changes",
    response_model=ChangeList,
    summary="回测：增减的命中与发现",
    description="每条带证据：通话、句子、原文。",
    responses=answers({"items": [CHANGE], "next_cursor": None}, errors=_ERRORS),
)
async def read_changes(
    run_id: RunId,
    principal: Reader,
    session: SessionDep,
    subject: Annotated[
        Literal["node", "rule"] | None, Query(description="节点或规则", **shows(nodes="node"))
    ] = None,
    key: Annotated[
        str | None,
        Query(description="节点路径或规则编号", max_length=500, **shows(hello="开场白/问候")),
    ] = None,
    change: Annotated[
        Literal["gained", "lost"] | None, Query(description="增或减", **shows(gained="gained"))
    ] = None,
    call_id: Annotated[
        uuid.UUID | None, Query(description="某一通", **shows(call=CHANGE["call_id"]))
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ChangeList:
    """What is gained and lost."""
    await readable_run(session, principal, run_id)
    page = await list_changes(
        session,
        run_id,
        subject=subject,
        key=key,
        change=change,
        call_id=call_id,
        cursor=cursor or None,
        limit=limit,
    )
    return ChangeList(items=[change_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get(
    "/{run_id}/calls",
    response_model=ComparedList,
    summary="回测：比较过的通话",
    description="changed 有任何变化的，verdict 合格与否有变化的，all 全部。",
    responses=answers({"items": [COMPARED], "next_cursor": None}, errors=_ERRORS),
)
async def read_compared(
    run_id: RunId,
    principal: Reader,
    session: SessionDep,
    only: Annotated[
        Literal["all", "changed", "verdict"], Query(description="哪些通话", **shows(v="verdict"))
    ] = "changed",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ComparedList:
    """The calls of a back-test."""
    await readable_run(session, principal, run_id)
    page = await list_compared(session, run_id, only, cursor or None, limit)
    return ComparedList(
        items=[compared_of(row) for row in page.items], next_cursor=page.next_cursor
    )
