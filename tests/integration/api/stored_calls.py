"""Calls with and without results, as the API tests store them."""

from typing import Any

import httpx
from sqlalchemy import text

from asr.transcript import AudioFacts, ChannelSpeech, EngineInfo, Transcript, Utterance
from core.span import Span
from events.hits import EventHit, SopReport, StepState
from models.calls import NewCall, add_call
from models.database import Database
from models.results import (
    ChannelWaveform,
    StoredAnalysis,
    save_analysis,
    save_transcript,
    save_waveform,
)
from models.tables import Call
from qa_rules.findings import Finding, FindingEvidence, Score, ScoreLine


async def add(database: Database, **values: Any) -> Call:
    metadata = {
        name: values.pop(name)
        for name in (
            "agent",
            "team",
            "campaign",
            "domain",
            "direction",
            "started_at",
            "disposition",
        )
        if name in values
    }
    columns = {name: values.pop(name) for name in ("state", "score") if name in values}
    async with database.session() as session:
        row, _ = await add_call(session, NewCall(metadata=metadata, **values))
        for name, value in columns.items():
            setattr(row, name, value)
        await session.commit()
        return row


def utterance(index: int, role: Any, words: str) -> Utterance:
    channel = 0 if role == "agent" else 1
    start = index * 2000
    return Utterance(index, channel, role, start, start + 1500, words, words)


TRANSCRIPT = Transcript(
    audio=AudioFacts(6000, 8000, 2, "pcm_s16le", "wav"),
    engine=EngineInfo("reference"),
    speech=(
        ChannelSpeech(0, "agent", (Span(0, 5500),)),
        ChannelSpeech(1, "customer", (Span(2000, 3500),)),
    ),
    utterances=(
        utterance(0, "agent", "您好我是启航教育的小张"),
        utterance(1, "customer", "可以分期吗"),
        utterance(2, "agent", "保证包过"),
    ),
)


def hit(node: str, index: int) -> EventHit:
    said = TRANSCRIPT.utterances[index]
    return EventHit(
        utterance=index,
        role=said.role,
        char_start=0,
        char_end=len(said.text),
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        layer="keyword",
        form="raw",
        score=1.0,
        text=said.text,
        node=node,
        tree="测试@1",
    )


def step(node: str, state: Any, hits: tuple[int, ...] = ()) -> StepState:
    return StepState(node=node, state=state, required=True, weight=1.0, reason="测试", hits=hits)


def analysis() -> StoredAnalysis:
    said = TRANSCRIPT.utterances[2]
    proof = FindingEvidence(
        utterance=2,
        role="agent",
        char_start=0,
        char_end=4,
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        layer="keyword",
        form="raw",
        score=1.0,
        text="保证包过",
    )
    return StoredAnalysis(
        hits=(hit("客户/询问价格", 1), hit("开场白/自我介绍", 0)),
        sop=SopReport(
            steps=(step("开场白/自我介绍", "executed", (1,)), step("开场白/来电目的", "missed")),
            coverage=0.5,
            order_adherence=None,
        ),
        findings=(
            Finding(
                rule="over-promise",
                rule_name="过度承诺",
                category="红线",
                severity="critical",
                outcome="hit",
                score_effect=-20.0,
                veto=False,
                reason="第 3 句",
                ruleset="测试@1",
                evidence=(proof,),
            ),
        ),
        score=Score(
            value=80.0,
            passed=True,
            vetoed=False,
            scorecard="测试",
            lines=(
                ScoreLine(label="起始", points=100.0),
                ScoreLine(label="过度承诺", points=-20.0),
            ),
        ),
        metrics={
            "dictionary_version": 1,
            "figures": {
                "silence_count": {"value": 0, "unit": "次", "missing_reason": ""},
                "talk_ratio": {"value": 0.5, "unit": "ratio", "missing_reason": ""},
            },
        },
        versions={"tree": "测试@1"},
    )


async def store_results(database: Database, call: Call) -> None:
    async with database.session() as session:
        await save_transcript(session, call.id, TRANSCRIPT)
        await save_analysis(session, call.id, analysis())
        channels = [
            ChannelWaveform(channel=0, per_second=20, peaks=bytes([0x80, 0x7F])),
            ChannelWaveform(channel=1, per_second=20, peaks=bytes([0xFF, 0x01])),
        ]
        await save_waveform(session, call.id, channels)
        await session.execute(text("UPDATE calls SET state = 'done', score = 80"))
        await session.commit()


async def listed(client: httpx.AsyncClient, **query: Any) -> list[str]:
    response = await client.get("/api/v1/calls", params=query)
    assert response.status_code == 200, response.text
    return [item["file_name"] for item in response.json()["items"]]


async def queued(database: Database) -> list[str]:
    async with database.session() as session:
        rows = await session.execute(text("SELECT task_name FROM procrastinate_jobs ORDER BY id"))
        return [row[0] for row in rows]
