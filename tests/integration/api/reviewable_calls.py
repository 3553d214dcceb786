"""A written, analysed call for the review tests."""

import datetime as dt
import uuid

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.hits import SopReport
from models.calls import NewCall, add_call
from models.database import Database
from models.results import StoredAnalysis, save_analysis, save_transcript
from qa_rules.findings import Finding, FindingEvidence, Outcome, Score, ScoreLine

SAID = ("您好我是启航教育的", "能保证过吗", "放心包过的")
WHEN = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)


def finding(rule: str, outcome: Outcome = "hit", effect: float = -10.0) -> Finding:
    """The finding of a rule, resting on the third utterance."""
    evidence = FindingEvidence(
        utterance=2, role="agent", char_start=2, char_end=4, start_ms=4400, end_ms=4900,
        layer="keyword", form="raw", score=1.0, text="包过",
    )  # fmt: skip
    hit = outcome == "hit"
    return Finding(
        rule=rule, rule_name=f"规则{rule}", category="合规", severity="major", outcome=outcome,
        score_effect=effect if hit else 0.0, veto=False, reason="…", ruleset="r@1",
        evidence=(evidence,) if hit else (),
    )  # fmt: skip


async def call_with(
    database: Database, *findings: Finding, agent: str = "小张", team: str = "甲组"
) -> str:
    """The id of a call that is analysed with these findings."""
    found = findings or (finding("promise"), finding("greeting", "clear"))
    value = 100.0 + sum(item.score_effect for item in found)
    utterances = tuple(
        Utterance(i, i % 2, "customer" if i % 2 else "agent", 2000 * i, 2000 * i + 1500, text, text)
        for i, text in enumerate(SAID)
    )
    async with database.session() as session:
        call, _ = await add_call(
            session,
            NewCall(
                file_name=f"{uuid.uuid4()}.wav",
                metadata={"agent": agent, "team": team, "started_at": WHEN},
            ),
        )
        await save_transcript(
            session, call.id,
            Transcript(AudioFacts(6000, 8000, 2, "x", "wav"), EngineInfo("reference"), utterances),
        )  # fmt: skip
        score = Score(
            value=value, passed=True, vetoed=False, scorecard="卡",
            lines=(ScoreLine(label="起始分", points=value),),
        )  # fmt: skip
        await save_analysis(
            session, call.id,
            StoredAnalysis(
                hits=(), sop=SopReport(steps=(), coverage=None, order_adherence=None),
                findings=found, score=score, metrics={"figures": {}},
                versions={"tree": "电销通用@1", "ruleset": "r@1"},
            ),
        )  # fmt: skip
        call.state, call.score, call.passed, call.vetoed = "done", value, True, False
        call.duration_ms = 6000
        await session.commit()
        return str(call.id)
