"""Reading labelled calls."""

from pathlib import Path
from typing import Any

import pytest

from cli.evaluation.ground_truth import (
    is_ground_truth,
    parse_ground_truth,
    read_json,
    reference_transcript,
)
from core.errors import AppError


def document(**changes: Any) -> dict[str, Any]:
    first = {
        "role": "customer",
        "text": "喂",
        "start_ms": 3_000,
        "end_ms": 3_500,
        "events": ["客户/询问价格"],
        "qa": [],
    }
    second = {
        "role": "agent",
        "text": "您好，学费一千九百八",
        "start_ms": 1_000,
        "end_ms": 2_000,
        "events": ["a", "a"],
        "qa": ["过度承诺"],
    }
    return {"id": "x-1", "domain": "edu", "duration_ms": 9_000, "turns": [first, second], **changes}


def test_turns_are_sorted_by_time() -> None:
    truth = parse_ground_truth(document(), "file")
    assert [t.role for t in truth.turns] == ["agent", "customer"]
    assert (truth.name, truth.domain, truth.duration_ms) == ("x-1", "edu", 9_000)
    assert truth.turns[0].events == ("a",)
    assert truth.turns[0].violations == ("过度承诺",)


def test_reference_transcript_has_an_utterance_for_each_turn() -> None:
    transcript = reference_transcript(parse_ground_truth(document(), "file"))
    assert [(u.index, u.channel, u.role) for u in transcript.utterances] == [
        (0, 0, "agent"),
        (1, 1, "customer"),
    ]
    assert transcript.utterances[0].normalised == "您好，学费1980"
    assert transcript.audio.channels == 2
    assert transcript.engine.engine == "reference"


def test_channels_may_be_swapped() -> None:
    truth = parse_ground_truth(document(channels=["customer", "agent"]), "file")
    assert [t.channel for t in truth.turns] == [1, 0]


def test_missing_facts_get_defaults() -> None:
    truth = parse_ground_truth({"turns": []}, "file")
    assert (truth.name, truth.domain, truth.duration_ms, truth.turns) == ("file", "", 0, ())


def test_duration_covers_the_turns() -> None:
    assert parse_ground_truth(document(duration_ms=0), "file").duration_ms == 3_500


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ("text", r"turns\[0\]"),
        ({"role": "nobody", "text": "x", "start_ms": 0, "end_ms": 1}, "role"),
        ({"role": "agent", "text": 5, "start_ms": 0, "end_ms": 1}, "text"),
        ({"role": "agent", "text": "x", "start_ms": 5, "end_ms": 1}, "start_ms"),
        ({"role": "agent", "text": "x", "start_ms": 0.5, "end_ms": 1}, "start_ms"),
        ({"role": "agent", "text": "x", "end_ms": 1}, "start_ms"),
        ({"role": "agent", "text": "x", "start_ms": 0, "end_ms": 1, "events": "a"}, "events"),
        ({"role": "agent", "text": "x", "start_ms": 0, "end_ms": 1, "qa": [1]}, "qa"),
    ],
)
def test_a_bad_turn_is_named(turn: object, told: str) -> None:
    with pytest.raises(AppError, match=told) as caught:
        parse_ground_truth({"turns": [turn]}, "file")
    assert caught.value.code == "bad-document"
    assert "file" in caught.value.message


@pytest.mark.parametrize("value", [{}, [], {"turns": 5}, None, "turns"])
def test_what_is_no_labelled_call(value: object) -> None:
    assert not is_ground_truth(value)
    with pytest.raises(AppError, match="turns"):
        parse_ground_truth(value, "file")


def test_bad_channels_are_refused() -> None:
    with pytest.raises(AppError, match="channels"):
        parse_ground_truth(document(channels=["left", "right"]), "file")


def test_bad_json_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n "turns": [,]\n}', encoding="utf-8")
    with pytest.raises(AppError, match=r"a\.json:2"):
        read_json(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AppError) as caught:
        read_json(path)
    assert caught.value.code == "bad-document"
