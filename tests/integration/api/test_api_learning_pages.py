"""Pages of a tree: what it learned, accepted and rolled back as forms; figures of its nodes."""

from typing import Any

import pytest
from conftest import MakeClient

from core.ids import sha256_text
from models.database import Database
from models.heads import FittedHead, finish_head, load_figures, request_head
from models.versions import create_draft, get_version, list_versions, publish

NAME = "学习页"
TREE = """\
tree: 学习页
domain: general
nodes:
  - key: refund
    name: 退费说明
    role: agent
    match: {examples: [学不会可以退费, 不满意全额退, 退费流程我给您讲]}
"""
AT = f"/trees/{NAME}"
COUNTS = {"right": 8, "wrong": 2, "missed": 3, "precision": 0.8, "recall": 0.7273, "f1": 0.7619}
FIGURES: dict[str, Any] = {
    "corrections": {"before": COUNTS, "after": {**COUNTS, "wrong": 0, "f1": 0.8421}},
    "guard": {"before": COUNTS, "after": COUNTS},
}
NODE = {
    "node": "退费说明", "key": "refund", "examples": 3, "counter_examples": 0, "act": None,
    "threshold": 0.1832, "automatic": True, "precision": 0.41, "recall": None,
    "precision_range": [0.19, 0.74], "recall_range": None,
    "suggestion": {"act": "促成/付款引导", "confidence": 0.62},
}  # fmt: skip


@pytest.fixture
async def tree(seeded: Database) -> Database:
    async with seeded.session() as session:
        row = await create_draft(session, "tree", name=NAME, domain="x", document=TREE)
        await publish(session, "tree", NAME, row.version)
        await session.commit()
    return seeded


async def offer(database: Database) -> None:
    async with database.session() as session:
        row, _ = await request_head(session, NAME)
        fitted = FittedHead(
            payload=b"x", encoder="e", base="1", tree_version=1, corrections=13,
            figures=FIGURES, improves=True, reason="判错少了两处。",
        )  # fmt: skip
        await finish_head(session, row.id, fitted)
        await session.commit()


async def test_heads_are_accepted_rolled_back_and_stopped(
    as_user: MakeClient, tree: Database
) -> None:
    manager = await as_user("zhou", role="manager")
    assert "还没有学习过" in (await manager.get(AT)).text
    queued = await manager.post(f"{AT}/heads")
    assert (queued.status_code, queued.headers["location"][-9:]) == (303, "#learning")
    assert 'data-busy="true"' in (await manager.get(f"{AT}/learning")).text
    await offer(tree)
    await offer(tree)
    page = (await manager.get(AT)).text
    assert "F1 0.762 → <strong>0.842</strong>" in page
    assert "判错 5 → 3" in page
    for number in (1, 2, 1):
        assert (await manager.post(f"{AT}/heads/{number}/accept")).status_code == 303
    page = (await manager.get(f"{AT}/learning")).text
    assert page.index("已停用") < page.index("使用中")
    assert "回退到它" in page
    assert (await manager.post(f"{AT}/heads/retire")).status_code == 303
    assert "使用中" not in (await manager.get(f"{AT}/learning")).text
    assert (await manager.post(f"{AT}/heads/9/accept")).status_code == 404


async def test_reviewers_see_what_was_learned_and_change_nothing(
    as_user: MakeClient, tree: Database
) -> None:
    await offer(tree)
    reviewer = await as_user("rui", role="reviewer")
    page = (await reviewer.get(f"{AT}/learning")).text
    assert "等待启用" in page
    assert "<form" not in page
    for path in ("heads", "heads/1/accept", "heads/retire", "proposals", "1/nodes"):
        assert (await reviewer.post(f"{AT}/{path}")).status_code == 403, path
    assert (await reviewer.get("/trees/没有/learning")).status_code == 404


async def test_figures_are_measured_shown_and_an_act_is_taken(
    as_user: MakeClient, tree: Database
) -> None:
    manager = await as_user("zhou", role="manager")
    assert "还没有测算" in (await manager.get(f"{AT}/1")).text
    measured = await manager.post(f"{AT}/1/nodes")
    assert (measured.status_code, measured.headers["location"][-6:]) == (303, "#nodes")
    assert "测算中" in (await manager.get(f"{AT}/1/nodes")).text
    async with tree.session() as session:
        row = await load_figures(session, sha256_text(TREE))
        assert row is not None
        row.state, row.nodes = "ready", [NODE]
        await session.commit()
    page = (await manager.get(f"{AT}/1/nodes")).text
    for told in ("0.18", "41%", "19%–74%", "例句太少", "促成/付款引导", "像 62%"):
        assert told in page, told
    taken = await manager.post(f"{AT}/1/acts", data={"key": "refund", "act": "促成/付款引导"})
    assert taken.headers["location"].endswith("/2?told=linked#nodes")
    async with tree.session() as session:
        draft = await get_version(session, "tree", NAME, 2)
        assert draft.state == "draft"
        assert "act: 促成/付款引导" in draft.document
    shown = (await manager.get(f"{AT}/2?told=linked")).text
    assert "已写上内置事件" in shown
    assert "测算中" in shown


async def test_nothing_to_propose_is_said(as_user: MakeClient, tree: Database) -> None:
    manager = await as_user("zhou", role="manager")
    refused = await manager.post(f"{AT}/proposals")
    assert refused.status_code in (404, 409, 422)
    assert "没有可以加入草稿的更正" in refused.text
    async with tree.session() as session:
        assert len(await list_versions(session, "tree", NAME)) == 1
