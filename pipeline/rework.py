"""Rework: calls that are to be analysed or tried again, queued with their change of state."""

import uuid
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from asr.audio_checks import with_swapped_roles
from asr.transcript import AudioFix
from core.errors import AppError
from core.serial import to_json
from models.calls import call_audio
from models.hearing import HearingOptions, hearing_options, options_json
from models.results import load_transcript, save_transcript
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


async def fix_audio(
    session: AsyncSession, call_id: uuid.UUID, fix: AudioFix, *, undo: bool = False
) -> Call:
    """The call, with a fix of its audio stored and queued to be scored anew.

    `swap-roles` exchanges agent and customer in the stored transcript and analyses it again;
    `treat-as-mono` hears the mixed channels, with the roles found anew; `re-transcribe` hears the
    call again with today's weights. Asking for what is already so changes nothing, so a request
    may be repeated. `undo` takes the first two back.

    Raises:
        AppError: `not-found`; `fix-not-applicable` when the call has not what the fix is for.
    """
    call = await _locked(session, call_id)
    options = hearing_options(call)
    if fix == "swap-roles":
        wanted = replace(options, swap_roles=not undo)
        if wanted != options:
            await _swap_roles(session, call, wanted)
        return call
    if undo and fix == "re-transcribe":
        raise _not_applicable("重新转写不能撤销")
    files = await call_audio(session, call_id)
    if not files:
        raise _not_applicable("这通通话没有录音文件")
    if fix == "treat-as-mono":
        if options.mix_channels is not undo:
            return call
        if not undo and len(files) == 1 and call.audio and call.audio["channels"] == 1:
            raise _not_applicable("这通录音本来就是单声道")
        # Whose voice is whose is found anew: an exchange of the channels' roles means nothing now.
        call.options = options_json(HearingOptions(mix_channels=not undo))
    elif call.state in ("received", "transcribing"):
        return call
    await _hear_again(session, call)
    return call


async def _swap_roles(session: AsyncSession, call: Call, wanted: HearingOptions) -> None:
    transcript = await load_transcript(session, call.id)
    if transcript is None or call.state in ("received", "transcribing"):
        call.options = options_json(wanted)
        if call.state == "transcribing":
            # What is being heard now was begun with the roles as they were.
            await _hear_again(session, call)
        return
    if all(utterance.role == "unknown" for utterance in transcript.utterances):
        raise _not_applicable("这通通话没有区分坐席和客户，没有角色可以互换")
    call.options = options_json(wanted)
    swapped = with_swapped_roles(transcript)
    await save_transcript(session, call.id, swapped)
    call.audio = to_json(swapped.audio)
    call.state = "analyzing"
    _start_over(call)
    await defer_analysis(session, call.id)


async def _hear_again(session: AsyncSession, call: Call) -> None:
    call.state = "received"
    _start_over(call)
    await defer_transcription(session, call.id)


def _not_applicable(reason: str) -> AppError:
    return AppError(
        "fix-not-applicable", f"不能这样修正：{reason}。请在通话页“信息”里查看可用的修正。"
    )


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
