"""A language model's answers in back-tests and trials of rules: known ones count, none is asked."""

import uuid
from typing import Any

import pytest
from stub_judge import StubJudge, stub_judge, yes_to_all

from core.settings import JudgeSettings
from models.backtests import list_changes
from models.bulk_runs import get_run
from models.tables import BulkRun
from models.versions import create_draft, get_version, publish
from pipeline.bulk.requests import Author, CallChoice, TrialRequest, begin_backtest, begin_trial
from pipeline.resources import Resources
from pipeline.worker import work

AUTHOR = Author(uuid.UUID(int=1), "me")
NAME = "会问的规则"
ASKED = "坐席是否说过话？"
RULES = """
ruleset: 会问的规则
version: "1"
domain: edu
categories: [类]
rules:
- id: spoke
  name: 说过话
  category: 类
  severity: minor
  reason: 因为
  score: -5
  hit_if: 说过
  conditions: {说过: {judge: 坐席是否说过话？, role: agent}}
"""
MORE = """
- id: silent
  name: 没说话
  category: 类
  severity: minor
  reason: 因为
  score: -30
  hit_if: not 说过
  conditions: {说过: {judge: 坐席是否说过话？, role: agent}}
- id: unasked
  name: 没问过
  category: 类
  severity: minor
  reason: 因为
  score: -50
  hit_if: 问过
  conditions: {问过: {judge: 客户是否问过价？, role: customer}}
"""


async def _draft(resources: Resources, document: str) -> int:
    async with resources.database.session() as session:
        row = await create_draft(session, "ruleset", name=NAME, domain="edu", document=document)
        await session.commit()
        return row.version


@pytest.fixture
async def answered(resources: Resources, call_id: uuid.UUID) -> Resources:
    """The resources, with a call of which the rules in force have asked, and got a yes."""
    version = await _draft(resources, RULES)
    async with resources.database.session() as session:
        await publish(session, "ruleset", NAME, version)
        await session.commit()
    stub = await _work(resources)
    assert len(stub.bodies) == 1
    assert call_id
    return resources


async def _work(resources: Resources) -> StubJudge:
    async with stub_judge(yes_to_all) as stub:
        resources.settings.judge = JudgeSettings(base_url=stub.base_url, model="stub", timeout_s=2)
        await work(resources, until_idle=True)
        return stub


async def _run(resources: Resources, run: BulkRun) -> dict[str, Any]:
    """What came of a run, during which nobody was asked anything."""
    stub = await _work(resources)
    assert stub.bodies == []
    async with resources.database.session() as session:
        done = await get_run(session, run.id)
    assert done.state == "done", done.error_message
    assert done.result is not None
    return dict(done.result)


async def test_a_back_test_counts_answers_and_asks_nothing(answered: Resources) -> None:
    version = await _draft(answered, RULES.replace("score: -5", "score: -20") + MORE)
    async with answered.database.session() as session:
        row = await get_version(session, "ruleset", NAME, version)
        run = await begin_backtest(session, "ruleset", row, CallChoice(), AUTHOR)
        await session.commit()
    result = await _run(answered, run)
    # The yes makes one rule hit before and after; what was never asked makes no rule hit.
    assert (result["score_before"], result["score_after"]) == (95.0, 80.0)
    assert result["rules"] == []


async def test_a_back_test_tells_what_an_answer_gains(answered: Resources) -> None:
    version = await _draft(answered, RULES.replace("id: spoke", "id: talked"))
    async with answered.database.session() as session:
        row = await get_version(session, "ruleset", NAME, version)
        run = await begin_backtest(session, "ruleset", row, CallChoice(), AUTHOR)
        await session.commit()
    await _run(answered, run)
    async with answered.database.session() as session:
        (gained,) = (await list_changes(session, run.id, change="gained")).items
        (lost,) = (await list_changes(session, run.id, change="lost")).items
    assert (gained.key, lost.key) == ("talked", "spoke")
    assert gained.layer == "judge"
    assert gained.quote


async def test_a_trial_on_a_call_counts_its_answers(
    answered: Resources, call_id: uuid.UUID
) -> None:
    version = await _draft(answered, RULES + MORE)
    async with answered.database.session() as session:
        row = await get_version(session, "ruleset", NAME, version)
        request = TrialRequest(call_id=call_id)
        run = await begin_trial(session, "ruleset", row, request, AUTHOR)
        await session.commit()
    result = await _run(answered, run)
    outcomes = {finding["rule"]: finding["outcome"] for finding in result["findings"]}
    assert outcomes == {"spoke": "hit", "silent": "clear", "unasked": "undecidable"}
