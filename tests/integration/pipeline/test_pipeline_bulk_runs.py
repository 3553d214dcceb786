"""Bulk runs on the real database and queue: trials, back-tests, re-analyses, kills and cancels."""

import asyncio
import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, table, update
from waiting import until
from worker_processes import worker

from core.errors import AppError
from models.actors import Actor
from models.backtests import list_changes, list_compared
from models.bulk_runs import (
    CHUNK_CALLS,
    cancel_run,
    delete_old_runs,
    failures_of,
    finish_chunk,
    get_run,
    hold_chunk,
    hold_running,
    open_positions,
)
from models.calls import NewCall, add_call
from models.database import Database
from models.results import load_analysis, save_transcript
from models.tables import BacktestCall, BulkChunk, BulkRun, Call, CallVectors
from models.versions import create_draft, get_version, publish, published_for
from pipeline import jobs
from pipeline.attempts import StoppedError
from pipeline.bulk import backtesting, stages
from pipeline.bulk.failures import Failures
from pipeline.bulk.reanalysing import reanalyse_chunk
from pipeline.bulk.requests import (
    Author,
    CallChoice,
    TrialLine,
    TrialRequest,
    begin_backtest,
    begin_reanalysis,
    begin_trial,
)
from pipeline.resources import Resources
from pipeline.worker import work
from qa_rules.examples import dialogue
from qa_rules.model import Example, ExampleLine

ME = Actor(username="me", role="admin")
AUTHOR = Author(uuid.UUID(int=1), "me")
TREE = """\
tree: 小树
domain: edu
nodes:
  - {key: hello, name: 问候, role: agent, sop: true, match: {keywords: [您好]}}
  - {key: price, name: 报价, role: agent, match: {keywords: [多少钱]}}
"""
RULES = """\
ruleset: 小规则
version: "1"
domain: edu
scorecard: {name: 卡, pass_mark: 95}
categories: [服务]
rules:
  - id: no-hello
    name: 未问候
    category: 服务
    severity: minor
    reason: 要问候
    score: -10
    conditions: {问候: {event: {none: [问候]}}}
    hit_if: 问候
"""
LINES = ("您好我是课程顾问", "你说", "这个课多少钱您知道吗", "不知道", "早上好打扰了", "再见")


async def add_calls(database: Database, count: int, domain: str = "edu") -> list[uuid.UUID]:
    """Calls that are transcribed and analysed as far as lists can tell; every second one greets."""
    ids = []
    async with database.session() as session:
        for number in range(count):
            said = LINES if number % 2 == 0 else LINES[1:]
            lines = tuple(
                ExampleLine("customer" if text in ("你说", "不知道") else "agent", text)
                for text in said
            )
            row, _ = await add_call(
                session,
                NewCall(external_id=f"{domain}-{number}", metadata={
                    "domain": domain, "agent": f"坐席{number % 3}", "team": f"{number % 2}组",
                }),
            )  # fmt: skip
            await save_transcript(session, row.id, dialogue(Example(lines)))
            row.state = "done"
            ids.append(row.id)
        await session.commit()
    return ids


@pytest.fixture
async def published(resources: Resources) -> Resources:
    """The resources, with a small tree and rule set in force for `edu`."""
    async with resources.database.session() as session:
        for kind, name, text in (("tree", "小树", TREE), ("ruleset", "小规则", RULES)):
            await create_draft(session, kind, name=name, domain="edu", document=text, actor=ME)
            await publish(session, kind, name, 1)
        await session.commit()
    return resources


async def draft(resources: Resources, kind: Any, name: str, document: str) -> int:
    async with resources.database.session() as session:
        row = await create_draft(
            session, kind, name=name, domain="edu", document=document, actor=ME
        )
        await session.commit()
        return row.version


async def backtest(
    resources: Resources, kind: Any, name: str, version: int, **choice: Any
) -> uuid.UUID:
    async with resources.database.session() as session:
        row = await get_version(session, kind, name, version)
        run = await begin_backtest(session, kind, row, CallChoice(**choice), AUTHOR)
        await session.commit()
        return run.id


async def load(resources: Resources, run_id: uuid.UUID) -> BulkRun:
    async with resources.database.session() as session:
        return await get_run(session, run_id)


async def test_a_tree_is_tested_against_the_one_in_force(published: Resources) -> None:
    ids = await add_calls(published.database, 6)
    await add_calls(published.database, 2, domain="ins")
    new = TREE.replace("[您好]", "[您好, 早上好]").replace("[多少钱]", "[价钱]")
    run_id = await backtest(published, "tree", "小树", await draft(published, "tree", "小树", new))
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls, run.calls_done, run.calls_failed) == ("done", 6, 6, 0)
    assert run.result is not None
    assert run.result["nodes"] == [
        {"key": "报价", "name": "报价", "gained": 0, "lost": 6},
        {"key": "问候", "name": "问候", "gained": 6, "lost": 0},
    ]
    # Three calls did not greet in the old sense and do in the new one.
    assert run.result["rules"] == [{"key": "no-hello", "name": "未问候", "gained": 0, "lost": 3}]
    assert (run.result["score_before"], run.result["score_after"]) == (95.0, 100.0)
    assert (run.result["now_passing"], run.result["now_failing"]) == (3, 0)
    assert {row["agent"]: row["before"] for row in run.result["agents"]} == {
        "坐席0": 95.0, "坐席1": 95.0, "坐席2": 95.0,
    }  # fmt: skip
    async with published.database.session() as session:
        gained = await list_changes(session, run_id, key="问候", change="gained", limit=4)
        rest = await list_changes(
            session, run_id, key="问候", change="gained", cursor=gained.next_cursor, limit=4
        )
        moved = await list_compared(session, run_id, "verdict")
    first = gained.items[0]
    assert (first.quote, first.sentence, first.layer) == ("早上好", "早上好打扰了", "keyword")
    assert [len(gained.items), len(rest.items), rest.next_cursor] == [4, 2, None]
    assert {call.call_id for call in moved.items} == set(ids[1::2])
    # The calls themselves are as they were.
    async with published.database.session() as session:
        assert await load_analysis(session, ids[0]) is None


async def test_a_rule_set_is_tested_on_the_same_hits(published: Resources) -> None:
    await add_calls(published.database, 4)
    stricter = RULES.replace("score: -10", "score: -30").replace("id: no-hello", "id: silent")
    version = await draft(published, "ruleset", "小规则", stricter)
    run_id = await backtest(published, "ruleset", "小规则", version, team="1组")
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert run.calls == 2
    assert run.result is not None
    assert run.result["nodes"] == []
    assert {row["key"]: (row["gained"], row["lost"]) for row in run.result["rules"]} == {
        "silent": (2, 0), "no-hello": (0, 2),
    }  # fmt: skip
    assert (run.result["score_before"], run.result["score_after"]) == (90.0, 70.0)
    async with published.database.session() as session:
        page = await list_changes(session, run_id, subject="rule", change="gained")
    assert page.items[0].score == -30
    assert page.items[0].quote == ""
    assert page.items[0].reason


async def test_the_same_sample_is_taken_each_time(published: Resources) -> None:
    await add_calls(published.database, 12)
    taken = []
    for _ in range(2):
        run_id = await backtest(published, "tree", "小树", 1, sample=5)
        await work(published, until_idle=True)
        async with published.database.session() as session:
            page = await list_compared(session, run_id, "all")
        taken.append([call.call_id for call in page.items])
    assert taken[0] == taken[1]
    assert len(taken[0]) == 5


async def test_no_calls_is_a_result(published: Resources) -> None:
    run_id = await backtest(published, "tree", "小树", 1)
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls) == ("done", 0)
    assert run.result is not None
    assert run.result["score_before"] is None


async def test_what_does_not_compile_fails_the_run_with_the_reason(published: Resources) -> None:
    await add_calls(published.database, 1)
    broken = TREE.replace("keywords: [多少钱]", 'regex: ["("]')
    run_id = await backtest(
        published, "tree", "小树", await draft(published, "tree", "小树", broken)
    )
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.error_code) == ("failed", "bad-tree")
    assert run.error_message


async def test_a_lost_lane_goes_on_and_nothing_is_counted_twice(published: Resources) -> None:
    database = published.database
    count = CHUNK_CALLS * (jobs.LANES + 1) + 1
    await add_calls(database, count)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    await stages.work_on_chunk(published, run_id, 0)
    # Done again, as after a worker that was thought dead: it is stored once.
    await stages.work_on_chunk(published, run_id, 0)
    assert (await load(published, run_id)).calls_done == CHUNK_CALLS
    async with database.session() as session:
        assert await open_positions(session, run_id) == list(range(1, jobs.LANES + 2))
        await session.execute(jobs_table().delete())
        assert await stages.requeue_runs(session) == jobs.LANES
        assert await stages.requeue_runs(session) == 0
        await session.commit()
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done) == ("done", count)
    async with database.session() as session:
        stored = await session.scalar(select(func.count()).where(BacktestCall.run_id == run_id))
    assert stored == count


async def test_chunks_of_a_run_are_stored_side_by_side(published: Resources) -> None:
    await add_calls(published.database, CHUNK_CALLS + 1)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    database = published.database
    async with database.session() as one, database.session() as other, asyncio.timeout(30):
        assert await hold_chunk(one, run_id, 0)
        assert await hold_chunk(other, run_id, 1)
        assert (await hold_running(other, run_id)) is not None
        await finish_chunk(other, await get_run(other, run_id), 1, ())
        await other.commit()
        # The first one ends the run: it sees what the other has stored meanwhile.
        run = await hold_running(one, run_id)
        assert run is not None
        assert await finish_chunk(one, run, 0, ())
        assert run.calls_done == CHUNK_CALLS + 1


async def test_a_worker_that_dies_each_time_ends_the_run(published: Resources) -> None:
    await add_calls(published.database, 1)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    async with published.database.session() as session:
        await session.execute(
            update(BulkChunk).values(attempts=published.settings.worker.max_attempts)
        )
        await session.commit()
    await stages.work_on_chunk(published, run_id, 0)
    run = await load(published, run_id)
    assert (run.state, run.error_code) == ("failed", "worker-lost")


async def test_a_killed_worker_s_chunks_are_done_once(published: Resources, tmp_path: Path) -> None:
    count = CHUNK_CALLS * 12
    await add_calls(published.database, count)
    run_id = await backtest(published, "tree", "小树", 1)

    async def begun() -> bool:
        return (await load(published, run_id)).calls_done > 0

    with worker(published.settings, tmp_path / "first.log") as first:
        await until(begun, 300)
        first.kill()
        first.wait(30)
    cut_off = await load(published, run_id)
    assert cut_off.state == "running"
    assert 0 < cut_off.calls_done < count
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done, run.calls_failed) == ("done", count, 0)
    async with published.database.session() as session:
        stored = await session.scalar(select(func.count()).where(BacktestCall.run_id == run_id))
    assert stored == count


async def test_a_cancelled_run_stores_nothing_more(published: Resources) -> None:
    await add_calls(published.database, CHUNK_CALLS + 1)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    await stages.work_on_chunk(published, run_id, 0)
    async with published.database.session() as session:
        run = await cancel_run(session, await get_run(session, run_id))
        await session.commit()
    assert run.state == "cancelled"
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done) == ("cancelled", CHUNK_CALLS)


async def test_a_stop_is_no_failure(published: Resources) -> None:
    await add_calls(published.database, 2)
    run_id = await backtest(published, "tree", "小树", 1)
    await stages.plan(published, run_id)
    published.stopping.set()
    with pytest.raises(StoppedError):
        await stages.work_on_chunk(published, run_id, 0)
    published.stopping.clear()
    assert (await load(published, run_id)).state == "running"
    await work(published, until_idle=True)
    assert (await load(published, run_id)).state == "done"


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


async def test_one_broken_call_does_not_stop_the_others(
    published: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await add_calls(published.database, 3)
    real = backtesting._compare

    def compare(run: Any, item: Any) -> Any:
        if item.stored.call.id == ids[1]:
            raise AppError("bad-document", "坏了。请修复。")
        return real(run, item)

    monkeypatch.setattr(backtesting, "_compare", compare)
    run_id = await backtest(published, "tree", "小树", 1)
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert (run.state, run.calls_done, run.calls_failed) == ("done", 3, 1)
    async with published.database.session() as session:
        assert await failures_of(session, run_id) == [
            {"call_id": str(ids[1]), "message": "坏了。请修复。"}
        ]


async def test_a_trial_tells_what_fires_and_how_near_the_rest_is(resources: Resources) -> None:
    async with resources.database.session() as session:
        row = await published_for(session, "tree", "edu")
        assert row is not None
        lines = (
            TrialLine(role="agent", text="您好，这边通话是有录音的"),
            TrialLine(role="agent", text="您现在的学历是到哪一步了"),
        )
        run = await begin_trial(session, "tree", row, TrialRequest(lines=lines), AUTHOR)
        await session.commit()
    await work(resources, until_idle=True)
    run = await load(resources, run.id)
    assert run.state == "done", run.error_message
    assert run.result is not None
    first, second = run.result["lines"]
    assert first["text"] == "您好，这边通话是有录音的"
    fired = {hit["node"] for hit in first["hits"]}
    assert any("录音" in node for node in fired)
    for line in (first, second):
        near = [entry for entry in line["near"] if not entry["hit"]]
        assert len(near) == 5
        assert [entry["distance"] for entry in near] == sorted(e["distance"] for e in near)
        for entry in line["near"]:
            assert entry["distance"] == pytest.approx(entry["threshold"] - entry["score"], abs=1e-3)
    assert run.result["score"]["lines"]


async def test_old_runs_are_removed(published: Resources) -> None:
    run_id = await backtest(published, "tree", "小树", 1)
    await work(published, until_idle=True)
    run = await load(published, run_id)
    assert run.finished_at is not None
    async with published.database.session() as session:
        assert await delete_old_runs(session) == 0
        assert await delete_old_runs(session, run.finished_at + dt.timedelta(days=91)) == 1
        await session.commit()


def jobs_table() -> Any:
    return table("procrastinate_jobs")
