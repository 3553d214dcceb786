"""What trials and back-tests find, and how they end."""

from typing import Any

import pytest
from bulk_calls import AUTHOR, RULES, TREE, add_calls, backtest, draft, load

from core.errors import AppError
from models.backtests import list_changes, list_compared
from models.bulk_runs import (
    failures_of,
)
from models.results import load_analysis
from models.versions import published_for
from pipeline.bulk import backtesting
from pipeline.bulk.requests import (
    TrialLine,
    TrialRequest,
    begin_trial,
)
from pipeline.resources import Resources
from pipeline.worker import work


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
