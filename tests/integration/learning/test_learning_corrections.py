"""Corrections as rows: one stands for an utterance and a node, whoever is first."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from taught_calls import REVIEWER, publish_tree, store_read_call, written

from core.errors import AppError
from models.corrections import (
    CorrectedNode,
    CorrectionVerdict,
    MachineHit,
    corrections_of,
    count_corrections,
    save_correction,
    trees_to_learn,
    utterance_of,
    withdraw_correction,
)
from models.database import Database
from models.heads import request_head
from models.tables import AuditEntry, Call, Correction

NODE = CorrectedNode(
    tree="更正测试", tree_version="1", key="opening/purpose", path="开场白/来电目的"
)


@pytest.fixture
async def call(database: Database) -> Call:
    await publish_tree(database)
    return await store_read_call(database)


async def correct(
    database: Database, call: Call, verdict: CorrectionVerdict, *, commit: bool = True
) -> Correction:
    transcript = written()
    async with database.session() as session:
        row = await save_correction(
            session,
            call.id,
            node=NODE,
            verdict=verdict,
            utterance=transcript.utterances[2],
            context=transcript.utterances[:2],
            hit=None if verdict == "added" else MachineHit(layer="keyword", score=1.0),
            actor=REVIEWER,
        )
        if commit:
            await session.commit()
        else:
            await session.rollback()
        return row


async def test_a_verdict_is_kept_with_what_was_said(database: Database, call: Call) -> None:
    row = await correct(database, call, "added")
    assert (row.text, row.role, row.username) == (written().utterances[2].text, "agent", "limin")
    assert [item["role"] for item in row.context] == ["agent", "customer"]
    assert (row.layer, row.score) == (None, None)
    async with database.session() as session:
        entry = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()))).first()
    assert entry is not None
    assert (entry.action, entry.object_id) == ("event.added", str(call.id))
    assert entry.after is not None
    assert row.text not in str(entry.after)


async def test_a_later_verdict_supersedes_and_the_same_again_changes_nothing(
    database: Database, call: Call
) -> None:
    first = await correct(database, call, "confirmed")
    assert (await correct(database, call, "confirmed")).id == first.id
    second = await correct(database, call, "overturned")
    async with database.session() as session:
        assert [row.id for row in await corrections_of(session, call.id)] == [second.id]
        old = await session.get(Correction, (call.id, first.id))
        assert old is not None
        assert old.standing == "superseded"
        counts = await count_corrections(session, "更正测试")
    assert counts == {"confirmed": 0, "overturned": 1, "added": 0}


async def test_concurrent_verdicts_leave_one_standing(database: Database, call: Call) -> None:
    verdicts: list[CorrectionVerdict] = ["confirmed", "overturned"] * 3
    await asyncio.gather(*(correct(database, call, verdict) for verdict in verdicts))
    async with database.session() as session:
        assert len(await corrections_of(session, call.id)) == 1


async def test_a_rolled_back_verdict_was_not_given(database: Database, call: Call) -> None:
    await correct(database, call, "added", commit=False)
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Correction)) == 0
        acts = select(func.count()).where(AuditEntry.action == "event.added")
        assert await session.scalar(acts) == 0


async def test_withdrawing_leaves_the_machine_alone_with_its_word(
    database: Database, call: Call
) -> None:
    row = await correct(database, call, "overturned")
    async with database.session() as session:
        await withdraw_correction(session, call.id, row.id, REVIEWER)
        await session.commit()
    async with database.session() as session:
        assert not await corrections_of(session, call.id)
        with pytest.raises(AppError) as caught:
            await withdraw_correction(session, call.id, row.id, REVIEWER)
    assert caught.value.code == "not-found"


async def test_a_verdict_is_found_again_in_a_new_transcription(
    database: Database, call: Call
) -> None:
    row = await correct(database, call, "added")
    transcript = written()
    assert utterance_of(row, transcript) == 2
    # One utterance more at the start, and the words heard a little differently.
    moved = tuple(
        replace(u, index=u.index + 1, text=f"{u.text}呢", start_ms=u.start_ms + 300)
        for u in transcript.utterances
    )
    first = replace(transcript.utterances[0], text="喂", end_ms=300)
    assert utterance_of(row, replace(transcript, utterances=(first, *moved))) == 3
    assert utterance_of(row, replace(transcript, utterances=transcript.utterances[:2])) is None


async def test_trees_with_new_verdicts_are_to_learn(database: Database, call: Call) -> None:
    async with database.session() as session:
        assert await trees_to_learn(session) == ()
    await correct(database, call, "added")
    async with database.session() as session:
        assert await trees_to_learn(session) == ("更正测试",)
        await request_head(session, "更正测试")
        await session.commit()
    async with database.session() as session:
        assert await trees_to_learn(session) == ()
