"""History analysed again."""

import pytest
from bulk_calls import AUTHOR, LINES, ME, TREE, add_calls, load
from sqlalchemy import func, select, update

from models.results import load_analysis
from models.tables import Call, CallVectors
from models.versions import create_draft, get_version, publish
from pipeline.bulk import stages
from pipeline.bulk.failures import Failures
from pipeline.bulk.reanalysing import reanalyse_chunk
from pipeline.bulk.requests import (
    CallChoice,
    begin_reanalysis,
)
from pipeline.resources import Resources
from pipeline.worker import work


async def test_history_is_analysed_again_from_stored_vectors(
    published: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = published.database
    ids = await add_calls(database, 3)
    async with database.session() as session:
        row = await get_version(session, "tree", "小树", 1)
        first = await begin_reanalysis(session, "tree", row, CallChoice(), AUTHOR)
        await session.commit()
    await work(published, until_idle=True)
    assert (await load(published, first.id)).state == "done"
    async with database.session() as session:
        before = await load_analysis(session, ids[1])
        stored = await session.scalar(select(func.count()).select_from(CallVectors))
        assert stored == 3
        new = TREE.replace("[您好]", "[您好, 早上好]")
        await create_draft(session, "tree", name="小树", domain="edu", document=new, actor=ME)
        await publish(session, "tree", "小树", 2)
        row = await get_version(session, "tree", "小树", 2)
        again = await begin_reanalysis(session, "tree", row, CallChoice(), AUTHOR)
        await session.commit()
    assert before is not None
    encoded: list[str] = []
    encoder = published.analyzers._encoder._encoder  # type: ignore[union-attr]
    real = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda texts: encoded.extend(texts) or real(texts))
    published.analyzers._encoder._vectors.clear()  # type: ignore[union-attr]
    await work(published, until_idle=True)
    assert (await load(published, again.id)).state == "done"
    assert not set(encoded) & set(LINES)
    async with database.session() as session:
        after = await load_analysis(session, ids[1])
        call = await session.get(Call, ids[1])
    assert after is not None
    assert call is not None
    assert (before.score.value, after.score.value, call.score) == (90.0, 100.0, 100.0)
    assert after.versions["tree"] == "小树@2"


async def test_a_call_that_changed_meanwhile_keeps_its_newer_result(published: Resources) -> None:
    database = published.database
    (call_id,) = await add_calls(database, 1)
    async with database.session() as session:
        row = await get_version(session, "tree", "小树", 1)
        run = await begin_reanalysis(session, "tree", row, CallChoice(), AUTHOR)
        await session.commit()
    await stages.plan(published, run.id)
    chunk = await reanalyse_chunk(published, run, [call_id], Failures())
    async with database.session() as session:
        await session.execute(
            update(Call).where(Call.id == call_id).values(finished_at=func.now(), score=12.0)
        )
        await chunk.save(session, run)
        await session.commit()
    async with database.session() as session:
        call = await session.get(Call, call_id)
    assert call is not None
    assert call.score == 12.0
