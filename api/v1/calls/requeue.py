"""Sending a call back to the queue: with other metadata, other rules, or after a failure."""

import uuid
from typing import Any

from sqlalchemy import exists, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.tables import Call, TranscriptRow
from pipeline.jobs import defer_analysis, defer_transcription

_CLEARED: dict[str, Any] = {
    "attempts": 0,
    # Takes the right to write results from a try that is under way with the old input.
    "stage_token": None,
    "failed_stage": None,
    "error_code": None,
    "error_message": None,
    "finished_at": None,
}


async def reanalyze(session: AsyncSession, call_id: uuid.UUID) -> bool:
    """Whether the call was sent to analysis again; False when it has no transcript yet.

    A call without a transcript is analysed with its newest metadata anyway, once it has one.
    """
    transcribed = exists().where(TranscriptRow.call_id == Call.id)
    found = await session.scalar(
        update(Call)
        .where(Call.id == call_id, Call.state.in_(("analyzing", "done", "failed")), transcribed)
        .values(state="analyzing", **_CLEARED)
        .returning(Call.id)
    )
    if found is None:
        return False
    await defer_analysis(session, call_id)
    return True


async def retry_failed(session: AsyncSession, call: Call) -> str:
    """The state that a failed call is in now, with the stage that failed queued again.

    Raises:
        AppError: `conflict` when the call has not failed.
    """
    state = "analyzing" if call.failed_stage == "analyze" else "received"
    found = await session.scalar(
        update(Call)
        .where(Call.id == call.id, Call.state == "failed")
        .values(state=state, **_CLEARED)
        .returning(Call.id)
    )
    if found is None:
        raise AppError(
            "conflict",
            "这通录音不是失败状态，无需重试；要用新规则重算请用“重新分析”。",
            detail={"state": call.state},
        )
    if state == "analyzing":
        await defer_analysis(session, call.id)
    else:
        await defer_transcription(session, call.id)
    return state
