"""Sending a call back to the queue, in the words of this API."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import AudioFix
from core.errors import AppError
from models.judgements import forget_unanswered
from models.tables import Call
from pipeline.rework import fix_audio, reanalyze_call, retry_call


async def reanalyze(session: AsyncSession, call_id: uuid.UUID) -> bool:
    """Whether the call was sent to analysis again; False when it has no transcript yet.

    A call without a transcript is analysed with its newest metadata anyway, once it has one.
    What a language model left unanswered is asked again.
    """
    try:
        await reanalyze_call(session, call_id)
        await forget_unanswered(session, call_id)
    except AppError as error:
        if error.code != "not-transcribed":
            raise
        return False
    return True


async def retry_failed(session: AsyncSession, call: Call) -> str:
    """The state that a failed call is in now, with the stage that failed queued again.

    Raises:
        AppError: `not-failed` when the call has not failed.
    """
    return (await retry_call(session, call.id)).state


async def apply_fix(session: AsyncSession, call: Call, fix: AudioFix, *, undo: bool) -> str:
    """The state that the call is in now, with the fix stored and its next stage queued.

    Raises:
        AppError: `fix-not-applicable`.
    """
    return (await fix_audio(session, call.id, fix, undo=undo)).state
