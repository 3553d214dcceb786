"""Back-test and publication on six calls whose scores are worked out by hand.

| call | agent | greets | price | bye | before | after |
|------|-------|--------|-------|-----|--------|-------|
| 1    | A     | yes    | no    | yes | 100    | 100   |
| 2    | A     | no     | no    | yes | 90     | 80    |
| 3    | B     | yes    | yes   | no  | 95     | 85    |
| 4    | B     | yes    | yes   | yes | 95     | 100   |
| 5    | C     | no     | yes   | no  | 85     | 65    |
| 6    | D     | yes    | no    | yes | 100    | 100   |

In force: no greeting costs 10, a price costs 5. Tested: no greeting costs 20, no goodbye 15, a
price nothing. A call passes from 85 on.
"""

import datetime as dt
import uuid

import pytest

from models.actors import Actor
from models.backtests import list_changes, list_compared
from models.bulk_runs import get_run
from models.calls import NewCall, add_call
from models.results import save_transcript
from models.tables import Call
from models.versions import create_draft, get_version, publish
from pipeline.bulk.requests import Author, CallChoice, begin_backtest, begin_reanalysis
from pipeline.jobs import defer_analysis
from pipeline.resources import Resources
from pipeline.worker import work
from qa_rules.examples import dialogue
from qa_rules.model import Example, ExampleLine

ME = Actor(username="me", role="admin")
AUTHOR = Author(uuid.UUID(int=1), "me")
FIRST_DAY = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
TREE = """\
tree: 小树
domain: edu
nodes:
  - {key: hello, name: 问候, role: agent, match: {keywords: [您好]}}
"""
HEAD = """\
ruleset: 小规则
version: "1"
domain: edu
scorecard: {name: 卡, start: 100, pass_mark: 85}
categories: [服务]
rules:
"""
RULE = """\
  - id: {id}
    name: {id}
    category: 服务
    severity: minor
    reason: 因
    score: {score}
    conditions: {{说: {{keyword: {words}}}}}
    hit_if: 说
"""
BEFORE = HEAD + RULE.format(id="greet", score=-10, words="{none: [您好]}") + RULE.format(
    id="price", score=-5, words="[多少钱]"
)  # fmt: skip
AFTER = HEAD + RULE.format(id="greet", score=-20, words="{none: [您好]}") + RULE.format(
    id="bye", score=-15, words="{none: [再见]}"
)  # fmt: skip
CALLS = (
    ("A", "您好我是顾问", "再见"), ("A", "我是顾问", "再见"),
    ("B", "您好你看这个课多少钱", "就这样"), ("B", "您好你看这个课多少钱", "再见"),
    ("C", "你看这个课多少钱", "就这样"), ("D", "您好我是顾问", "再见"),
)  # fmt: skip
SCORES_BEFORE = [100, 90, 95, 95, 85, 100]
SCORES_AFTER = [100, 80, 85, 100, 65, 100]


async def add_calls(resources: Resources, prefix: str = "") -> list[uuid.UUID]:
    """The six calls, one a day, analysed with what is in force."""
    ids = []
    async with resources.database.session() as session:
        for day, (agent, *said) in enumerate(CALLS):
            metadata = {
                "domain": "edu", "agent": agent,
                "started_at": FIRST_DAY + dt.timedelta(days=day),
            }  # fmt: skip
            row, _ = await add_call(
                session, NewCall(external_id=f"{prefix}{day}", metadata=metadata)
            )
            lines = tuple(ExampleLine("agent", text) for text in said)
            await save_transcript(session, row.id, dialogue(Example(lines)))
            row.state = "analyzing"
            await defer_analysis(session, row.id)
            ids.append(row.id)
        await session.commit()
    await work(resources, until_idle=True)
    return ids


@pytest.fixture
async def analysed(resources: Resources) -> tuple[Resources, list[uuid.UUID]]:
    """Small documents in force, the calls scored by them, and the rule set to test as version 2."""
    async with resources.database.session() as session:
        for kind, name, text in (("tree", "小树", TREE), ("ruleset", "小规则", BEFORE)):
            await create_draft(session, kind, name=name, domain="edu", document=text, actor=ME)  # type: ignore[arg-type]
            await publish(session, kind, name, 1)  # type: ignore[arg-type]
        await session.commit()
    ids = await add_calls(resources)
    async with resources.database.session() as session:
        await create_draft(
            session, "ruleset", name="小规则", domain="edu", document=AFTER, actor=ME
        )
        await session.commit()
    return resources, ids


async def scores(resources: Resources, ids: list[uuid.UUID]) -> list[float | None]:
    async with resources.database.session() as session:
        return [(await session.get_one(Call, call_id)).score for call_id in ids]


async def test_the_back_test_says_what_the_table_says(
    analysed: tuple[Resources, list[uuid.UUID]],
) -> None:
    resources, ids = analysed
    assert await scores(resources, ids) == SCORES_BEFORE
    async with resources.database.session() as session:
        row = await get_version(session, "ruleset", "小规则", 2)
        run = await begin_backtest(session, "ruleset", row, CallChoice(), AUTHOR)
        await session.commit()
    await work(resources, until_idle=True)
    async with resources.database.session() as session:
        result = (await get_run(session, run.id)).result
        assert result == {
            "calls": 6, "changed_calls": 4, "score_before": 94.17, "score_after": 88.33,
            "passed_before": 6, "passed_after": 4, "now_passing": 0, "now_failing": 2,
            "nodes": [],
            "rules": [
                {"key": "price", "name": "price", "gained": 0, "lost": 3},
                {"key": "bye", "name": "bye", "gained": 2, "lost": 0},
            ],
            # By how far the average moves; D's does not.
            "agents": [
                {"agent": "C", "calls": 1, "before": 85.0, "after": 65.0},
                {"agent": "A", "calls": 2, "before": 95.0, "after": 90.0},
                {"agent": "B", "calls": 2, "before": 95.0, "after": 92.5},
            ],
        }  # fmt: skip
        failing = await list_compared(session, run.id, "verdict")
        assert {call.call_id for call in failing.items} == {ids[1], ids[4]}
        changed = await list_compared(session, run.id, "changed")
        assert {call.call_id: (call.score_before, call.score_after) for call in changed.items} == {
            ids[at]: (SCORES_BEFORE[at], SCORES_AFTER[at]) for at in (1, 2, 3, 4)
        }
        lost = await list_changes(session, run.id, key="price", change="lost")
        assert {change.call_id for change in lost.items} == {ids[2], ids[3], ids[4]}
        assert all(change.quote == "多少钱" for change in lost.items)
    assert await scores(resources, ids) == SCORES_BEFORE, "nothing is changed by looking"


async def test_publishing_re_scores_from_a_day_on_or_only_new_calls(
    analysed: tuple[Resources, list[uuid.UUID]],
) -> None:
    resources, ids = analysed
    async with resources.database.session() as session:
        row = await publish(session, "ruleset", "小规则", 2)
        await session.commit()
    await work(resources, until_idle=True)
    assert await scores(resources, ids) == SCORES_BEFORE, "history stays unless it is asked for"

    async with resources.database.session() as session:
        since = FIRST_DAY + dt.timedelta(days=2)
        run = await begin_reanalysis(
            session, "ruleset", row, CallChoice(started_from=since), AUTHOR
        )
        await session.commit()
    await work(resources, until_idle=True)
    async with resources.database.session() as session:
        done = await get_run(session, run.id)
        assert (done.state, done.calls, done.calls_failed) == ("done", 4, 0)
        versions = {
            (await session.get_one(Call, call_id)).ruleset_version_id for call_id in ids[2:]
        }
    assert versions == {row.id}
    # The third call is the first of those that are on or after the day.
    assert await scores(resources, ids) == [*SCORES_BEFORE[:2], *SCORES_AFTER[2:]]
    assert await scores(resources, await add_calls(resources, "new-")) == SCORES_AFTER
