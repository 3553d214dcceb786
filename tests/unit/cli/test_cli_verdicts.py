"""Evaluation of whole calls: events, violations and SOP states against the labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from cli.evaluation.ground_truth import parse_ground_truth, reference_transcript
from cli.evaluation.report import report_json
from cli.evaluation.run import LabelledCall, evaluate_calls, find_labelled
from cli.evaluation.verdicts import (
    VIOLATIONS,
    event_counts,
    reference_sop,
    sop_agreement,
    violation_counts,
    violation_names,
)
from core.errors import AppError
from core.evidence import Evidence
from events.document import parse_tree
from events.hits import EventHit, SopReport
from events.sop import sop_report
from qa_rules.findings import Finding, Outcome

TREE = parse_tree(
    """
tree: t
conversation: {min_customer_utterances: 0, min_duration_s: 0}
nodes:
  - {key: a, name: 问候, role: agent, sop: true, match: {keywords: [您好]}}
  - {key: b, name: 报价, role: agent, sop: true, match: {keywords: [块钱]}}
  - {key: c, name: 道别, role: agent, sop: true, match: {keywords: [再见]}}
"""
)
TRUTH = parse_ground_truth(
    {
        "domain": "edu",
        "duration_ms": 30_000,
        "turns": [
            {"role": "agent", "text": "您好", "start_ms": 0, "end_ms": 2_000, "events": ["问候"]},
            {"role": "customer", "text": "嗯", "start_ms": 2_000, "end_ms": 3_000},
            {
                "role": "agent",
                "text": "包过，两百块钱",
                "start_ms": 3_000,
                "end_ms": 9_000,
                "events": ["报价"],
                "qa": ["过度承诺"],
            },
        ],
    },
    "call",
)


def hit(node: str, utterance: int, role: Role = "agent") -> EventHit:
    return EventHit(
        node=node,
        tree="t@1",
        utterance=utterance,
        role=role,
        char_start=0,
        char_end=1,
        start_ms=0,
        end_ms=1,
        layer="keyword",
        form="raw",
        score=1.0,
        text="",
    )


def finding(name: str, *utterances: int, outcome: Outcome = "hit", role: str = "agent") -> Finding:
    return Finding(
        rule=name,
        rule_name=name,
        category="",
        severity="major",
        outcome=outcome,
        score_effect=0.0,
        veto=False,
        reason="",
        ruleset="r@1",
        evidence=tuple(
            Evidence(
                utterance=u,
                role=role,
                char_start=0,
                char_end=1,
                start_ms=0,
                end_ms=1,
                layer="keyword",
                form="raw",
                score=1.0,
                text="",
            )
            for u in utterances
        ),
    )


WRITTEN = reference_transcript(TRUTH)
NAMES = violation_names([TRUTH])


def test_the_labels_themselves_score_one() -> None:
    counts = event_counts(TRUTH, WRITTEN, [hit("问候", 0), hit("报价", 2)], aligned=True)
    assert all(count.f1 == 1.0 for count in counts.values())
    counts = violation_counts(TRUTH, WRITTEN, [finding("过度承诺", 2)], NAMES, aligned=True)
    assert counts["过度承诺"].f1 == 1.0


def test_recognised_utterances_are_related_by_time_and_role() -> None:
    heard = Transcript(
        AudioFacts(30_000, 8000, 2, "", ""),
        EngineInfo("x"),
        (
            Utterance(0, 0, "agent", 100, 1_900, "您好", "您好"),
            Utterance(1, 0, "agent", 3_200, 5_000, "包过", "包过"),
            Utterance(2, 0, "agent", 5_200, 8_800, "两百块钱", "两百块钱"),
            Utterance(3, 0, "agent", 20_000, 21_000, "再见", "再见"),
        ),
    )
    hits = [hit("问候", 0), hit("报价", 1), hit("报价", 2), hit("道别", 3)]
    counts = event_counts(TRUTH, heard, hits, aligned=False)
    assert (counts["报价"].tp, counts["报价"].fp) == (1, 0)
    assert (counts["道别"].tp, counts["道别"].fp) == (0, 1)
    assert counts["问候"].tp == 1


@pytest.mark.parametrize("outcome", ["clear", "undecidable", "not_applicable"])
def test_only_hit_findings_count(outcome: Outcome) -> None:
    found = violation_counts(
        TRUTH, WRITTEN, [finding("过度承诺", 2, outcome=outcome)], NAMES, aligned=True
    )
    assert (found["过度承诺"].tp, found["过度承诺"].fn) == (0, 1)


def test_rules_about_the_process_are_not_measured() -> None:
    found = violation_counts(TRUTH, WRITTEN, [finding("未录音告知", 0)], NAMES, aligned=True)
    assert "未录音告知" not in found


def test_evidence_on_what_the_customer_said_is_context() -> None:
    found = violation_counts(
        TRUTH, WRITTEN, [finding("打断抢话", 1, role="customer")], NAMES, aligned=True
    )
    assert "打断抢话" not in found


def test_measured_names_are_the_label_set_and_what_is_labelled() -> None:
    odd = parse_ground_truth(
        {"turns": [{"role": "agent", "text": "x", "start_ms": 0, "end_ms": 1, "qa": ["别的"]}]},
        "odd",
    )
    assert violation_names([odd]) == {*VIOLATIONS, "别的"}


def test_reference_states_follow_from_the_labels() -> None:
    report = reference_sop(TRUTH, TREE)
    assert {step.node: step.state for step in report.steps} == {
        "问候": "executed",
        "报价": "executed",
        "道别": "missed",
    }


def test_agreement_counts_steps() -> None:
    reference = reference_sop(TRUTH, TREE)
    predicted = sop_report(TREE, WRITTEN, [hit("问候", 0)])
    agreement = sop_agreement(reference, predicted)
    assert (agreement.right, agreement.steps) == (2, 3)
    assert sop_agreement(reference, reference).accuracy == 1.0


@dataclass
class Found:
    """What an analyser finds, as far as evaluation looks at it."""

    events: tuple[EventHit, ...]
    findings: tuple[Finding, ...]
    sop: SopReport


class Oracle:
    """An analyser that finds what is labelled wherever the text is."""

    def tree_for(self, domain: str) -> Any:
        return TREE

    def for_domain(self, domain: str) -> "Oracle":
        return self

    def analyze(self, transcript: Transcript, metadata: object) -> Found:
        hits = [
            hit(node, u.index)
            for u in transcript.utterances
            for node, word in (("问候", "您好"), ("报价", "块钱"))
            if word in u.text
        ]
        findings = [finding("过度承诺", u.index) for u in transcript.utterances if "包过" in u.text]
        return Found(tuple(hits), tuple(findings), sop_report(TREE, transcript, hits))


class Quiet:
    def start(self, item: str) -> None:
        pass

    def share(self, item: str, share: float) -> None:
        pass

    def finish(self, item: str) -> None:
        pass


def test_a_perfect_recogniser_and_analyser_score_one_everywhere() -> None:
    calls = [LabelledCall(TRUTH, Path("call.flac"))] * 2
    result = evaluate_calls(calls, Oracle(), lambda *_: WRITTEN, Quiet())  # type: ignore[arg-type]
    report = report_json(result)
    assert report["calls"] == 2
    assert report["audio_seconds"] == 60.0
    assert report["cer"] == {"all": 0.0, "agent": 0.0, "customer": 0.0}
    for text in ("reference_text", "recognised_text"):
        assert report["events"][text]["micro"]["f1"] == 1.0
        assert report["events"][text]["macro_f1"] == 1.0
        assert report["qa"][text]["micro"]["f1"] == 1.0
        assert set(report["qa"][text]["per_rule"]) == set(VIOLATIONS)
    assert report["sop_state_accuracy"] == 1.0
    assert report["failed"] == []


def test_text_only_leaves_the_figures_of_audio_empty() -> None:
    result = evaluate_calls([LabelledCall(TRUTH, None)], Oracle(), None, Quiet())  # type: ignore[arg-type]
    report = report_json(result)
    assert report["cer"] == {"all": None, "agent": None, "customer": None}
    assert report["events"]["recognised_text"] is None
    assert report["qa"]["recognised_text"] is None
    assert (report["audio_seconds"], report["wall_seconds"], report["x_realtime"]) == (0, 0, None)
    assert report["events"]["reference_text"]["micro"]["f1"] == 1.0


def test_a_recording_that_cannot_be_heard_is_listed_and_the_rest_goes_on() -> None:
    def hear(path: Path, *_: object) -> Transcript:
        if path.name == "bad.flac":
            raise AppError("bad-audio", "坏文件")
        return WRITTEN

    calls = [LabelledCall(TRUTH, Path("bad.flac")), LabelledCall(TRUTH, Path("good.flac"))]
    result = evaluate_calls(calls, Oracle(), hear, Quiet())  # type: ignore[arg-type]
    assert result.calls == 1
    assert result.failed == (("bad.flac", "坏文件"),)


def test_nothing_to_evaluate_has_no_figures() -> None:
    report = report_json(evaluate_calls([], Oracle(), None, Quiet()))  # type: ignore[arg-type]
    assert report["calls"] == 0
    assert report["events"]["reference_text"]["micro"]["f1"] is None
    assert report["sop_state_accuracy"] is None


def test_labelled_calls_are_found_and_bad_ones_listed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"turns": []}', encoding="utf-8")
    (tmp_path / "a.flac").write_bytes(b"x")
    (tmp_path / "b.json").write_text('{"turns": []}', encoding="utf-8")
    (tmp_path / "c.json").write_text("{", encoding="utf-8")
    (tmp_path / "d.json").write_text("[]", encoding="utf-8")
    calls, failed = find_labelled(tmp_path, with_audio=True)
    assert [call.recording for call in calls] == [tmp_path / "a.flac"]
    assert [name for name, _ in failed] == ["b.json", "c.json"]
    calls, failed = find_labelled(tmp_path, with_audio=False)
    assert len(calls) == 2
    assert [name for name, _ in failed] == ["c.json"]


def test_a_directory_without_labelled_calls_is_an_error(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(AppError) as caught:
            find_labelled(directory, with_audio=False)
        assert caught.value.code == "not-found"
