"""Stages: every result is written once, with its next step, or not at all."""

import asyncio
import uuid

import pytest
from sqlalchemy import text
from stage_runs import RESULT_TABLES, analyze, job_names, load, messages, results, transcribe
from written_calls import ReadingTranscriber

from asr.transcript import Transcript
from models.calls import start_stage
from models.results import (
    load_analysis,
    load_transcript,
    load_waveform,
)
from pipeline.attempts import RetryLaterError
from pipeline.jobs import ANALYZE_CALL, DELIVER_WEBHOOK, TRANSCRIBE_CALL
from pipeline.resources import Resources


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


async def test_a_stage_of_an_unknown_call_is_no_error(resources: Resources) -> None:
    await transcribe(resources, uuid.uuid4())
    await analyze(resources, uuid.uuid4())
