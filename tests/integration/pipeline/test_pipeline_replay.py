"""Replay: the same verdicts from the stored transcript, and every change to them noticed."""

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from stage_runs import analyze, transcribe
from written_calls import FIXTURE, written_transcript

from asr.decode import decode
from core.errors import AppError
from core.settings import NlpSettings
from events.document import load_pack
from models.tables import CallMetricsRow, FindingRow, RuleSetVersion
from nlp.encoders.loading import load_encoder
from pipeline.analysis import CallAnalyzer, analysis_document
from pipeline.replaying import read_analysis, replay_call, replay_written
from pipeline.resources import Resources
from qa_rules.documents import rule_sets as rules


@pytest.fixture(scope="module")
def analyzer() -> CallAnalyzer:
    encoder = load_encoder(NlpSettings(), offline=True)
    return CallAnalyzer(load_pack("edu"), rules.load_pack("edu"), encoder)


@pytest.fixture(scope="module")
def document(analyzer: CallAnalyzer) -> dict[str, Any]:
    turns = json.loads(FIXTURE.with_suffix(".json").read_text())["turns"]
    transcript = written_transcript(turns, decode(FIXTURE, 3600), ("agent", "customer"))
    found = analyzer.analyze(transcript, {"domain": "edu"})
    written = analysis_document({"domain": "edu"}, transcript, found)
    plain: dict[str, Any] = json.loads(json.dumps(written, ensure_ascii=False))
    return plain


def test_a_written_analysis_replays_to_the_same(
    analyzer: CallAnalyzer, document: dict[str, Any]
) -> None:
    found = replay_written("c", read_analysis(document, "c.json"), analyzer, {"domain": "edu"})
    assert found.differences == ()
    assert found.unchecked == ()
    assert found.findings == len(document["findings"])
    assert found.versions["ruleset"] == document["versions"]["ruleset"]


def test_findings_tell_the_operator_and_where(document: dict[str, Any]) -> None:
    hits = [item for item in document["findings"] if item["outcome"] == "hit"]
    evidence = [item for finding in hits for item in finding["evidence"]]
    assert evidence
    assert all(item["operator"] and item["condition"] for item in evidence)


def _outcome(document: dict[str, Any]) -> None:
    document["findings"][0]["outcome"] = "undecidable"


def _effect(document: dict[str, Any]) -> None:
    document["score"]["lines"][0]["points"] += 5


def _evidence(document: dict[str, Any]) -> None:
    finding = next(item for item in document["findings"] if item["evidence"])
    finding["evidence"][0]["char_end"] += 1


def _event(document: dict[str, Any]) -> None:
    document["events"].pop()


def _words(document: dict[str, Any]) -> None:
    said = document["transcript"]["utterances"][-1]
    said["role"], said["text"] = "agent", "我跟您保证一定能考过，考不过我赔您"


@pytest.mark.parametrize(
    ("tamper", "at"),
    [
        (_outcome, "发现 "), (_effect, "得分.lines[0].points"), (_evidence, "evidence[0].char_end"),
        (_event, "事件 "), (_words, "发现 over-promise"),
    ],
)  # fmt: skip
def test_tampering_is_noticed(
    analyzer: CallAnalyzer,
    document: dict[str, Any],
    tamper: Callable[[dict[str, Any]], None],
    at: str,
) -> None:
    changed = copy.deepcopy(document)
    tamper(changed)
    found = replay_written("c", read_analysis(changed, "c.json"), analyzer, {"domain": "edu"})
    assert [item for item in found.differences if at in item.at]


@pytest.mark.parametrize(
    "key", ["ruleset_sha256", "tree_sha256", "encoder", "act_model", "head", "accuracy"]
)
def test_a_version_that_is_gone_is_named(
    analyzer: CallAnalyzer, document: dict[str, Any], key: str
) -> None:
    other = copy.deepcopy(document)
    other["versions"][key] = "elsewhere"
    with pytest.raises(AppError) as caught:
        replay_written("c", read_analysis(other, "c.json"), analyzer, {})
    assert caught.value.code == "version-unavailable"


def test_what_is_no_analysis_is_refused() -> None:
    with pytest.raises(AppError, match="缺少"):
        read_analysis({"transcript": {}}, "c.json")


async def test_a_stored_call_replays_until_somebody_changes_it(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    async with resources.database.session() as session:
        same = await replay_call(session, resources.analyzers, call_id)
        assert same.differences == ()
        await session.execute(
            update(FindingRow)
            .where(FindingRow.call_id == call_id, FindingRow.rule == "no-greeting")
            .values(outcome="undecidable")
        )
        changed = await replay_call(session, resources.analyzers, call_id)
        assert [item.at for item in changed.differences] == ["发现 no-greeting.outcome"]
        await session.execute(delete(FindingRow).where(FindingRow.rule == "no-greeting"))
        gone = await replay_call(session, resources.analyzers, call_id)
        assert [(d.at, d.stored) for d in gone.differences] == [("发现 no-greeting", "没有")]


async def test_a_deleted_rule_set_version_is_named(
    resources: Resources, call_id: uuid.UUID
) -> None:
    await transcribe(resources, call_id)
    await analyze(resources, call_id)
    async with resources.database.session() as session:
        name = "职业教育"
        await session.execute(
            update(RuleSetVersion).where(RuleSetVersion.name == name).values(version=99)
        )
        with pytest.raises(AppError, match="规则集 职业教育@") as caught:
            await replay_call(session, resources.analyzers, call_id)
        assert caught.value.code == "version-unavailable"
        await session.rollback()
        await session.execute(
            update(CallMetricsRow)
            .where(CallMetricsRow.call_id == call_id)
            .values(versions=text('versions || \'{"accuracy": "accuracy@7"}\'::jsonb'))
        )
        with pytest.raises(AppError, match="accuracy@7"):
            await replay_call(session, resources.analyzers, call_id)
