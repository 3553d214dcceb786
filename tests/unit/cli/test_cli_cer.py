"""Character error rate."""

import pytest

from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from cli.evaluation.cer import Errors, character_errors, comparable
from cli.evaluation.ground_truth import parse_ground_truth, reference_transcript


def truth_of(*said: tuple[Role, str]):
    turns = [
        {"role": role, "text": text, "start_ms": i * 1000, "end_ms": i * 1000 + 900}
        for i, (role, text) in enumerate(said)
    ]
    return parse_ground_truth({"turns": turns}, "call")


def heard(*said: tuple[Role, str]) -> Transcript:
    return Transcript(
        AudioFacts(10_000, 8000, 2, "", ""),
        EngineInfo("x"),
        tuple(
            Utterance(i, 0, role, i * 1000, i * 1000 + 900, text, text)
            for i, (role, text) in enumerate(said)
        ),
    )


TRUTH = truth_of(("agent", "您好，请问方便吗？"), ("customer", "方便，你说。"), ("agent", "好的！"))


def test_perfect_text_has_no_errors() -> None:
    errors = character_errors(TRUTH, reference_transcript(TRUTH))
    assert errors == {"agent": Errors(0, 9), "customer": Errors(0, 4)}


def test_errors_by_hand_and_by_role() -> None:
    # agent: 方便 -> 房便 (1), 的 missing (1); customer: 啊 inserted (1)
    errors = character_errors(
        TRUTH, heard(("agent", "您好请问房便吗"), ("customer", "方便你说啊"), ("agent", "好"))
    )
    assert errors == {"agent": Errors(2, 9), "customer": Errors(1, 4)}
    assert sum(errors.values(), Errors()).rate == pytest.approx(3 / 13)


def test_utterance_borders_do_not_matter() -> None:
    pieces = heard(
        ("agent", "您好"), ("agent", "请问方便吗"), ("customer", "方便你说"), ("agent", "好的")
    )
    assert all(error.edits == 0 for error in character_errors(TRUTH, pieces).values())


def test_nothing_heard_is_all_errors() -> None:
    assert character_errors(TRUTH, heard())["agent"].rate == 1.0


def test_nothing_said_has_no_rate() -> None:
    assert character_errors(truth_of(), heard())["agent"].rate is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("一千九百八十元", "1980元"),
        ("OK，好的", "ok 好 的"),
        ("百分之十", "10%"),
        ("Ａ班", "a班"),
        ("您好。", "您好"),
    ],
)
def test_same_speech_compares_equal(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)
