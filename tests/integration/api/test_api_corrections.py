"""Corrections and what trees learn over REST and on the page: who may, what it answers."""

import uuid

import httpx
import pytest
from conftest import MakeClient

from asr.transcript import Transcript
from events.acts.corpus import parse_dialogues
from events.document import parse_tree
from events.hits import EventHit
from events.learning.guard import as_transcript
from events.sop import sop_report
from models.calls import NewCall, add_call
from models.corrections import corrections_of
from models.database import Database
from models.heads import FittedHead, finish_head, list_heads
from models.results import StoredAnalysis, save_analysis, save_transcript
from models.versions import create_draft, publish
from qa_rules.documents.rule_sets import load_pack
from qa_rules.scoring.scores import score

TREE = """\
tree: 更正接口
domain: general
nodes:
  - key: opening
    name: 开场白
    role: agent
    children:
      - {key: intro, name: 自我介绍, sop: true, match: {keywords: [我是]}}
      - key: purpose
        name: 来电目的
        sop: true
        match: {examples: [跟您说下课程, 回访一下, 提醒您续费]}
  - {key: price, name: 价格异议, role: customer, match: {keywords: [太贵]}}
"""
DIALOGUE = """\
## t-01 | 职业教育 | 测试 | follow_up
坐: 您好，我是启航教育的小张
客: 太贵了吧
坐: 打来就是念叨念叨上回那个班的事儿
"""
NAME = "更正接口"


def _written() -> Transcript:
    return as_transcript(parse_dialogues(DIALOGUE, "test")[0])


@pytest.fixture
async def call_id(seeded: Database) -> uuid.UUID:
    transcript = _written()
    said = transcript.utterances[0]
    hit = EventHit(
        node="开场白/自我介绍", tree=f"{NAME}@1", utterance=0, role="agent", char_start=3,
        char_end=5, start_ms=said.start_ms, end_ms=said.end_ms, layer="keyword", form="raw",
        score=1.0, text="我是",
    )  # fmt: skip
    async with seeded.session() as session:
        row = await create_draft(session, "tree", name=NAME, domain="x", document=TREE)
        await publish(session, "tree", NAME, row.version)
        call, _ = await add_call(session, NewCall(metadata={"team": "甲组"}, file_name="a.wav"))
        await save_transcript(session, call.id, transcript)
        analysis = StoredAnalysis(
            hits=(hit,), sop=sop_report(parse_tree(TREE), transcript, (hit,)), findings=(),
            score=score((), load_pack("电销通用").scorecard), metrics={"figures": {}},
            versions={"tree": f"{NAME}@1", "ruleset": "r@1"},
        )  # fmt: skip
        await save_analysis(session, call.id, analysis)
        call.state, call.duration_ms = "done", 15_000
        await session.commit()
        return call.id


def _body(utterance: int, node: str, verdict: str) -> dict[str, object]:
    return {"utterance": utterance, "node": node, "verdict": verdict}


async def _give(client: httpx.AsyncClient, call_id: uuid.UUID, *given: object) -> httpx.Response:
    return await client.post(f"/api/v1/calls/{call_id}/corrections", json=_body(*given))  # type: ignore[arg-type]


async def test_people_have_the_last_word_beside_the_machine(
    as_user: MakeClient, call_id: uuid.UUID
) -> None:
    reviewer = await as_user("rui", role="reviewer")
    given = await _give(reviewer, call_id, 0, "开场白/自我介绍", "overturned")
    assert given.status_code == 201, given.text
    assert (given.json()["layer"], given.json()["node_key"]) == ("keyword", "opening/intro")
    added = await _give(reviewer, call_id, 2, "开场白/来电目的", "added")
    assert added.json()["text"] == _written().utterances[2].text
    told = (await reviewer.get(f"/api/v1/calls/{call_id}/corrections")).json()
    assert told["events"] == [
        {"utterance": 0, "node": "开场白/自我介绍", "verdict": "overturned", "hit": 0},
        {"utterance": 2, "node": "开场白/来电目的", "verdict": "added", "hit": None},
    ]
    assert told["steps"] == {"开场白/自我介绍": "missed", "开场白/来电目的": "executed"}
    listed = (await reviewer.get("/api/v1/corrections", params={"node": "开场白"})).json()
    assert [item["verdict"] for item in listed["items"]] == ["added", "overturned"]
    where = f"/api/v1/calls/{call_id}/corrections/{given.json()['id']}"
    assert (await reviewer.delete(where)).status_code == 200
    assert (await reviewer.delete(where)).status_code == 404
    told = (await reviewer.get(f"/api/v1/calls/{call_id}/corrections")).json()
    assert told["steps"] == {"开场白/来电目的": "executed"}


@pytest.mark.parametrize(
    ("utterance", "node", "verdict"),
    [
        (9, "开场白/自我介绍", "confirmed"),
        (0, "没有的", "added"),
        (0, "开场白", "added"),
        (1, "开场白/自我介绍", "added"),
        (2, "开场白/来电目的", "confirmed"),
    ],
)
async def test_what_does_not_fit_is_refused(
    admin: httpx.AsyncClient, call_id: uuid.UUID, utterance: int, node: str, verdict: str
) -> None:
    answer = await _give(admin, call_id, utterance, node, verdict)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "bad-correction"


async def test_who_may_correct(as_user: MakeClient, call_id: uuid.UUID) -> None:
    stranger = await as_user("wai", role="manager", teams=["乙组"])
    assert (await _give(stranger, call_id, 0, "开场白/自我介绍", "confirmed")).status_code == 404
    own = await as_user("nei", role="manager", teams=["甲组"])
    assert (await _give(own, call_id, 0, "开场白/自我介绍", "confirmed")).status_code == 201
    assert not (await stranger.get("/api/v1/corrections")).json()["items"]
    agent = await as_user("zuo", role="agent", agent="张敏")
    assert (await _give(agent, call_id, 0, "开场白/自我介绍", "confirmed")).status_code == 403


async def test_corrections_become_a_draft(as_user: MakeClient, call_id: uuid.UUID) -> None:
    manager = await as_user("zhou", role="manager", teams=["甲组"])
    at = f"/api/v1/trees/{NAME}/proposals"
    assert (await manager.post(at, json={"ids": []})).json()["error"]["code"] == "no-proposals"
    await _give(manager, call_id, 2, "开场白/来电目的", "added")
    await _give(manager, call_id, 0, "开场白/自我介绍", "overturned")
    items = (await manager.get(at)).json()["items"]
    assert [(item["key"], item["kind"]) for item in items] == [
        ("opening/intro", "counter_example"), ("opening/purpose", "example"),
    ]  # fmt: skip
    draft = await manager.post(at, json={"ids": [items[1]["id"]]})
    assert draft.status_code == 201, draft.text
    assert (draft.json()["version"], draft.json()["state"]) == (2, "draft")
    document = (await manager.get(f"/api/v1/trees/{NAME}/versions/2")).json()["document"]
    tree = parse_tree(document)
    purpose = tree.node("开场白/来电目的")
    assert purpose is not None
    assert purpose.match.examples[-1] == _written().utterances[2].text
    linked = await manager.post(
        f"/api/v1/trees/{NAME}/versions/2/acts",
        json={"key": "opening/purpose", "act": "开场白/来电目的"},
    )
    assert linked.status_code == 201, linked.text
    assert (linked.json()["version"], linked.json()["revision"]) == (2, 2)
    none = await manager.post(
        f"/api/v1/trees/{NAME}/versions/2/acts", json={"key": "opening/purpose", "act": "没有"}
    )
    assert none.status_code == 404


async def test_a_head_is_asked_for_accepted_and_retired(
    as_user: MakeClient, call_id: uuid.UUID, seeded: Database
) -> None:
    manager = await as_user("zhou", role="manager", teams=["甲组"])
    await _give(manager, call_id, 0, "开场白/自我介绍", "confirmed")
    at = f"/api/v1/trees/{NAME}/heads"
    first = await manager.post(at)
    assert (first.status_code, first.json()["state"]) == (202, "fitting")
    assert (await manager.post(at)).json()["number"] == 1
    refused = await manager.post(f"{at}/1/accept")
    assert refused.json()["error"]["code"] == "head-not-offered"
    async with seeded.session() as session:
        (row,) = await list_heads(session, NAME)
        fitted = FittedHead(
            payload=b"x", encoder="e", base="1", tree_version=1, corrections=1,
            figures={"labels": 1}, improves=True, reason="好",
        )  # fmt: skip
        await finish_head(session, row.id, fitted)
        await session.commit()
    assert (await manager.post(f"{at}/1/accept")).json()["state"] == "in_force"
    assert (await manager.get(at)).json()["corrections"]["confirmed"] == 1
    assert (await manager.post(f"{at}/retire")).json()["decided_by"] == "zhou"
    assert (await manager.post(f"{at}/retire")).status_code == 404
    reviewer = await as_user("rui", role="reviewer")
    assert (await reviewer.post(at)).status_code == 403
    assert (await manager.get("/api/v1/trees/没有/heads")).status_code == 404


async def test_figures_of_nodes_are_measured_on_request(
    as_user: MakeClient, call_id: uuid.UUID
) -> None:
    manager = await as_user("zhou", role="manager")
    at = f"/api/v1/trees/{NAME}/versions/1/nodes"
    assert (await manager.get(at)).json()["state"] == "missing"
    assert (await manager.post(at)).json()["state"] == "measuring"
    assert (await manager.get(at)).json()["state"] == "measuring"
    assert call_id


async def test_the_page_works_as_a_form(
    as_user: MakeClient, call_id: uuid.UUID, seeded: Database
) -> None:
    reviewer = await as_user("rui", role="reviewer")
    page = await reviewer.get(f"/calls/{call_id}")
    assert page.status_code == 200
    assert 'value="overturned"' in page.text
    assert 'form="also-form"' in page.text
    form = {"utterance": "2", "node": "开场白/来电目的", "verdict": "added"}
    answer = await reviewer.post(f"/calls/{call_id}/corrections", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/calls/{call_id}#u2"
    page = await reviewer.get(f"/calls/{call_id}")
    assert "人工补记" in page.text
    assert "人工：已执行" in page.text
    async with seeded.session() as session:
        (row,) = await corrections_of(session, call_id)
    answer = await reviewer.post(f"/calls/{call_id}/corrections/{row.id}/withdraw")
    assert answer.status_code == 303
    async with seeded.session() as session:
        assert not await corrections_of(session, call_id)
    agent = await as_user("zuo", role="agent", agent="无")
    assert (await agent.get(f"/calls/{call_id}")).status_code == 404
