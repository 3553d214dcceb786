"""Stages that fail: tried again, given up, cut off, left for another try."""

import asyncio
import contextlib
import uuid
from typing import Any

import pytest
from stage_runs import analyze, load, messages, transcribe
from written_calls import ReadingTranscriber

from core.errors import AppError
from models.calls import start_stage
from pipeline.attempts import RetryLaterError, StageRetry, StoppedError
from pipeline.resources import Resources
from pipeline.rework import retry_call


async def test_a_failure_that_may_pass_is_tried_again_and_then_given_up(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    def busy(_progress: object) -> None:
        raise AppError("busy", "稍后再试。", retryable=True)

    transcriber.before = busy
    for number in (1, 2):
        with pytest.raises(RetryLaterError):
            await transcribe(resources, call_id)
        call = await load(resources.database, call_id)
        assert (call.state, call.attempts, call.error_code) == ("transcribing", number, "busy")
    assert await messages(resources.database) == []
    await transcribe(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.failed_stage, call.error_code) == ("failed", "transcribe", "busy")
    (message,) = await messages(resources.database)
    assert message.event_type == "call.failed"
    assert message.payload["data"]["error"] == {"code": "busy", "message": "稍后再试。"}


async def test_a_failure_that_will_not_pass_is_final_at_once(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    def bad(_progress: object) -> None:
        raise AppError("bad-audio", "文件损坏。")

    transcriber.before = bad
    await transcribe(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.attempts, call.error_code) == ("failed", 1, "bad-audio")
    assert call.finished_at is not None
    assert len(await messages(resources.database)) == 1
    transcriber.before = lambda _progress: None
    async with resources.database.session() as session:
        await retry_call(session, call_id)
        await session.commit()
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.error_code, call.failed_stage) == ("done", None, None)


async def test_an_unexpected_exception_is_retried_and_logged(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def broken(_progress: object) -> None:
        raise LookupError("secret detail")

    transcriber.before = broken
    for _ in range(2):
        with pytest.raises(RetryLaterError):
            await transcribe(resources, call_id)
    await transcribe(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.error_code) == ("failed", "internal-error")
    assert "secret detail" not in (call.error_message or "")
    assert any(record.exc_info for record in caplog.records)


async def test_a_call_that_kills_its_workers_is_given_up(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    async with resources.database.session() as session:
        for _ in range(resources.settings.worker.max_attempts):
            await start_stage(session, call_id, "transcribe")
        await session.commit()
    await transcribe(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.error_code) == ("failed", "worker-lost")
    assert transcriber.calls == []
    assert len(await messages(resources.database)) == 1


async def test_a_stop_cuts_long_work_off_and_does_not_count(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    def stop(progress: Any) -> None:
        progress(0.1)
        resources.stopping.set()
        progress(0.2)

    transcriber.before = stop
    with pytest.raises(StoppedError) as caught:
        await transcribe(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.attempts) == ("transcribing", 0)
    decision = StageRetry().get_retry_decision(exception=caught.value, job=_job())
    assert decision is not None


async def test_a_cancelled_stage_is_left_for_another_try(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(progress: Any) -> None:
        loop.call_soon_threadsafe(entered.set)
        assert resources.stopping.wait(30)
        progress(0.5)

    transcriber.before = wait
    running = asyncio.create_task(transcribe(resources, call_id))
    await entered.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()
    call = await load(resources.database, call_id)
    assert (call.state, call.attempts) == ("transcribing", 0)


def _job() -> Any:
    from procrastinate.jobs import Job

    return Job(id=1, queue="transcribe", lock=None, queueing_lock=None, task_name="x", attempts=0)
