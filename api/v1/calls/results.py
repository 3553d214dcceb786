"""What was found in a call: transcript, timeline, findings, metrics, waveform."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Reader
from api.blinding import unblinded_call, visible_call
from api.openapi import answers, shows
from api.principal import Principal
from api.services import SessionDep
from api.v1.calls.examples import (
    CALL_ID,
    FINDINGS,
    JUDGEMENTS,
    METRICS,
    TIMELINE,
    TRANSCRIPT,
    WAVEFORM,
)
from api.v1.calls.schemas import (
    Findings,
    Judgements,
    Timeline,
    TimelineEntry,
    Waveform,
    WaveformChannel,
)
from asr.transcript import Transcript
from core.errors import AppError
from core.serial import to_json
from events.hits import EventHit
from insights.conversation import CallMetrics
from insights.dictionary import metrics_at
from models.judgements import list_judgements
from models.results import (
    ChannelWaveform,
    StoredAnalysis,
    load_analysis,
    load_channel_roles,
    load_transcript,
    load_waveform,
)
from models.tables import Call, CallMetricsRow

router = APIRouter()

CallId = Annotated[uuid.UUID, Path(description="通话编号", **shows(call=CALL_ID))]


@router.get(
    "/{call_id}/transcript",
    response_model=Transcript,
    summary="转写",
    description="返回全部语句和词级时间，以及被丢弃的文字和没有听出文字的语音。",
    responses=answers(TRANSCRIPT, errors=["not-found", "not-ready"]),
)
async def read_transcript(call_id: CallId, principal: Reader, session: SessionDep) -> JSONResponse:
    """The transcript, with what was dropped and what went unheard."""
    row = await visible_call(session, principal, call_id)
    transcript = await load_transcript(session, call_id)
    if transcript is None:
        raise _not_ready(row, "转写")
    return JSONResponse(to_json(transcript))


@router.get(
    "/{call_id}/timeline",
    response_model=Timeline,
    summary="事件时间线与 SOP",
    description="按时间列出关键事件（附原文位置），以及每个 SOP 步骤的状态和原因。",
    responses=answers(TIMELINE, errors=["not-found", "not-ready", "blind-calibration"]),
)
async def read_timeline(call_id: CallId, principal: Reader, session: SessionDep) -> Timeline:
    """Events in the order of time, and the state of each SOP step."""
    analysis = await _analysis(session, principal, call_id)
    entries = [_entry(position, hit) for position, hit in enumerate(analysis.hits)]
    entries.sort(key=lambda entry: (entry.start_ms, entry.position))
    return Timeline(entries=entries, sop=analysis.sop)


@router.get(
    "/{call_id}/findings",
    response_model=Findings,
    summary="质检结果",
    description="返回每条规则的判定和证据，以及得分的逐项说明（各项相加等于得分）。",
    responses=answers(FINDINGS, errors=["not-found", "not-ready", "blind-calibration"]),
)
async def read_findings(call_id: CallId, principal: Reader, session: SessionDep) -> Findings:
    """Every rule's verdict with evidence, and the score explained."""
    analysis = await _analysis(session, principal, call_id)
    return Findings(findings=list(analysis.findings), score=analysis.score)


@router.get(
    "/{call_id}/judgements",
    response_model=Judgements,
    summary="语言模型的判定",
    description=(
        "返回语言模型对事件树中 judge 问题的回答，按时间先后；含未答的问题与原因。"
        "引文为语句编号与原文字符位置。没有配置语言模型时为空。"
    ),
    responses=answers(JUDGEMENTS, errors=["not-found", "blind-calibration"]),
)
async def read_judgements(call_id: CallId, principal: Reader, session: SessionDep) -> Judgements:
    """What a language model said about the call, with its quotes."""
    await unblinded_call(session, principal, call_id)
    return Judgements(judgements=list(await list_judgements(session, call_id)))


@router.get(
    "/{call_id}/metrics",
    response_model=CallMetrics,
    summary="通话指标",
    description="返回语速、静音、抢话等指标；缺数据的指标为 null 并说明原因。定义见 GET /metrics。",
    responses=answers(METRICS, errors=["not-found", "not-ready", "blind-calibration"]),
)
async def read_call_metrics(
    call_id: CallId, principal: Reader, session: SessionDep
) -> JSONResponse:
    """The figures of one call."""
    row = await unblinded_call(session, principal, call_id)
    stored = await session.get(CallMetricsRow, call_id)
    if stored is None:
        raise _not_ready(row, "分析")
    return JSONResponse({**stored.metrics, "figures": _in_order(stored.metrics["figures"])})


@router.get(
    "/{call_id}/waveform",
    response_model=Waveform,
    summary="波形",
    description="返回每个声道的波形峰值，用来画波形而不必下载录音。",
    responses=answers(WAVEFORM, errors=["not-found", "not-ready"]),
)
async def read_waveform(call_id: CallId, principal: Reader, session: SessionDep) -> Waveform:
    """Peaks of each channel."""
    row = await visible_call(session, principal, call_id)
    channels = await load_waveform(session, call_id)
    if not channels:
        raise _not_ready(row, "转写")
    return waveform_of(row.duration_ms, channels, await load_channel_roles(session, call_id))


def waveform_of(
    duration_ms: int | None, channels: tuple[ChannelWaveform, ...], roles: Mapping[int, str]
) -> Waveform:
    """Stored peaks as signed numbers, with the role of each channel."""
    return Waveform(
        duration_ms=duration_ms,
        channels=[
            WaveformChannel(
                channel=channel.channel,
                role=roles.get(channel.channel, "unknown"),
                per_second=channel.per_second,
                peaks=list(memoryview(channel.peaks).cast("b")),
            )
            for channel in channels
        ],
    )


async def _analysis(
    session: AsyncSession, principal: Principal, call_id: uuid.UUID
) -> StoredAnalysis:
    row = await unblinded_call(session, principal, call_id)
    analysis = await load_analysis(session, call_id)
    if analysis is None:
        raise _not_ready(row, "分析")
    return analysis


def _in_order(figures: Mapping[str, object]) -> dict[str, object]:
    # The database keeps the keys of an object in an order of its own.
    ids = [entry.id for entry in metrics_at("call")]
    places = {identifier: place for place, identifier in enumerate(ids)}
    return dict(sorted(figures.items(), key=lambda item: places.get(item[0], len(ids))))


def _entry(position: int, hit: EventHit) -> TimelineEntry:
    values: dict[str, Any] = to_json(hit)
    stage, _, _ = hit.node.partition("/")
    name = hit.node.rpartition("/")[2]
    return TimelineEntry(position=position, stage=stage, name=name, **values)


def _not_ready(row: Call, what: str) -> AppError:
    if row.state == "failed":
        message = f"这通录音处理失败，没有{what}结果：{row.error_message or row.error_code or ''}"
    else:
        message = f"这通录音还没有{what}完成，请稍后再取。"
    return AppError("not-ready", message, detail={"state": row.state})
