"""A small published tree and written calls that were read with it."""

import uuid
from collections.abc import Sequence

from asr.transcript import Transcript
from events.acts.corpus import parse_dialogues
from events.document import parse_tree
from events.hits import EventHit
from events.learning.guard import as_transcript
from events.sop import sop_report
from models.actors import Actor
from models.calls import NewCall, add_call
from models.database import Database
from models.results import StoredAnalysis, save_analysis, save_transcript
from models.tables import Call
from models.versions import create_draft, publish
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.scoring.scores import score

REVIEWER = Actor(username="limin", role="reviewer")
MANAGER = Actor(username="zhou", role="manager")
_RULES = """\
ruleset: 空
version: "1"
categories: [合规]
scorecard: {name: 卡, start: 100, floor: 0, ceiling: 100, pass_mark: 60}
rules:
  - {id: p, name: 包过, category: 合规, severity: critical, reason: 因, score: -50,
     hit_if: x, conditions: {x: {keyword: 包过}}}
"""
TREE = """\
tree: 更正测试
domain: general
nodes:
  - key: opening
    name: 开场白
    role: agent
    children:
      - {key: intro, name: 自我介绍, sop: true, match: {act: 开场白/自我介绍}}
      - {key: purpose, name: 来电目的, sop: true, match: {act: 开场白/来电目的, keywords: [念叨]}}
  - {key: weather, name: 聊天气, role: agent, match: {keywords: [下雨]}}
  - {key: price, name: 价格异议, role: customer, match: {act: 客户/价格异议}}
"""
DIALOGUE = """\
## t-01 | 职业教育 | 测试 | follow_up
坐: 您好，我是启航教育的小张 #问候语 #自我介绍
客: 你说
坐: 打来就是跟您念叨念叨上回那个班的事儿 #来电目的
客: 太贵了吧，比别家贵一倍 #价格异议
坐: 今天下雨，您那边冷不冷
"""


def written(text: str = DIALOGUE) -> Transcript:
    """The dialogue as a transcript."""
    return as_transcript(parse_dialogues(text, "test")[0])


def hit(node: str, utterance: int, transcript: Transcript) -> EventHit:
    """A hit of a node by a keyword, over a whole utterance."""
    said = transcript.utterances[utterance]
    return EventHit(
        node=node, tree="更正测试@1", utterance=utterance, role=said.role, char_start=0,
        char_end=len(said.text), start_ms=said.start_ms, end_ms=said.end_ms, layer="keyword",
        form="raw", score=1.0, text=said.text,
    )  # fmt: skip


async def publish_tree(database: Database) -> None:
    """The tree, published as version 1."""
    async with database.session() as session:
        row = await create_draft(
            session, "tree", name="更正测试", domain="general", document=TREE, actor=MANAGER
        )
        await publish(session, "tree", row.name, row.version, actor=MANAGER)
        await session.commit()


async def store_read_call(
    database: Database,
    hits: Sequence[tuple[str, int]] = (("开场白/自我介绍", 0), ("聊天气", 4)),
    *,
    team: str = "甲组",
    text: str = DIALOGUE,
) -> Call:
    """A call with these hits (node, utterance)."""
    transcript = written(text)
    found = tuple(hit(node, at, transcript) for node, at in hits)
    analysis = StoredAnalysis(
        hits=found,
        sop=sop_report(parse_tree(TREE), transcript, found),
        findings=(),
        score=score((), parse_ruleset(_RULES).scorecard),
        metrics={"figures": {}},
        versions={"tree": "更正测试@1", "ruleset": "r@1"},
    )
    async with database.session() as session:
        call, _ = await add_call(
            session, NewCall(metadata={"team": team}, file_name=f"{uuid.uuid4()}.wav")
        )
        await save_transcript(session, call.id, transcript)
        await save_analysis(session, call.id, analysis)
        call.state, call.duration_ms = "done", 60_000
        await session.commit()
    return call
