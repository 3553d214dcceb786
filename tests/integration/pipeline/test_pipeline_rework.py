"""Calls that are analysed or heard once more."""

import uuid
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from stage_runs import analyze, load, messages, results, transcribe
from written_calls import ReadingTranscriber

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
from models.versions import create_draft, publish
from pipeline.analyzing import analyze_call
from pipeline.attempts import SupersededError
from pipeline.resources import Resources
from pipeline.rework import fix_audio, reanalyze_call, retry_call
from pipeline.transcribing import transcribe_call


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
