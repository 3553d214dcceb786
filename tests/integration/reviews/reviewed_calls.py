"""A written call, its findings by a small stored rule set, and reviewers, managers and an agent."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asr.transcript import AudioFacts, ChannelSpeech, EngineInfo, Transcript, Utterance
from core.ids import new_id
from core.span import Span
from events.hits import SopReport
from models.actors import Actor
from models.calls import NewCall, add_call
from models.database import Database
from models.results import StoredAnalysis, save_analysis, save_transcript
from models.tables import Call, RuleSetVersion, User
from models.versions import get_version
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.findings import Finding, FindingEvidence, Outcome
from qa_rules.scoring.scores import score

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
LOCK = dt.timedelta(minutes=30)
APPEAL = dt.timedelta(days=7)
DOCUMENT = """
ruleset: 复核测试
version: "1"
categories: [合规, 服务]
scorecard: {name: 卡, start: 100, floor: 0, ceiling: 100, pass_mark: 60}
rules:
  - {id: promise, name: 过度承诺, category: 合规, severity: critical, reason: 因, score: -50,
     hit_if: x, conditions: {x: {keyword: 包过}}}
  - {id: greeting, name: 未问候, category: 服务, severity: minor, reason: 因, score: -5,
     hit_if: x, conditions: {x: {keyword: {none: [您好]}}}}
  - {id: rude, name: 不耐烦, category: 服务, severity: major, reason: 因, score: -20,
     hit_if: x, conditions: {x: {keyword: 爱买不买}}}
"""
SAID = ("启航教育小张", "能保证过吗", "放心包过的", "那我考虑下", "爱买不买吧")


def transcript(shift_ms: int = 0) -> Transcript:
    """Five utterances of 1.5 s, agent first."""
    utterances = tuple(
        Utterance(
            index=i, channel=i % 2, role="customer" if i % 2 else "agent",
            start_ms=2000 * i + shift_ms, end_ms=2000 * i + 1500 + shift_ms,
            text=text, normalised=text,
        )
        for i, text in enumerate(SAID)
    )  # fmt: skip
    speech = tuple(
        ChannelSpeech(
            channel, role, tuple(Span(u.start_ms, u.end_ms) for u in utterances if u.role == role)
        )
        for channel, role in enumerate(("agent", "customer"))
    )
    return Transcript(
        AudioFacts(10_000, 8000, 2, "pcm_s16le", "wav"), EngineInfo("reference"), utterances, speech
    )


def finding(rule: str, outcome: Outcome = "clear", at: Sequence[int] = ()) -> Finding:
    """The finding of a rule of DOCUMENT, with evidence in the utterances `at`."""
    by_id = {r.id: r for r in parse_ruleset(DOCUMENT).rules}
    hit = outcome == "hit"
    return Finding(
        rule=rule, rule_name=by_id[rule].name, category=by_id[rule].category,
        severity=by_id[rule].severity, outcome=outcome,
        score_effect=by_id[rule].score if hit else 0.0, veto=False,
        reason="命中" if hit else "未发现", ruleset="复核测试@1",
        evidence=tuple(
            FindingEvidence(
                utterance=i, role="agent", char_start=0, char_end=2, start_ms=2000 * i,
                end_ms=2000 * i + 500, layer="keyword", form="raw", score=1.0, text=SAID[i][:2],
            )
            for i in at
        ),
    )  # fmt: skip


def analysis_of(findings: Sequence[Finding]) -> StoredAnalysis:
    """An analysis that found these."""
    return StoredAnalysis(
        hits=(), sop=SopReport(steps=(), coverage=None, order_adherence=None),
        findings=tuple(findings), score=score(findings, parse_ruleset(DOCUMENT).scorecard),
        metrics={"figures": {}}, versions={"ruleset": "复核测试@1"},
    )  # fmt: skip


USUAL = (finding("promise", "hit", (2,)), finding("greeting", "hit", (0,)), finding("rude"))


async def store_analysed(
    database: Database,
    findings: Sequence[Finding] = USUAL,
    *,
    agent: str = "徐丽",
    team: str = "甲组",
    called_at: dt.datetime = NOW,
    at_ms: int | None = None,
    **metadata: Any,
) -> Call:
    """A call that is analysed with these findings."""
    analysis = analysis_of(findings)
    values: Mapping[str, Any] = {
        "agent": agent, "team": team, "started_at": called_at, **metadata,
    }  # fmt: skip
    async with database.session() as session:
        call, _ = await add_call(session, NewCall(metadata=values, file_name=f"{new_id()}.wav"))
        call.ruleset_version_id = await _ruleset_id(session)
        await save_transcript(session, call.id, transcript())
        await save_analysis(session, call.id, analysis)
        call.state, call.duration_ms = "done", 10_000
        call.score, call.passed = analysis.score.value, analysis.score.passed
        call.vetoed = analysis.score.vetoed
        await session.commit()
        return call


async def _ruleset_id(session: Any) -> uuid.UUID:
    try:
        return (await get_version(session, "ruleset", "复核测试", 1)).id
    except Exception:
        row = RuleSetVersion(
            id=new_id(), name="复核测试", version=1, domain="test", state="archived",
            document=DOCUMENT,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return row.id


@dataclass(frozen=True)
class People:
    """Two reviewers, a manager of 甲组, one of 乙组, an administrator, the agent 徐丽."""

    li: Actor
    wang: Actor
    boss: Actor
    other_boss: Actor
    admin: Actor
    seller: Actor


async def people_of(database: Database) -> People:
    """The people, stored."""
    async with database.session() as session:
        made = {}
        for name, role, more in (
            ("li", "reviewer", {}),
            ("wang", "reviewer", {}),
            ("boss", "manager", {"teams": ["甲组"]}),
            ("other_boss", "manager", {"teams": ["乙组"]}),
            ("admin", "admin", {}),
            ("seller", "agent", {"agent": "徐丽"}),
        ):
            # Nobody signs in: hashing six passwords would be most of each test.
            user = User(id=new_id(), username=name, role=role, password_hash="", **more)
            session.add(user)
            await session.flush()
            made[name] = Actor(
                username=name, role=role, user_id=user.id, agent=user.agent,
                teams=frozenset(str(team) for team in user.teams or ()), request_id=f"r-{name}",
            )  # fmt: skip
        await session.commit()
    return People(**made)


@dataclass(frozen=True)
class Desk:
    """The test's database with people in it, and a way to put calls into it."""

    database: Database
    people: People
    add: Callable[..., Awaitable[Call]]
