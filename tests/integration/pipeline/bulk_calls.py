"""A small tree, a small rule set and written calls for bulk runs; what begins and loads a run."""

import uuid
from typing import Any

from models.actors import Actor
from models.bulk_runs import (
    get_run,
)
from models.calls import NewCall, add_call
from models.database import Database
from models.results import save_transcript
from models.tables import BulkRun
from models.versions import create_draft, get_version, publish
from pipeline.bulk.requests import (
    Author,
    CallChoice,
    begin_backtest,
)
from pipeline.resources import Resources
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


async def publish_small(resources: Resources) -> None:
    """Put the small tree and rule set in force for `edu`."""
    async with resources.database.session() as session:
        for kind, name, text in (("tree", "小树", TREE), ("ruleset", "小规则", RULES)):
            await create_draft(session, kind, name=name, domain="edu", document=text, actor=ME)
            await publish(session, kind, name, 1)
        await session.commit()


async def draft(resources: Resources, kind: Any, name: str, document: str) -> int:
    """The number of a new draft."""
    async with resources.database.session() as session:
        row = await create_draft(
            session, kind, name=name, domain="edu", document=document, actor=ME
        )
        await session.commit()
        return row.version


async def backtest(
    resources: Resources, kind: Any, name: str, version: int, **choice: Any
) -> uuid.UUID:
    """A back-test that has been begun and not worked on."""
    async with resources.database.session() as session:
        row = await get_version(session, kind, name, version)
        run = await begin_backtest(session, kind, row, CallChoice(**choice), AUTHOR)
        await session.commit()
        return run.id


async def load(resources: Resources, run_id: uuid.UUID) -> BulkRun:
    """The run as it is stored now."""
    async with resources.database.session() as session:
        return await get_run(session, run_id)
