"""Runs with a version: trials, back-tests, re-analysis of history, and the list of them."""

import datetime as dt
import uuid
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, Field, model_validator

from api.auth import Admin, Editor
from api.blinding import unblinded_call
from api.documents.noun import DocumentNoun, missing, name_path, stored_version, version_path
from api.documents.operations import author_of, reanalyse
from api.openapi import answers, sends, shows
from api.paging import next_cursor
from api.scope import CallScope
from api.services import SessionDep
from api.v1.calls.filters import zoned
from api.v1.runs.examples import BACKTEST, CHOICE, HISTORY, REANALYSIS, TRIAL, TRY
from api.v1.runs.schemas import RunList, RunSummary, run_summary
from models.bulk_runs import list_runs
from models.versions import list_versions
from pipeline.bulk.requests import (
    MOST_CALLS,
    USUAL_CALLS,
    CallChoice,
    TrialLine,
    TrialRequest,
    begin_backtest,
    begin_trial,
)


class SentenceToTry(BaseModel):
    """One sentence, and who says it."""

    role: Literal["agent", "customer"] = Field("agent", description="谁说的")
    text: str = Field(min_length=1, max_length=1000)


class Trial(BaseModel):
    """What to try the version on: either some sentences or a stored call."""

    lines: list[SentenceToTry] = Field(
        default_factory=list,
        max_length=50,
        examples=[[{"role": "agent", "text": "这通电话后台都给您存着底儿呢"}]],
    )
    call_id: uuid.UUID | None = Field(None, description="已转写的通话")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.lines) == (self.call_id is not None):
            raise ValueError("lines 与 call_id 请填其中一个")
        return self


class BacktestChoice(BaseModel):
    """Which stored calls to compare on; everything given must hold."""

    started_from: dt.datetime | None = Field(
        None, description="通话时间不早于", examples=["2025-01-01T00:00:00+08:00"]
    )
    started_to: dt.datetime | None = Field(None, description="通话时间早于")
    team: str | None = Field(None, max_length=200)
    campaign: str | None = Field(None, max_length=200)
    agent: str | None = Field(None, max_length=200)
    sample: int = Field(
        USUAL_CALLS, ge=1, le=MOST_CALLS, description="最多取多少通；每次取的是同一批"
    )


class History(BaseModel):
    """Which calls to analyse again."""

    history_from: dt.datetime = Field(
        description="通话时间不早于", examples=["2025-01-01T00:00:00+08:00"]
    )


def add_running(router: APIRouter, noun: DocumentNoun) -> None:
    """The operations that queue work with a version, and the list of it."""
    _add_trial(router, noun)
    _add_bulk(router, noun)


def call_choice(wanted: BacktestChoice, scope: CallScope) -> CallChoice:
    """The choice within what its author may see."""
    return CallChoice(
        started_from=zoned(wanted.started_from),
        started_to=zoned(wanted.started_to),
        team=wanted.team or None,
        campaign=wanted.campaign or None,
        agent=wanted.agent or None,
        sample=wanted.sample,
        teams=None if scope.teams is None else tuple(sorted(scope.teams)),
        own_agent=scope.agent,
        reader=scope.reader,
    )


def _add_trial(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)

    @router.post(
        "/{name}/versions/{version}/trials",
        status_code=status.HTTP_202_ACCEPTED,
        response_model=RunSummary,
        summary=f"试用{noun.title}的一个版本",
        description=(
            "给几句话或一通通话，草稿也可以试：哪些节点命中、依据哪一层哪几个字、其余节点差多少，"
            "规则的结论与得分。通常一两秒；结果用 `GET /runs/{run_id}` 读取。"
        ),
        responses=answers(
            TRIAL,
            status=202,
            description="已排队",
            errors=["not-found", "validation-failed", "blind-calibration"],
        ),
        openapi_extra=sends(TRY),
        operation_id=f"try_{noun.kind}_version",
    )
    async def try_version(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        body: Trial,
        principal: Editor,
        session: SessionDep,
    ) -> RunSummary:
        row = await stored_version(session, noun, name, version)
        if body.call_id is not None:
            await unblinded_call(session, principal, body.call_id)
        lines = tuple(TrialLine(role=line.role, text=line.text) for line in body.lines)
        request = TrialRequest(lines=lines, call_id=body.call_id)
        run = await begin_trial(session, noun.kind, row, request, author_of(principal))
        return run_summary(run)


def _add_bulk(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)

    @router.post(
        "/{name}/versions/{version}/backtests",
        status_code=status.HTTP_202_ACCEPTED,
        response_model=RunSummary,
        summary=f"回测{noun.title}的一个版本",
        description=(
            "用已存的转写，把这个版本与正在使用的版本在历史通话上比较，不改变任何结果。"
            "进度与结果见 `GET /runs/{run_id}`；主管只会比较本团队的通话。"
        ),
        responses=answers(BACKTEST, status=202, description="已排队", errors=["not-found"]),
        openapi_extra=sends(CHOICE),
        operation_id=f"backtest_{noun.kind}_version",
    )
    async def backtest_version(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        body: BacktestChoice,
        principal: Editor,
        session: SessionDep,
    ) -> RunSummary:
        row = await stored_version(session, noun, name, version)
        choice = call_choice(body, principal.call_scope)
        run = await begin_backtest(session, noun.kind, row, choice, author_of(principal))
        return run_summary(run)

    @router.post(
        "/{name}/versions/{version}/reanalyses",
        status_code=status.HTTP_202_ACCEPTED,
        response_model=RunSummary,
        summary=f"用已发布的{noun.title}重新分析历史",
        description="在后台用已存的转写重新分析；不重新识别，人工复核的结论保留。",
        responses=answers(
            REANALYSIS, status=202, description="已排队", errors=["not-found", "not-published"]
        ),
        openapi_extra=sends(HISTORY),
        operation_id=f"reanalyse_history_by_{noun.kind}",
    )
    async def reanalyse_history(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        body: History,
        principal: Admin,
        session: SessionDep,
    ) -> RunSummary:
        row = await stored_version(session, noun, name, version)
        since = zoned(body.history_from)
        assert since is not None
        return run_summary(await reanalyse(session, noun, row, since, principal))

    @router.get(
        "/{name}/runs",
        response_model=RunList,
        summary=f"{noun.title}的回测与重新分析",
        description="从新到旧。管理员看到全部，主管看到自己发起的。",
        responses=answers(
            {"items": [BACKTEST], "next_cursor": None}, errors=["not-found", "bad-cursor"]
        ),
        operation_id=f"list_{noun.kind}_runs",
    )
    async def list_document_runs(
        name: Annotated[str, named],
        principal: Editor,
        session: SessionDep,
        cursor: Annotated[str | None, next_cursor("")] = None,
        limit: Annotated[int, Query(ge=1, le=100, description="每页条数", **shows(few=20))] = 20,
    ) -> RunList:
        if not await list_versions(session, noun.kind, name):
            raise missing(noun)
        own = None if principal.role == "admin" else principal.user_id
        page = await list_runs(session, noun.kind, name, own, cursor or None, limit)
        return RunList(items=[run_summary(run) for run in page.items], next_cursor=page.next_cursor)
