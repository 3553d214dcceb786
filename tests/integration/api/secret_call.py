"""A call about which everything that can be said has been said, each word of it recognisable."""

import datetime as dt
import uuid
from dataclasses import dataclass

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.hits import EventHit, SopReport, StepState
from events.judgement import Judgement, JudgeQuestion
from models.actors import Actor
from models.backtests import Change, ComparedCall, save_comparisons, summarise
from models.bulk_runs import NewRun, add_run, finish_run
from models.calls import NewCall, add_call
from models.corrections import CorrectedNode, MachineHit, save_correction
from models.database import Database
from models.judgements import save_judgements
from models.results import StoredAnalysis, save_analysis, save_transcript
from models.tables import Call
from models.versions import get_version
from qa_rules.findings import Finding, FindingEvidence, Score, ScoreLine

MARK = "密语"
"""Stands in every text about the call that its blind judges must not see."""
SECRET_RULE = "secret-rule"
MACHINE_SCORE, HUMAN_SCORE, TESTED_SCORE = 61.27, 83.27, 44.27
TREE = "电销通用"
TRIED = {
    "lines": [{"role": "agent", "text": "放心包过的", "hits": [], "near": []}],
    "score": {"value": TESTED_SCORE},
    "findings": [
        {"outcome": "hit", "rule_name": f"{MARK}规则", "score_effect": -1.0, "reason": f"{MARK}果"}
    ],
}
"""The result of a trial on the call."""
SAID = ("您好我是启航教育的", "能保证过吗", "放心包过的")
WHEN = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Runs:
    """The back-test and the trial that tell of the call."""

    backtest: uuid.UUID
    trial: uuid.UUID


def finding(rule: str, effect: float) -> Finding:
    """A hit, its reason and evidence marked."""
    evidence = FindingEvidence(
        utterance=2, role="agent", char_start=2, char_end=4, start_ms=4400, end_ms=4900,
        layer="keyword", form="raw", score=1.0, text=f"{MARK}证据",
    )  # fmt: skip
    return Finding(
        rule=rule, rule_name=f"规则{rule}", category="合规", severity="major", outcome="hit",
        score_effect=effect, veto=False, reason=f"{MARK}因", ruleset="r@1", evidence=(evidence,),
    )  # fmt: skip


async def add_secret_call(database: Database) -> uuid.UUID:
    """The id of an analysed call; `asked` is the rule of the calibration."""
    found = (finding("asked", -16.73), finding(SECRET_RULE, -22.0))
    analysis = StoredAnalysis(
        hits=(
            EventHit(
                node=f"{MARK}节点/事件", tree=f"{TREE}@1", utterance=2, role="agent",
                char_start=0, char_end=2, start_ms=4000, end_ms=4400, layer="keyword", form="raw",
                score=1.0, text="放心",
            ),
        ),
        sop=SopReport(
            steps=(
                StepState(
                    node=f"{MARK}步骤", state="missed", required=True, weight=1.0,
                    reason=f"{MARK}没说",
                ),
            ),
            coverage=0.0, order_adherence=None,
        ),
        findings=found,
        score=Score(
            value=MACHINE_SCORE, passed=True, vetoed=False, scorecard="卡",
            lines=(
                ScoreLine(label="起始分", points=100.0),
                *(ScoreLine(label=f.rule_name, points=f.score_effect, rule=f.rule) for f in found),
            ),
        ),
        metrics={"figures": {"talk_ratio": {"value": 0.4127, "missing_reason": None}}},
        versions={"tree": f"{TREE}@1", "ruleset": "r@1"},
    )  # fmt: skip
    async with database.session() as session:
        metadata = {"agent": "小张", "team": "甲组", "started_at": WHEN}
        call, _ = await add_call(session, NewCall(file_name="secret.wav", metadata=metadata))
        await save_transcript(session, call.id, _transcript())
        await save_analysis(session, call.id, analysis)
        question = JudgeQuestion(role="agent", text=f"{MARK}问题")
        answer = Judgement(question=question, verdict="no", reason=f"{MARK}答", judge="m")
        await save_judgements(session, call.id, {"k": answer})
        call.state, call.score, call.passed, call.vetoed = "done", MACHINE_SCORE, True, False
        call.duration_ms = 6000
        await session.commit()
        return call.id


async def correct(database: Database, call_id: uuid.UUID, by: Actor) -> None:
    """Overturn the call's event."""
    said = _transcript().utterances
    async with database.session() as session:
        await save_correction(
            session, call_id,
            node=CorrectedNode(
                tree=TREE, tree_version=f"{TREE}@1", key=f"{MARK}键", path=f"{MARK}节点/事件"
            ),
            verdict="overturned", utterance=said[2], context=said[:2],
            hit=MachineHit(layer="keyword", score=1.0), actor=by,
        )  # fmt: skip
        await session.commit()


async def add_runs(database: Database, call_id: uuid.UUID, by: Actor) -> Runs:
    """A finished back-test that compared the call, and a finished trial on it."""
    assert by.user_id is not None
    async with database.session() as session:
        version = await get_version(session, "tree", TREE, 1)
        runs = [
            await add_run(
                session,
                NewRun(
                    kind=kind, document_kind="tree", version=version, request=request,
                    user_id=by.user_id, username=by.username,
                ),
            )
            for kind, request in (("backtest", {}), ("trial", {"call_id": str(call_id)}))
        ]  # fmt: skip
        change = Change(
            subject="rule", key=SECRET_RULE, name=f"{MARK}规则", change="gained", utterance=2,
            start_ms=4400, quote=f"{MARK}引", sentence="放心包过的", layer="keyword", score=-22.0,
            reason=f"{MARK}因",
        )  # fmt: skip
        compared = ComparedCall(
            call_id=call_id, score_before=MACHINE_SCORE, score_after=TESTED_SCORE,
            passed_before=True, passed_after=False, vetoed_before=False, vetoed_after=False,
            changes=(change,),
        )  # fmt: skip
        call = await session.get_one(Call, call_id)
        await save_comparisons(session, runs[0].id, [compared], {call_id: call})
        await finish_run(session, runs[0], await summarise(session, runs[0].id))
        await finish_run(session, runs[1], TRIED)
        await session.commit()
        return Runs(*(run.id for run in runs))


def _transcript() -> Transcript:
    utterances = tuple(
        Utterance(i, i % 2, "customer" if i % 2 else "agent", 2000 * i, 2000 * i + 1500, text, text)
        for i, text in enumerate(SAID)
    )
    return Transcript(AudioFacts(6000, 8000, 2, "x", "wav"), EngineInfo("reference"), utterances)
