"""Results come back from the database as the values that went in, and replace each other."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from asr.transcript import (
    AudioFacts,
    ChannelSpeech,
    DroppedSegment,
    EngineInfo,
    Transcript,
    UntranscribedSpeech,
    Utterance,
    Word,
)
from core.span import Span
from events.hits import EventHit, SopReport, StepState
from models.calls import NewCall, add_call
from models.database import Database
from models.results import (
    ChannelWaveform,
    StoredAnalysis,
    load_analysis,
    load_transcript,
    load_waveform,
    save_analysis,
    save_transcript,
    save_waveform,
)
from models.tables import EventHitRow, UtteranceRow
from qa_rules.findings import Finding, FindingEvidence, Score, ScoreLine

# PostgreSQL text holds every code point but NUL and lone surrogates.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)
TIMES = st.integers(0, 4 * 3600 * 1000)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    spoken = draw(st.lists(st.tuples(TIMES, TEXTS, TEXTS, st.floats(0, 1)), max_size=4))
    utterances = tuple(
        Utterance(
            index=index,
            channel=index % 2,
            role="agent" if index % 2 else "customer",
            start_ms=start,
            end_ms=start + 500,
            text=text,
            normalised=normalised,
            words=(Word(text, start, start + 500, confidence),),
            confidence=confidence if index else None,
            reliability="low" if index % 3 else "high",
        )
        for index, (start, text, normalised, confidence) in enumerate(spoken)
    )
    return Transcript(
        AudioFacts(draw(TIMES), 8000, 2, "pcm_alaw", "wav", ("clipping",)),
        EngineInfo("faster-whisper", "base", "ab", {"beam_size": 1, "int8": True, "t": 0.5}),
        utterances,
        (ChannelSpeech(0, "agent", (Span(0, 10), Span(20, 30))),),
        (DroppedSegment(1, 0, 5, draw(TEXTS), "repeat-loop"),),
        (UntranscribedSpeech(1, "customer", 40, 50),),
    )


def hit(node: str = "开场白/自我介绍", text: str = "您好") -> EventHit:
    return EventHit(
        utterance=0, role="agent", char_start=0, char_end=2, start_ms=0, end_ms=500,
        layer="keyword", form="raw", score=1.0, text=text, node=node, tree="t@1",
    )  # fmt: skip


def analysis(points: float = 90.0, hits: tuple[EventHit, ...] = (hit(),)) -> StoredAnalysis:
    quiet = FindingEvidence(
        utterance=None, role="unknown", char_start=0, char_end=0, start_ms=10, end_ms=5210,
        layer="timing", form="none", score=1.0, text="静音 5.2 秒",
    )  # fmt: skip
    return StoredAnalysis(
        hits=hits,
        sop=SopReport(
            steps=(
                StepState(
                    node="开场白/自我介绍", state="executed", required=True, weight=2.0,
                    reason="第 1 句命中", hits=(0,), expected_rank=4, actual_rank=1,
                ),
                StepState(
                    node="添加微信", state="undecidable", required=False, weight=1.0, reason="?"
                ),
            ),
            coverage=1.0,
            order_adherence=None,
        ),
        findings=(
            Finding(
                rule="silence", rule_name="长时间静音", category="服务", severity="minor",
                outcome="hit", score_effect=-10.0, veto=False, reason="静音", ruleset="r@1",
                evidence=(quiet, quiet),
            ),
        ),
        score=Score(
            value=points, passed=True, vetoed=False, scorecard="默认",
            lines=(
                ScoreLine(label="起始分", points=100.0),
                ScoreLine(label="长时间静音", points=-10.0, rule="silence"),
            ),
        ),
        metrics={"figures": {"talk_ratio": {"value": 0.5}}},
        versions={"tree": "t@1"},
    )  # fmt: skip


async def new_call(database: Database) -> uuid.UUID:
    async with database.session() as session:
        call, _ = await add_call(session, NewCall())
        await session.commit()
        return call.id


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(transcript=transcripts())
async def test_any_transcript_comes_back_equal(database: Database, transcript: Transcript) -> None:
    call_id = await new_call(database)
    async with database.session() as session:
        await save_transcript(session, call_id, transcript)
        await session.commit()
    async with database.session() as session:
        assert await load_transcript(session, call_id) == transcript


async def test_an_analysis_comes_back_equal(database: Database) -> None:
    call_id = await new_call(database)
    async with database.session() as session:
        await save_analysis(session, call_id, analysis())
        await session.commit()
    async with database.session() as session:
        assert await load_analysis(session, call_id) == analysis()


async def test_saving_again_replaces(database: Database) -> None:
    call_id, other = await new_call(database), await new_call(database)
    fewer = analysis(70.0, hits=(hit("结束语", "再见"),))
    async with database.session() as session:
        await save_analysis(session, other, analysis())
        await save_analysis(session, call_id, analysis(hits=(hit(), hit(), hit("a"))))
        assert await load_analysis(session, call_id) is not None
        await save_analysis(session, call_id, fewer)
        assert await load_analysis(session, call_id) == fewer
        assert await load_analysis(session, other) == analysis()
        await session.commit()
    async with database.session() as session:
        count = select(func.count()).select_from(EventHitRow)
        assert await session.scalar(count.where(EventHitRow.call_id == call_id)) == 1


async def test_a_shorter_transcript_leaves_no_old_utterances(database: Database) -> None:
    call_id = await new_call(database)
    facts, engine = AudioFacts(1, 8000, 1, "x", "y"), EngineInfo("reference")
    said = tuple(Utterance(i, 0, "agent", i * 10, i * 10 + 5, "好", "好") for i in range(5))
    async with database.session() as session:
        await save_transcript(session, call_id, Transcript(facts, engine, said))
        await save_transcript(session, call_id, Transcript(facts, engine, said[:2]))
        stored = await load_transcript(session, call_id)
        rows = await session.scalar(select(func.count()).select_from(UtteranceRow))
    assert stored is not None
    assert (len(stored.utterances), rows) == (2, 2)


async def test_waveforms_come_back_and_replace_each_other(database: Database) -> None:
    call_id = await new_call(database)
    two = [ChannelWaveform(channel=c, per_second=20, peaks=bytes([128, 127, c])) for c in (0, 1)]
    async with database.session() as session:
        await save_waveform(session, call_id, two)
        assert list(await load_waveform(session, call_id)) == two
        await save_waveform(session, call_id, two[:1])
        assert list(await load_waveform(session, call_id)) == two[:1]


async def test_nothing_is_none(database: Database) -> None:
    async with database.session() as session:
        assert await load_transcript(session, uuid.uuid4()) is None
        assert await load_analysis(session, uuid.uuid4()) is None
        assert await load_waveform(session, uuid.uuid4()) == ()


@pytest.mark.parametrize("text", ["a\\b\"'%s :x ${}", "𠮷野家 👍🏽", "\u200b\ufeff"])
async def test_awkward_text_survives(database: Database, text: str) -> None:
    call_id = await new_call(database)
    async with database.session() as session:
        await save_analysis(session, call_id, analysis(hits=(hit(text, text),)))
        stored = await load_analysis(session, call_id)
    assert stored is not None
    assert stored.hits == (hit(text, text),)
