"""Results of a call: stored as a whole, replaced as a whole, read back as values."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Role, Transcript, roles_by_channel
from core.serial import from_json, to_json
from events.hits import EventHit, SopReport
from models.tables import (
    Base,
    CallMetricsRow,
    CallWaveform,
    EventHitRow,
    FindingRow,
    SopStateRow,
    TranscriptRow,
    UtteranceRow,
)
from qa_rules.findings import Finding, Score

_RowsOfCalls = dict[uuid.UUID, list[dict[str, Any]]]
_UTTERANCE_COLUMNS = (
    "channel", "role", "start_ms", "end_ms", "text", "normalised", "words", "confidence",
    "reliability", "level_dbfs",
)  # fmt: skip
_HIT_COLUMNS = (
    "node", "role", "utterance", "char_start", "char_end", "start_ms", "end_ms", "layer", "form",
    "score", "text", "tree",
)  # fmt: skip
_STEP_COLUMNS = (
    "node", "state", "required", "weight", "reason", "hits", "expected_rank", "actual_rank",
)  # fmt: skip
_FINDING_COLUMNS = (
    "rule", "rule_name", "category", "severity", "outcome", "score_effect", "veto", "reason",
    "ruleset", "evidence",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelWaveform:
    """Peaks of one channel: `peaks` holds interleaved int8 (min, max), `per_second` pairs/s."""

    channel: int
    per_second: int
    peaks: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnalysis:
    """What the analysis of one call found. `metrics` and `versions` are JSON objects."""

    hits: tuple[EventHit, ...]
    sop: SopReport
    findings: tuple[Finding, ...]
    score: Score
    metrics: Mapping[str, Any]
    versions: Mapping[str, Any]


async def save_transcript(
    session: AsyncSession, call_id: uuid.UUID, transcript: Transcript
) -> None:
    """Store the transcript with its utterances in place of whatever the call had before."""
    await save_transcripts(session, {call_id: transcript})


async def save_transcripts(
    session: AsyncSession, transcripts: Mapping[uuid.UUID, Transcript]
) -> None:
    """Store the transcripts of several calls, as `save_transcript` does for one."""
    documents: _RowsOfCalls = {}
    utterances: _RowsOfCalls = {}
    for call_id, transcript in transcripts.items():
        document = to_json(transcript)
        utterances[call_id] = _positioned(document.pop("utterances"), _UTTERANCE_COLUMNS)
        documents[call_id] = [{"document": document}]
    await _replace(session, TranscriptRow, documents)
    await _replace(session, UtteranceRow, utterances)


async def load_transcript(session: AsyncSession, call_id: uuid.UUID) -> Transcript | None:
    """The stored transcript; None before the call was transcribed."""
    return (await load_transcripts(session, [call_id])).get(call_id)


async def load_transcripts(
    session: AsyncSession, call_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, Transcript]:
    """The stored transcripts of several calls; calls that have none are left out."""
    documents = await session.execute(
        select(TranscriptRow.call_id, TranscriptRow.document).where(
            TranscriptRow.call_id.in_(call_ids)
        )
    )
    columns = UtteranceRow.__table__.c
    rows = await session.execute(
        select(columns.call_id, *(columns[name] for name in _UTTERANCE_COLUMNS))
        .where(columns.call_id.in_(call_ids))
        .order_by(columns.call_id, columns.position)
    )
    said: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for call_id, *values in rows:
        listed = said.setdefault(call_id, [])
        listed.append({"index": len(listed), **dict(zip(_UTTERANCE_COLUMNS, values, strict=True))})
    return {
        call_id: from_json(
            Transcript, {**document, "utterances": said.get(call_id, [])}, "已存转写"
        )
        for call_id, document in documents
    }


async def load_channel_roles(session: AsyncSession, call_id: uuid.UUID) -> dict[int, Role]:
    """The role of each channel with speech, as transcribed; empty before the call was."""
    row = await session.get(TranscriptRow, call_id)
    speech = row.document["speech"] if row is not None else ()
    return roles_by_channel((item["channel"], item["role"]) for item in speech)


async def save_waveform(
    session: AsyncSession, call_id: uuid.UUID, channels: Sequence[ChannelWaveform]
) -> None:
    """Store the peaks of all channels in place of whatever the call had before."""
    rows = [{"channel": c.channel, "per_second": c.per_second, "peaks": c.peaks} for c in channels]
    await _replace(session, CallWaveform, {call_id: rows})


async def load_waveform(session: AsyncSession, call_id: uuid.UUID) -> tuple[ChannelWaveform, ...]:
    """The stored peaks by channel; empty before the call was transcribed."""
    rows = await session.scalars(
        select(CallWaveform).where(CallWaveform.call_id == call_id).order_by(CallWaveform.channel)
    )
    return tuple(
        ChannelWaveform(channel=row.channel, per_second=row.per_second, peaks=row.peaks)
        for row in rows
    )


async def save_analysis(
    session: AsyncSession, call_id: uuid.UUID, analysis: StoredAnalysis
) -> None:
    """Store hits, SOP states, findings, score and metrics in place of what the call had before.

    The copies on `Call` (score, passed, vetoed) are the caller's, in the same transaction.
    """
    await save_analyses(session, {call_id: analysis})


async def save_analyses(
    session: AsyncSession, analyses: Mapping[uuid.UUID, StoredAnalysis]
) -> None:
    """Store the analyses of several calls, as `save_analysis` does for one."""
    tables: tuple[type[Base], ...] = (EventHitRow, SopStateRow, FindingRow, CallMetricsRow)
    rows: dict[type[Base], _RowsOfCalls] = {table: {} for table in tables}
    for call_id, analysis in analyses.items():
        hits = [to_json(hit) for hit in analysis.hits]
        steps = [to_json(step) for step in analysis.sop.steps]
        findings = [to_json(item) for item in analysis.findings]
        rows[EventHitRow][call_id] = _positioned(hits, _HIT_COLUMNS)
        rows[SopStateRow][call_id] = _positioned(steps, _STEP_COLUMNS)
        rows[FindingRow][call_id] = _positioned(findings, _FINDING_COLUMNS)
        rows[CallMetricsRow][call_id] = [_summary(analysis)]
    for table in tables:
        await _replace(session, table, rows[table])


def _summary(analysis: StoredAnalysis) -> dict[str, Any]:
    return {
        "metrics": dict(analysis.metrics),
        "score": to_json(analysis.score),
        "sop_coverage": analysis.sop.coverage,
        "order_adherence": analysis.sop.order_adherence,
        "versions": dict(analysis.versions),
    }


async def load_analysis(session: AsyncSession, call_id: uuid.UUID) -> StoredAnalysis | None:
    """The stored analysis; None before the call was analysed."""
    row = await session.get(CallMetricsRow, call_id)
    if row is None:
        return None
    hits = await _read(session, EventHitRow, call_id, _HIT_COLUMNS)
    steps = await _read(session, SopStateRow, call_id, _STEP_COLUMNS)
    findings = await _read(session, FindingRow, call_id, _FINDING_COLUMNS)
    sop = {
        "steps": steps,
        "coverage": row.sop_coverage,
        "order_adherence": row.order_adherence,
    }
    return StoredAnalysis(
        hits=tuple(from_json(EventHit, values, "已存事件命中") for values in hits),
        sop=from_json(SopReport, sop, "已存 SOP 状态"),
        findings=tuple(from_json(Finding, values, "已存质检发现") for values in findings),
        score=from_json(Score, row.score, "已存得分"),
        metrics=row.metrics,
        versions=row.versions,
    )


async def _replace(session: AsyncSession, table: type[Base], rows: _RowsOfCalls) -> None:
    """Store the rows of these calls in place of those they have, in two statements."""
    # Past the ORM, whose bookkeeping of thousands of rows takes longer than the database does.
    stored = cast(Table, table.__table__)
    await session.execute(delete(stored).where(stored.c.call_id.in_(list(rows))))
    fresh = [{"call_id": call_id, **row} for call_id, listed in rows.items() for row in listed]
    if fresh:
        await session.execute(insert(stored), fresh)
    # Rows of this kind that the session has read are out of date now.
    for instance in list(session.identity_map.values()):
        if isinstance(instance, table) and getattr(instance, "call_id", None) in rows:
            session.expunge(instance)


async def _read(
    session: AsyncSession, table: type[Base], call_id: uuid.UUID, names: Sequence[str]
) -> list[dict[str, Any]]:
    columns = table.__table__.c
    query = select(*(columns[name] for name in names)).where(columns.call_id == call_id)
    rows = await session.execute(query.order_by(columns.position))
    return [dict(row) for row in rows.mappings()]


def _positioned(items: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"position": position, **{name: item[name] for name in names}}
        for position, item in enumerate(items)
    ]
