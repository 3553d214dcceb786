"""A language model's answers on their way through the stages, on the real database."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text
from stub_judge import Behaviour, lies, stub_judge, yes_to_all

from core.settings import JudgeSettings
from models.database import Database
from models.judgements import forget_unanswered, list_judgements
from models.results import load_analysis
from models.tables import Call
from models.versions import create_draft, publish
from pipeline.judging.stage import judge_call
from pipeline.resources import Resources
from pipeline.rework import reanalyze_call
from pipeline.worker import work

_TREE = """
tree: 测试树
domain: edu
nodes:
- {key: any, name: 说过话, role: agent, match: {judge: 坐席是否说过话？}}
- {key: quiet, name: 不问, role: agent, match: {keywords: [不会有人说的话]}}
"""


_RULES = """
ruleset: 测试规则
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
  examples:
    must_fire:
    - {dialogue: 您好, answers: {坐席是否说过话？: 您好}}
    must_not_fire: [您好]
"""


@pytest.fixture
async def asking_rules(seeded: Database) -> None:
    async with seeded.session() as session:
        draft = await create_draft(
            session, "ruleset", name="测试规则", domain="edu", document=_RULES
        )
        await publish(session, "ruleset", draft.name, draft.version)
        await session.commit()


@pytest.fixture
async def asking_tree(seeded: Database) -> None:
    async with seeded.session() as session:
        draft = await create_draft(session, "tree", name="测试树", domain="edu", document=_TREE)
        await publish(session, "tree", draft.name, draft.version)
        await session.commit()


def _with_judge(resources: Resources, base_url: str, **given: object) -> Resources:
    values = {"base_url": base_url, "model": "stub", "timeout_s": 2, "retry_base_s": 0.01, **given}
    resources.settings.judge = JudgeSettings.model_validate(values)
    return resources


async def _run(resources: Resources, *behaviours: Behaviour, **given: object) -> Any:
    async with stub_judge(*behaviours) as stub:
        await work(_with_judge(resources, stub.base_url, **given), until_idle=True)
        return stub


async def _found(database: Database, call_id: uuid.UUID) -> tuple[str, list[str], list[str]]:
    """State of the call, layers of its hits, verdicts of its judgements."""
    async with database.session() as session:
        call = await session.get_one(Call, call_id)
        analysis = await load_analysis(session, call_id)
        judged = await list_judgements(session, call_id)
    assert analysis is not None
    return call.state, [hit.layer for hit in analysis.hits], [item.verdict for item in judged]


@pytest.mark.usefixtures("asking_tree")
async def test_an_answer_becomes_a_hit_by_another_analysis(
    resources: Resources, call_id: uuid.UUID
) -> None:
    stub = await _run(resources, yes_to_all)
    assert await _found(resources.database, call_id) == ("done", ["judge"], ["yes"])
    assert len(stub.bodies) == 1


@pytest.mark.usefixtures("asking_tree", "asking_rules")
async def test_an_answer_counts_for_the_tree_and_for_the_rules(
    resources: Resources, call_id: uuid.UUID
) -> None:
    stub = await _run(resources, yes_to_all)
    assert len(stub.bodies) == 1
    assert stub.bodies[0]["messages"][1]["content"].count("坐席是否说过话？") == 1
    async with resources.database.session() as session:
        analysis = await load_analysis(session, call_id)
    assert analysis is not None
    (finding,) = analysis.findings
    assert (finding.outcome, finding.score_effect) == ("hit", -5)
    assert [item.layer for item in finding.evidence] == ["judge"]


@pytest.mark.usefixtures("asking_rules")
async def test_a_rule_without_an_answer_says_that_nobody_answered(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await work(resources, until_idle=True)
    async with resources.database.session() as session:
        analysis = await load_analysis(session, call_id)
    assert analysis is not None
    assert [item.outcome for item in analysis.findings] == ["undecidable"]
    assert "没有开启" in analysis.findings[0].reason


@pytest.mark.usefixtures("asking_tree")
async def test_the_same_content_is_asked_about_once(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await _run(resources, yes_to_all)
    async with resources.database.session() as session:
        await reanalyze_call(session, call_id)
        await session.commit()
    stub = await _run(resources, yes_to_all)
    assert stub.bodies == []
    assert await _found(resources.database, call_id) == ("done", ["judge"], ["yes"])


@pytest.mark.usefixtures("asking_tree")
async def test_a_lie_is_kept_as_unanswered_and_can_be_asked_again(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await _run(resources, lies)
    assert await _found(resources.database, call_id) == ("done", [], ["unanswered"])
    async with resources.database.session() as session:
        await forget_unanswered(session, call_id)
        await reanalyze_call(session, call_id)
        await session.commit()
    await _run(resources, yes_to_all)
    assert await _found(resources.database, call_id) == ("done", ["judge"], ["yes"])


@pytest.mark.usefixtures("asking_tree")
async def test_the_rest_never_waits_for_a_silent_model(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await _run(resources, "slow", timeout_s=0.2, max_attempts=1)
    state, layers, verdicts = await _found(resources.database, call_id)
    assert (state, layers, verdicts) == ("done", [], ["unanswered"])
    async with resources.database.session() as session:
        (judgement,) = await list_judgements(session, call_id)
    assert "秒内没有答完" in judgement.reason


@pytest.mark.usefixtures("asking_tree")
async def test_a_passing_failure_is_tried_again_later(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await _run(resources, 503, retry_base_s=600)
    assert (await _found(resources.database, call_id))[2] == []
    async with resources.database.session() as session:
        waiting = await session.scalar(
            text(
                "SELECT args->>'attempt' FROM procrastinate_jobs"
                " WHERE task_name = 'judge_call' AND status = 'todo'"
            )
        )
    assert waiting == "2"
    async with stub_judge(yes_to_all) as stub:
        await judge_call(_with_judge(resources, stub.base_url), call_id, 2)
    assert (await _found(resources.database, call_id))[2] == ["yes"]


async def test_without_questions_or_a_model_nobody_is_asked(
    resources: Resources, call_id: uuid.UUID
) -> None:
    stub = await _run(resources, yes_to_all)
    assert stub.bodies == []


@pytest.mark.usefixtures("asking_tree")
async def test_without_a_model_questions_stay_open(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await work(resources, until_idle=True)
    assert await _found(resources.database, call_id) == ("done", [], [])
