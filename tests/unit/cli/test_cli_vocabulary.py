"""What correction towards a vocabulary did, judged by the labels."""

from pathlib import Path

import pytest

from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from cli.evaluation.ground_truth import GroundTruth, parse_ground_truth
from cli.evaluation.run import LabelledCall
from cli.evaluation.vocabulary import (
    VocabularyReport,
    campaign_terms,
    measure_vocabulary,
    read_terms,
    vocabulary_json,
)
from core.errors import AppError


class Quiet:
    def start(self, item: str) -> None:
        pass

    def share(self, item: str, share: float) -> None:
        pass

    def finish(self, item: str) -> None:
        pass


def truth_of(*said: tuple[Role, str], agent: object = None) -> GroundTruth:
    turns = [
        {"role": role, "text": text, "start_ms": i * 1_000, "end_ms": i * 1_000 + 900}
        for i, (role, text) in enumerate(said)
    ]
    return parse_ground_truth({"turns": turns, "agent": agent}, "call")


def heard(*said: tuple[Role, str]) -> Transcript:
    return Transcript(
        AudioFacts(10_000, 8_000, 2, "", ""),
        EngineInfo("test"),
        tuple(
            Utterance(i, 0, role, i * 1_000, i * 1_000 + 900, text, text)
            for i, (role, text) in enumerate(said)
        ),
    )


def measured(
    truth: GroundTruth, recognised: Transcript, terms: list[str], calls: int = 1
) -> VocabularyReport:
    return measure_vocabulary(
        [LabelledCall(truth, Path("call.flac"))] * calls, terms, lambda *_: recognised, Quiet()
    )


def test_a_term_that_was_said_is_fixed_and_errors_go_down() -> None:
    truth = truth_of(("agent", "我是启航教育的"), ("customer", "嗯"))
    report = measured(truth, heard(("agent", "我是起航叫育的"), ("customer", "嗯")), ["启航教育"])
    document = vocabulary_json(report)
    assert document["cer"]["before"] == {"all": 0.25, "agent": 0.2857, "customer": 0.0}
    assert document["cer"]["after"] == {"all": 0.0, "agent": 0.0, "customer": 0.0}
    assert document["verdicts"] == {"fixed": 1, "harmed": 0, "neutral": 0}
    assert document["per_term"] == {"启航教育": {"fixed": 1, "harmed": 0, "neutral": 0}}
    assert document["replacements"] == [
        {
            "call": "call",
            "role": "agent",
            "start_ms": 0,
            "before": "起航叫育",
            "after": "启航教育",
            "distance": 0,
            "verdict": "fixed",
        }
    ]
    assert document["harmful"] is False


def test_a_false_correction_harms_in_the_call_and_in_the_labels() -> None:
    said = "我是起航叫育的"
    truth = truth_of(("agent", said))
    report = measured(truth, heard(("agent", said)), ["启航教育"])
    document = vocabulary_json(report)
    assert document["verdicts"] == {"fixed": 0, "harmed": 1, "neutral": 0}
    assert document["cer"]["before"]["all"] == 0
    assert document["cer"]["after"]["all"] > 0
    assert document["harmful"] is True
    assert document["on_reference"] == {
        "characters": 7,
        "false": [{"call": "call", "before": "起航叫育", "after": "启航教育"}],
    }


def test_the_verdict_looks_at_the_same_side_only() -> None:
    truth = truth_of(("customer", "启航教育"))
    report = measured(truth, heard(("agent", "我是起航叫育的")), ["启航教育"])
    assert report.verdicts == {"neutral": 1}


def test_calls_add_up() -> None:
    truth = truth_of(("agent", "我是启航教育的"))
    report = measured(truth, heard(("agent", "我是起航叫育的")), ["启航教育"], calls=3)
    assert report.calls == 3
    assert report.verdicts == {"fixed": 3}
    assert report.before["agent"].reference == 21
    assert report.reference_characters == 21


def test_company_and_agent_of_a_call_are_terms() -> None:
    truth = truth_of(
        ("agent", "启航教育"), agent={"company": "启航教育", "name": "沈若彤", "no": 1}
    )
    assert campaign_terms(truth) == ("启航教育", "沈若彤")
    assert campaign_terms(truth_of(("agent", "好"), agent="沈")) == ()
    report = measured(truth, heard(("agent", "起航叫育")), [])
    assert report.verdicts == {"fixed": 1}


def test_terms_that_cannot_take_part_are_told() -> None:
    report = measured(truth_of(("agent", "好")), heard(("agent", "好")), ["VIP", "启航教育", "券"])
    assert report.ignored == ("VIP", "券")
    assert report.terms == 1


def test_a_recording_that_cannot_be_heard_is_listed_and_the_rest_goes_on() -> None:
    truth = truth_of(("agent", "您好"))

    def hear(path: Path, *_: object) -> Transcript:
        if path.name == "bad.flac":
            raise AppError("bad-audio", "坏文件")
        return heard(("agent", "您好"))

    calls = [LabelledCall(truth, Path(name)) for name in ("bad.flac", "good.flac")]
    report = measure_vocabulary(calls, [], hear, Quiet(), [("x.json", "没有录音")])
    assert report.calls == 1
    assert report.failed == (("x.json", "没有录音"), ("bad.flac", "坏文件"))


def test_no_calls_have_no_figures() -> None:
    document = vocabulary_json(measure_vocabulary([], [], lambda *_: heard(), Quiet()))
    assert document["cer"]["before"] == {"all": None, "agent": None, "customer": None}
    assert document["harmful"] is False


def test_terms_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("\ufeff启航教育\n\n# 课程\n 健康管理师 # 证书\n", encoding="utf-8")
    assert read_terms(path) == ("启航教育", "健康管理师")
    with pytest.raises(AppError) as error:
        read_terms(tmp_path / "none.txt")
    assert error.value.code == "bad-document"


def test_a_recogniser_that_was_told_the_words_is_compared() -> None:
    truth = truth_of(("agent", "我是启航教育的"), agent={"company": "启航教育"})

    def hear(_path: Path, _roles: object, hotwords: object, _progress: object) -> Transcript:
        assert hotwords in ((), ("启航教育",))
        return heard(("agent", "我是启航教育的" if hotwords else "我是起航的"))

    document = vocabulary_json(
        measure_vocabulary(
            [LabelledCall(truth, Path("call.flac"))], [], hear, Quiet(), with_hotwords=True
        )
    )
    assert document["cer"]["hotwords"]["agent"] == 0.0
    assert document["campaign_words"] == {"said": 1, "recognised": 0, "with_hotwords": 1}
