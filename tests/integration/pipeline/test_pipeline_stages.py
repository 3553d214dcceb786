"""Stages: every result is written once, with its next step, or not at all."""

import asyncio
import contextlib
import uuid
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from written_calls import ReadingTranscriber

from asr.transcript import Transcript
from core.errors import AppError
from models.calls import get_call, start_stage
from models.database import Database
from models.hearing import HearingOptions, hearing_options, options_json
from models.results import (
    load_analysis,
    load_channel_roles,
    load_transcript,
    load_waveform,
)
from models.tables import Call, WebhookMessage
from models.versions import create_draft, publish
from pipeline.analyzing import analyze_call
from pipeline.attempts import RetryLaterError, StageRetry, StoppedError, SupersededError, attempt
from pipeline.jobs import ANALYZE_CALL, DELIVER_WEBHOOK, TRANSCRIBE_CALL
from pipeline.resources import Resources
from pipeline.rework import fix_audio, reanalyze_call, retry_call
from pipeline.transcribing import transcribe_call

RESULT_TABLES = (
    "transcripts", "utterances", "call_waveforms", "event_hits", "sop_states", "findings",
    "call_metrics",
)  # fmt: skip


async def transcribe(resources: Resources, call_id: uuid.UUID) -> None:
    await attempt(resources, call_id, "transcribe", transcribe_call)


async def analyze(resources: Resources, call_id: uuid.UUID) -> None:
    await attempt(resources, call_id, "analyze", analyze_call)


async def load(database: Database, call_id: uuid.UUID) -> Call:
    async with database.session() as session:
        return await get_call(session, call_id)


async def results(database: Database) -> dict[str, list[Any]]:
    """Every row of every result table, without the times at which they were written."""
    found = {}
    async with database.session() as session:
        for table in RESULT_TABLES:
            rows = await session.execute(
                text(f"SELECT to_jsonb(t) - 'created_at' AS row FROM {table} t ORDER BY 1")
            )
            found[table] = list(rows.scalars())
    return found


async def job_names(database: Database) -> list[str]:
    async with database.session() as session:
        rows = await session.execute(text("SELECT task_name FROM procrastinate_jobs ORDER BY id"))
        return list(rows.scalars())


async def messages(database: Database) -> list[WebhookMessage]:
    async with database.session() as session:
        return list(await session.scalars(select(WebhookMessage).order_by(WebhookMessage.id)))


async def test_a_call_becomes_done(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    database = resources.database
    await transcribe(resources, call_id)
    heard = await load(database, call_id)
    assert (heard.state, heard.attempts, heard.stage_token) == ("analyzing", 0, None)
    assert heard.transcribe_started_at is not None
    assert heard.transcribed_at is not None
    assert heard.duration_ms is not None
    assert heard.audio is not None
    assert heard.audio["sample_rate_hz"] == 8000
    assert transcriber.calls == [("agent", "customer")]
    await analyze(resources, call_id)
    done = await load(database, call_id)
    assert (done.state, done.error_code, done.stage_token) == ("done", None, None)
    assert done.finished_at is not None
    assert done.score is not None
    assert done.tree_version_id is not None
    assert done.ruleset_version_id is not None
    assert await job_names(database) == [TRANSCRIBE_CALL, ANALYZE_CALL, DELIVER_WEBHOOK]
    async with database.session() as session:
        transcript = await load_transcript(session, call_id)
        analysis = await load_analysis(session, call_id)
        waveform = await load_waveform(session, call_id)
    assert isinstance(transcript, Transcript)
    assert len(transcript.utterances) > 10
    assert analysis is not None
    assert analysis.score.value == done.score
    assert {hit.tree for hit in analysis.hits} == {"职业教育@1"}
    assert analysis.versions["tree"] == "职业教育@1"
    assert [channel.channel for channel in waveform] == [0, 1]
    seconds = len(waveform[0].peaks) / 2 / waveform[0].per_second
    assert seconds == pytest.approx(done.duration_ms / 1000, abs=0.1)


async def test_the_completion_is_told_without_the_words(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID
) -> None:
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    (message,) = await messages(resources.database)
    call = await load(resources.database, call_id)
    data = message.payload["data"]
    assert message.event_type == message.payload["type"] == "call.completed"
    assert (data["call_id"], data["external_id"]) == (str(call_id), "e-1")
    assert data["score"] == call.score
    assert data["metadata"]["agent"] == "小王"
    assert data["links"]["api"].endswith(f"/api/v1/calls/{call_id}")
    async with resources.database.session() as session:
        transcript = await load_transcript(session, call_id)
    assert transcript is not None
    said = str(message.payload)
    assert not [u.text for u in transcript.utterances if len(u.text) > 4 and u.text in said]


async def test_running_a_stage_again_changes_nothing(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    database = resources.database
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    before, jobs, call = (
        await results(database),
        await job_names(database),
        await load(database, call_id),
    )
    for _ in range(2):
        await transcribe(resources, call_id)
        await analyze(resources, call_id)
    assert await results(database) == before
    assert await job_names(database) == jobs
    assert (await load(database, call_id)).finished_at == call.finished_at
    assert len(transcriber.calls) == 1
    assert len(await messages(database)) == 1


async def test_a_repeated_try_leaves_one_set_of_results(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID
) -> None:
    database = resources.database
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    before = await results(database)
    async with database.session() as session:
        await session.execute(text("UPDATE calls SET state = 'transcribing'"))
        await session.commit()
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    assert await results(database) == before
    assert all(before[table] for table in RESULT_TABLES)


@pytest.mark.parametrize("stage", ["transcribe", "analyze"])
async def test_two_tries_at_once_write_one_set_of_results(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID, stage: str,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    database = resources.database
    if stage == "analyze":
        await transcribe(resources, call_id)
    run = transcribe if stage == "transcribe" else analyze
    await asyncio.gather(*(run(resources, call_id) for _ in range(3)))
    if stage == "transcribe":
        await analyze(resources, call_id)
    call = await load(database, call_id)
    assert call.state == "done"
    assert await job_names(database) == [TRANSCRIBE_CALL, ANALYZE_CALL, DELIVER_WEBHOOK]
    assert len(await messages(database)) == 1
    transcript = (await results(database))["utterances"]
    assert sorted(row["position"] for row in transcript) == list(range(len(transcript)))


async def test_a_try_that_was_taken_over_writes_nothing(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    loop = asyncio.get_running_loop()

    async def take_over() -> None:
        async with resources.database.session() as session:
            await start_stage(session, call_id, "transcribe")
            await session.commit()

    def before(_progress: object) -> None:
        asyncio.run_coroutine_threadsafe(take_over(), loop).result(30)

    transcriber.before = before
    await transcribe(resources, call_id)
    call = await load(resources.database, call_id)
    assert (call.state, call.attempts) == ("transcribing", 2)
    assert not any((await results(resources.database)).values())
    assert await job_names(resources.database) == [TRANSCRIBE_CALL]


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


async def test_results_are_rolled_back_together_when_their_transaction_fails(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await transcribe(resources, call_id)

    async def refuse(*_args: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.analyzing.announce", refuse)
        with pytest.raises(RetryLaterError):
            await analyze(resources, call_id)
    found = await results(resources.database)
    assert not found["event_hits"]
    assert not found["call_metrics"]
    assert (await load(resources.database, call_id)).state == "analyzing"
    await analyze(resources, call_id)
    assert (await load(resources.database, call_id)).state == "done"


async def test_a_new_tree_version_reanalyses_without_transcribing(
    resources: Resources, call_id: uuid.UUID, endpoint_id: uuid.UUID,
    transcriber: ReadingTranscriber,
) -> None:  # fmt: skip
    database = resources.database
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    tree = "tree: 我的\nversion: '1'\nnodes:\n  - key: a\n    name: 甲\n    role: agent\n"
    tree += "    sop: true\n    match:\n      keywords: [您好]\n"
    async with database.session() as session:
        draft = await create_draft(session, "tree", name="我的", domain="edu", document=tree)
        await publish(session, "tree", "我的", draft.version)
        await reanalyze_call(session, call_id)
        await session.commit()
    assert (await load(database, call_id)).state == "analyzing"
    async with database.session() as session:
        assert await load_analysis(session, call_id) is not None
    await analyze(resources, call_id)
    async with database.session() as session:
        analysis = await load_analysis(session, call_id)
    assert analysis is not None
    assert [step.node for step in analysis.sop.steps] == ["甲"]
    assert {hit.tree for hit in analysis.hits} == {"我的@1"}
    assert len(transcriber.calls) == 1
    assert len(await messages(database)) == 2


async def test_a_change_during_an_analysis_is_not_lost(
    resources: Resources, call_id: uuid.UUID
) -> None:
    database = resources.database
    await transcribe(resources, call_id)
    async with database.session() as session:
        started = await start_stage(session, call_id, "analyze")
        await session.commit()
    assert started is not None
    async with database.session() as session:
        call = await reanalyze_call(session, call_id)
        call.domain = "ins"
        await session.commit()
    with pytest.raises(SupersededError):
        await analyze_call(resources, *started)
    assert not (await results(database))["event_hits"]
    await analyze(resources, call_id)
    async with database.session() as session:
        analysis = await load_analysis(session, call_id)
    assert analysis is not None
    assert analysis.versions["tree"] == "保险@1"


async def test_a_stage_of_an_unknown_call_is_no_error(resources: Resources) -> None:
    await transcribe(resources, uuid.uuid4())
    await analyze(resources, uuid.uuid4())


async def test_rework_is_refused_when_there_is_nothing_to_work_on(
    database: Database, resources: Resources, call_id: uuid.UUID
) -> None:
    async def refused(session: AsyncSession, work: Any, wanted: uuid.UUID) -> str:
        with pytest.raises(AppError) as caught:
            await work(session, wanted)
        return caught.value.code

    async with database.session() as session:
        assert await refused(session, reanalyze_call, call_id) == "not-transcribed"
        assert await refused(session, retry_call, call_id) == "not-failed"
        assert await refused(session, retry_call, uuid.uuid4()) == "not-found"


def _job() -> Any:
    from procrastinate.jobs import Job

    return Job(id=1, queue="transcribe", lock=None, queueing_lock=None, task_name="x", attempts=0)


async def test_a_call_is_heard_as_people_want_it(
    resources: Resources, call_id: uuid.UUID, transcriber: ReadingTranscriber
) -> None:
    database = resources.database
    async with database.session() as session:
        call = await get_call(session, call_id)
        call.options = options_json(HearingOptions(swap_roles=True))
        await session.commit()
    await transcribe(resources, call_id)
    async with database.session() as session:
        swapped = await load_transcript(session, call_id)
        assert await load_channel_roles(session, call_id) == {0: "customer", 1: "agent"}
    assert swapped is not None
    assert swapped.utterances[0].role == "customer"
    assert "swapped-channels" in swapped.audio.quality_flags
    async with database.session() as session:
        await fix_audio(session, call_id, "treat-as-mono")
        await session.commit()
    assert hearing_options(await load(database, call_id)) == HearingOptions(mix_channels=True)
    await transcribe(resources, call_id)
    assert transcriber.channels == [2, 1]
    async with database.session() as session:
        assert len(await load_waveform(session, call_id)) == 1


async def test_a_fix_while_the_call_is_heard_wins(resources: Resources, call_id: uuid.UUID) -> None:
    database = resources.database
    async with database.session() as session:
        started = await start_stage(session, call_id, "transcribe")
        await session.commit()
    assert started is not None
    async with database.session() as session:
        await fix_audio(session, call_id, "swap-roles")
        await session.commit()
    with pytest.raises(SupersededError):
        await transcribe_call(resources, *started)
    await transcribe(resources, call_id)
    async with database.session() as session:
        assert (await load_channel_roles(session, call_id))[0] == "customer"
