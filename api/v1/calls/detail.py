"""One call as the API and the pages show it."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.blinding import blind_among
from api.principal import Principal
from api.v1.calls.schemas import (
    Call,
    CallAudio,
    CallAudioFile,
    CallCounts,
    CallError,
    CallMetadata,
    CallStages,
    CallStateName,
    CallSummary,
    SopSummary,
)
from core.serial import from_json
from models.calls import call_audio
from models.hearing import hearing_options
from models.tables import Call as CallRow
from models.tables import (
    CallMetricsRow,
    EventHitRow,
    FindingRow,
    SopStateRow,
    UtteranceRow,
)
from qa_rules.findings import Score


def call_summary(row: CallRow, *, is_blind: bool) -> CallSummary:
    """One line of the list; without the score for who judges the call blind."""
    return CallSummary(
        id=row.id,
        state=cast(CallStateName, row.state),
        source=row.source,
        external_id=row.external_id,
        file_name=row.file_name,
        domain=row.domain,
        agent=row.agent,
        team=row.team,
        campaign=row.campaign,
        customer_id=row.customer_id,
        direction=row.direction,
        disposition=row.disposition,
        started_at=row.started_at,
        received_at=row.received_at,
        finished_at=row.finished_at,
        duration_ms=row.duration_ms,
        score=None if is_blind else row.score,
        passed=None if is_blind else row.passed,
        vetoed=None if is_blind else row.vetoed,
        is_blind=is_blind,
        error=_error(row),
    )


async def call_detail(session: AsyncSession, principal: Principal, row: CallRow) -> Call:
    """Everything about a call but its transcript, hits and single findings.

    Who judges the call blind gets it without any result.
    """
    is_blind = bool(await blind_among(session, principal, [row.id]))
    results = None if is_blind else await session.get(CallMetricsRow, row.id)
    return Call(
        id=row.id,
        state=cast(CallStateName, row.state),
        source=row.source,
        external_id=row.external_id,
        file_name=row.file_name,
        metadata=_metadata(row),
        audio=await _audio(session, row),
        stages=_stages(row),
        error=_error(row),
        counts=await _counts(session, row.id, is_blind=is_blind),
        is_blind=is_blind,
        sop=await _sop(session, row.id, results) if results is not None else None,
        score=from_json(Score, results.score, "已存得分") if results is not None else None,
        versions=results.versions if results is not None else None,
    )


def _error(row: CallRow) -> CallError | None:
    if row.error_code is None:
        return None
    return CallError(
        stage=row.failed_stage, code=row.error_code, message=row.error_message or row.error_code
    )


def _metadata(row: CallRow) -> CallMetadata:
    return CallMetadata(
        domain=row.domain,
        agent=row.agent,
        team=row.team,
        campaign=row.campaign,
        customer_id=row.customer_id,
        lead_source=row.lead_source,
        direction=row.direction,
        disposition=row.disposition,
        started_at=row.started_at,
        ring_s=row.ring_s,
        talk_s=row.talk_s,
        fields=row.fields,
        roles=[str(role) for role in row.roles],
    )


async def _audio(session: AsyncSession, row: CallRow) -> CallAudio:
    files = [
        CallAudioFile(
            position=part.position,
            file_name=part.file_name,
            media_type=part.media_type,
            size_bytes=part.size_bytes,
            sha256=part.sha256,
        )
        for part in await call_audio(session, row.id)
    ]
    return CallAudio(
        duration_ms=row.duration_ms, facts=row.audio, options=hearing_options(row), files=files
    )


def _stages(row: CallRow) -> CallStages:
    return CallStages(
        attempts=row.attempts,
        received_at=row.received_at,
        transcribe_started_at=row.transcribe_started_at,
        transcribed_at=row.transcribed_at,
        analyze_started_at=row.analyze_started_at,
        finished_at=row.finished_at,
        transcribe_ms=_between_ms(row.transcribe_started_at, row.transcribed_at),
        analyze_ms=_between_ms(row.analyze_started_at, row.finished_at),
    )


def _between_ms(start: dt.datetime | None, end: dt.datetime | None) -> int | None:
    # A stage that runs again has begun after the end of the last time.
    if start is None or end is None or end < start:
        return None
    return round((end - start).total_seconds() * 1000)


async def _sop(session: AsyncSession, call_id: uuid.UUID, results: CallMetricsRow) -> SopSummary:
    states = await _grouped(session, SopStateRow.state, SopStateRow.call_id == call_id)
    return SopSummary(
        executed=states.get("executed", 0),
        missed=states.get("missed", 0),
        undecidable=states.get("undecidable", 0),
        not_applicable=states.get("not_applicable", 0),
        coverage=results.sop_coverage,
        order_adherence=results.order_adherence,
    )


async def _counts(session: AsyncSession, call_id: uuid.UUID, *, is_blind: bool) -> CallCounts:
    utterances = await _count(session, UtteranceRow, call_id)
    if is_blind:
        return CallCounts(
            utterances=utterances, events=None, findings_hit=None, findings_undecidable=None
        )
    findings = await _grouped(session, FindingRow.outcome, FindingRow.call_id == call_id)
    return CallCounts(
        utterances=utterances,
        events=await _count(session, EventHitRow, call_id),
        findings_hit=findings.get("hit", 0),
        findings_undecidable=findings.get("undecidable", 0),
    )


async def _count(session: AsyncSession, table: Any, call_id: uuid.UUID) -> int:
    query = select(func.count()).select_from(table).where(table.call_id == call_id)
    return (await session.execute(query)).scalar_one()


async def _grouped(session: AsyncSession, column: Any, condition: Any) -> Mapping[str, int]:
    rows = await session.execute(select(column, func.count()).where(condition).group_by(column))
    return {str(key): int(count) for key, count in rows}
