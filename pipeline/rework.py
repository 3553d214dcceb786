"""Rework: calls that are to be analysed or tried again, queued with their change of state."""

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.tables import Call, TranscriptRow
from pipeline.jobs import defer_analysis, defer_transcription


async def reanalyze_call(session: AsyncSession, call_id: uuid.UUID) -> Call:
    """The call, queued to be analysed again from its stored transcript.

    Its results stay readable until the new ones replace them. An analysis that is running now
    loses the right to store its results: it may have read what has just been changed.

    Raises:
        AppError: `not-found`; `not-transcribed` when there is nothing to analyse yet.
    """
    call = await _locked(session, call_id)
    if await session.get(TranscriptRow, call_id) is None:
        raise AppError(
            "not-transcribed", "这通通话还没有转写结果，无法重新分析。请等转写完成，或点击重试。"
        )
    if call.state in ("received", "transcribing"):
        # It is being heard again, and will be analysed after that.
        return call
    call.state = "analyzing"
    _start_over(call)
    await defer_analysis(session, call_id)
    return call


async def retry_call(session: AsyncSession, call_id: uuid.UUID) -> Call:
    """The failed call, queued again from the stage that failed.

    Raises:
        AppError: `not-found`; `not-failed`.
    """
    call = await _locked(session, call_id)
    if call.state != "failed":
        raise AppError("not-failed", "只有处理失败的通话可以重试。请刷新查看当前状态。")
    again = call.failed_stage
    _start_over(call)
    if again == "analyze":
        call.state = "analyzing"
        await defer_analysis(session, call_id)
    else:
        call.state = "received"
        await defer_transcription(session, call_id)
    return call


def _start_over(call: Call) -> None:
    call.attempts = 0
    call.stage_token = None
    call.failed_stage = call.error_code = call.error_message = None
    call.finished_at = None


async def _locked(session: AsyncSession, call_id: uuid.UUID) -> Call:
    call = await session.scalar(
        select(Call)
        .where(Call.id == call_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if call is None:
        raise AppError("not-found", f"没有通话 {call_id}。请检查编号。")
    return call
