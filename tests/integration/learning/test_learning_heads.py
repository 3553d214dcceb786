"""Heads as rows and as jobs: asked for once, tested, offered or not, in force, rolled back."""

import asyncio
from typing import Any

import pytest
from taught_calls import DIALOGUE, MANAGER, REVIEWER, publish_tree, store_read_call, written

from core.errors import AppError
from core.settings import Settings
from events.nodes.thresholds import HIGHEST, LOWEST
from models.corrections import CorrectedNode, save_correction
from models.database import Database
from models.heads import (
    FittedHead,
    accept_head,
    fail_head,
    finish_head,
    head_in_force,
    list_heads,
    load_figures,
    request_figures,
    request_head,
    retire_head,
)
from models.tables import TreeHead
from models.versions import get_version
from nlp.vectors import CachedEncoder
from pipeline.analyzers import Analyzers, head_ref
from pipeline.learning import learn_tree, measure_tree

TREE = "更正测试"
GOOD = FittedHead(
    payload=b"x", encoder="e", base="1", tree_version=1, corrections=20,
    figures={"labels": 20}, improves=True, reason="好",
)  # fmt: skip


async def offered(database: Database, **changes: Any) -> TreeHead:
    async with database.session() as session:
        row, fresh = await request_head(session, TREE, MANAGER)
        assert fresh
        values = {name: getattr(GOOD, name) for name in GOOD.__dataclass_fields__} | changes
        row = await finish_head(session, row.id, FittedHead(**values))
        await session.commit()
        return row


async def states(database: Database) -> list[str]:
    async with database.session() as session:
        return [row.state for row in await list_heads(session, TREE)]


async def test_one_head_of_a_tree_is_fitted_at_a_time(database: Database) -> None:
    async def ask() -> bool:
        async with database.session() as session:
            _, fresh = await request_head(session, TREE, MANAGER)
            await session.commit()
            return fresh

    assert sorted(await asyncio.gather(*(ask() for _ in range(4)))) == [False] * 3 + [True]
    assert await states(database) == ["fitting"]


async def test_accepting_retires_the_one_before_and_may_be_rolled_back(database: Database) -> None:
    await offered(database)
    await offered(database)

    async def accept(number: int) -> None:
        async with database.session() as session:
            await accept_head(session, TREE, number, MANAGER)
            await session.commit()

    await asyncio.gather(accept(1), accept(2))
    assert sorted(await states(database)) == ["in_force", "retired"]
    await accept(1)
    assert await states(database) == ["retired", "in_force"]
    async with database.session() as session:
        await accept_head(session, TREE, 2, MANAGER)
        await session.rollback()
    assert await states(database) == ["retired", "in_force"]
    async with database.session() as session:
        await retire_head(session, TREE, MANAGER)
        await session.commit()
        assert await head_in_force(session, TREE) is None
        with pytest.raises(AppError) as caught:
            await retire_head(session, TREE, MANAGER)
    assert caught.value.code == "not-found"


async def test_only_what_was_offered_can_be_accepted(database: Database) -> None:
    await offered(database, improves=False)
    async with database.session() as session:
        row, _ = await request_head(session, TREE, MANAGER)
        await fail_head(session, row.id, "坏")
        await session.commit()
    assert await states(database) == ["failed", "rejected"]
    async with database.session() as session:
        for number in (1, 2):
            with pytest.raises(AppError) as caught:
                await accept_head(session, TREE, number, MANAGER)
            assert caught.value.code == "head-not-offered"


class _Resources:
    """What the learning jobs use of a worker's resources."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self.database = settings, database
        self.analyzers = Analyzers(settings)


async def test_too_few_verdicts_fail_with_the_number_that_is_missing(
    database: Database, settings: Settings
) -> None:
    await publish_tree(database)
    async with database.session() as session:
        row, _ = await request_head(session, TREE, MANAGER)
        await session.commit()
    await learn_tree(_Resources(settings, database), row.id)  # type: ignore[arg-type]
    async with database.session() as session:
        (row,) = await list_heads(session, TREE)
    assert row.state == "failed"
    assert "至少需要 10 条" in row.reason


async def test_a_keyword_that_people_overturn_is_unlearned(
    database: Database, settings: Settings
) -> None:
    await publish_tree(database)
    weather = CorrectedNode(tree=TREE, tree_version="1", key="weather", path="聊天气")
    for number in range(12):
        text = DIALOGUE.replace("t-01", f"t-{number}").replace("您那边冷不冷", f"第{number}批货")
        call = await store_read_call(database, text=text)
        transcript = written(text)
        async with database.session() as session:
            await save_correction(
                session, call.id, node=weather, verdict="overturned",
                utterance=transcript.utterances[4], context=(), hit=None, actor=REVIEWER,
            )  # fmt: skip
            await session.commit()
    resources: Any = _Resources(settings, database)
    async with database.session() as session:
        row, _ = await request_head(session, TREE, MANAGER)
        await session.commit()
    await learn_tree(resources, row.id)
    async with database.session() as session:
        (row,) = await list_heads(session, TREE)
        assert row.state == "offered", row.reason
        tested = row.figures["corrections"]
        assert tested["before"]["wrong"] == 12
        assert tested["after"]["wrong"] < 4
        await accept_head(session, TREE, row.number, MANAGER)
        await session.commit()
        tree = await get_version(session, "tree", TREE, 1)
    assert isinstance(resources.analyzers.encoder(), CachedEncoder)
    plain = resources.analyzers.matcher(tree)
    said = written(DIALOGUE.replace("您那边冷不冷", "明天再发货"))
    assert "聊天气" in {hit.node for hit in plain.match(said)}
    learned = resources.analyzers.matcher(tree, row)
    assert learned.head is not None
    assert learned.head.ref == head_ref(row) == f"{TREE}#1"
    assert "聊天气" not in {hit.node for hit in learned.match(said)}
    assert "开场白/自我介绍" in {hit.node for hit in learned.match(said)}


async def test_figures_of_a_document_are_measured_once(
    database: Database, settings: Settings
) -> None:
    document = (
        "tree: 自建\nnodes:\n  - key: refund\n    name: 退费说明\n    role: agent\n    match:\n"
        "      examples: [学不会可以退费, 不满意七天内全额退, 退费流程我给您讲一下]\n"
    )
    async with database.session() as session:
        assert (await request_figures(session, "abc"))[1]
        assert not (await request_figures(session, "abc"))[1]
        await session.commit()
    await measure_tree(_Resources(settings, database), "abc", document)  # type: ignore[arg-type]
    async with database.session() as session:
        row = await load_figures(session, "abc")
    assert row is not None
    assert row.state == "ready"
    (node,) = row.nodes
    assert node["automatic"]
    assert LOWEST <= node["threshold"] <= HIGHEST
    assert 0 <= node["precision"] <= 1
    assert 0 <= node["recall"] <= 1
