"""Draw samples of hits and non-hits, and see how far they are."""

import datetime as dt
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, Field
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Editor, Writer
from api.openapi import answers, sends, shows
from api.services import SessionDep
from api.v1.calls.filters import zoned
from api.v1.reviews.examples import SAMPLE_ID
from core.errors import AppError
from models.audit import record
from models.reviews import samples
from models.reviews.samples import SampleDesign, SampleProgress
from models.tables import FindingRow, ReviewSample

router = APIRouter(prefix="/review-samples", tags=["review-samples"])

_MOST = 2000


class NewSample(BaseModel):
    """What to draw."""

    model_config = {"extra": "forbid"}

    name: str = Field(min_length=1, max_length=100, description="名字，不重复")
    called_from: dt.datetime = Field(description="通话时间不早于（无时区按北京时间）")
    called_to: dt.datetime = Field(description="通话时间早于")
    hits: int = Field(30, ge=1, le=_MOST, description="每条规则抽几个命中")
    non_hits: int = Field(30, ge=1, le=_MOST, description="每条规则抽几个未命中")
    seed: str = Field("", max_length=100, description="随机种子；不写则用名字。同种子同结果")
    team: str | None = Field(None, max_length=200, description="只抽这个团队")
    campaign: str | None = Field(None, max_length=200, description="只抽这个活动")
    rules: list[str] = Field(
        default_factory=list, max_length=500, description="只抽这些规则；空表示全部"
    )


class Sample(BaseModel):
    """A sample and its progress."""

    id: uuid.UUID
    name: str
    seed: str
    called_from: dt.datetime
    called_to: dt.datetime
    hits: int
    non_hits: int
    team: str | None
    campaign: str | None
    rules: list[str]
    created_by: str
    created_at: dt.datetime
    drawn_at: dt.datetime
    items: int = Field(description="抽中的判定项")
    judged: int = Field(description="其中已判定的")
    calls: int = Field(description="涉及的通话")


class SampleList(BaseModel):
    """All samples, newest first."""

    items: list[Sample]


NEW_SAMPLE: dict[str, Any] = {
    "name": "一月抽检",
    "called_from": "2025-01-01T00:00:00+08:00",
    "called_to": "2025-02-01T00:00:00+08:00",
    "hits": 30,
    "non_hits": 60,
    "seed": "2025-01",
    "team": "华东一组",
}
SAMPLE: dict[str, Any] = {
    **NEW_SAMPLE,
    "id": SAMPLE_ID,
    "campaign": None,
    "rules": [],
    "created_by": "wanggang",
    "created_at": "2025-02-01T01:00:00Z",
    "drawn_at": "2025-02-01T01:00:00Z",
    "items": 540,
    "judged": 120,
    "calls": 301,
}
SampleId = Annotated[uuid.UUID, Path(description="抽样编号", **shows(sample=SAMPLE_ID))]


@router.get(
    "",
    response_model=SampleList,
    summary="抽样列表",
    description="从新到旧列出抽样和判定进度。",
    responses=answers({"items": [SAMPLE]}),
)
async def list_samples(_principal: Writer, session: SessionDep) -> SampleList:
    """All samples with their progress."""
    rows = await samples.list_samples(session)
    progress = await samples.progress_of(session, [row.id for row in rows])
    return SampleList(items=[sample_of(row, progress[row.id]) for row in rows])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=Sample,
    summary="抽样",
    description=(
        "在一段时间的通话里，对每条规则分别随机抽取命中和未命中（主管与管理员）。"
        "每项的抽中概率随之保存，准确率账本据此加权；不适用的结论不抽。"
    ),
    responses=answers(
        SAMPLE,
        status=201,
        description="已抽取",
        errors=["bad-sample", "sample-exists", "out-of-scope"],
    ),
    openapi_extra=sends(NEW_SAMPLE),
)
async def create_sample(body: NewSample, principal: Editor, session: SessionDep) -> Sample:
    """Draw a new sample; a manager from one of the own teams."""
    if principal.role == "manager" and body.team not in principal.teams:
        raise AppError(
            "out-of-scope", "只能抽自己团队的通话；请填写你的团队。", detail={"team": body.team}
        )
    for rule in body.rules:
        if not await session.scalar(select(exists().where(FindingRow.rule == rule))):
            raise AppError(
                "bad-sample", f"还没有规则 {rule} 的结论可抽。请从质检规则里选择规则编号。",
                detail={"rule": rule},
            )  # fmt: skip
    values = body.model_dump()
    start, end = zoned(body.called_from), zoned(body.called_to)
    values |= {"called_from": start, "called_to": end, "rules": tuple(body.rules)}
    values["seed"] = body.seed or body.name
    row = await samples.create_sample(
        session, SampleDesign(**values), created_by=principal.username, now=_now()
    )
    answer = await _answered(session, row)
    record(
        session, principal.actor, "sample.drawn", "review-sample", row.id,
        after={"name": row.name, "items": answer.items},
    )  # fmt: skip
    return answer


@router.post(
    "/{sample_id}/draw",
    response_model=Sample,
    summary="重新抽取",
    description="按同一种子对现在的分析结果再抽一次：没有新通话时结果不变；已做的判定保留。",
    responses=answers(SAMPLE, errors=["not-found"]),
)
async def draw_again(sample_id: SampleId, principal: Editor, session: SessionDep) -> Sample:
    """Draw once more, from the calls as they are analysed now."""
    row = await samples.get_sample(session, sample_id)
    if principal.role == "manager" and row.team not in principal.teams:
        raise AppError("not-found", "没有这个抽样；请从抽样列表里选择。")
    await samples.draw(session, row, _now())
    answer = await _answered(session, row)
    record(
        session, principal.actor, "sample.redrawn", "review-sample", row.id,
        after={"name": row.name, "items": answer.items},
    )  # fmt: skip
    return answer


def sample_of(row: ReviewSample, progress: SampleProgress) -> Sample:
    """A stored sample as it is shown."""
    return Sample(
        id=row.id,
        name=row.name,
        seed=row.seed,
        called_from=row.called_from,
        called_to=row.called_to,
        hits=row.hits,
        non_hits=row.non_hits,
        team=row.team,
        campaign=row.campaign,
        rules=[str(rule) for rule in row.rules],
        created_by=row.created_by,
        created_at=row.created_at,
        drawn_at=row.drawn_at,
        items=progress.items,
        judged=progress.judged,
        calls=progress.calls,
    )


async def _answered(session: AsyncSession, row: ReviewSample) -> Sample:
    return sample_of(row, (await samples.progress_of(session, [row.id]))[row.id])


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
