"""Roles held against what each side says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests_call import GramEncoder

from asr.audio_checks import with_role_check, with_swapped_roles
from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from events.acts.sides import side_margin

FIXTURES = Path(__file__).parents[3] / "fixtures" / "audio"


def written(name: str) -> Transcript:
    turns = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))["turns"]
    channel: dict[Role, int] = {"agent": 0, "customer": 1}
    utterances = tuple(
        Utterance(
            i, channel[t["role"]], t["role"], t["start_ms"], t["end_ms"], t["text"], t["text"]
        )
        for i, t in enumerate(turns)
    )
    facts = AudioFacts(turns[-1]["end_ms"], 8_000, 2, "flac", "flac")
    return Transcript(facts, EngineInfo("reference"), utterances)


def test_the_check_follows_the_margin() -> None:
    call = written("dev-edu-04")
    right = with_role_check(call, 2.0)
    first = right.audio.checks[0]
    assert (first.code, first.unit, first.flagged) == ("swapped-channels", "log odds", False)
    wrong = with_role_check(right, -2.0)
    assert "swapped-channels" in wrong.audio.quality_flags
    assert [c.fix for c in wrong.audio.checks if c.flagged] == ["swap-roles"]
    assert with_role_check(wrong, -2.0) is wrong
    assert "swapped-channels" not in with_role_check(wrong, None).audio.quality_flags


def test_exchanging_the_roles_drops_what_was_said_of_them() -> None:
    wrong = with_role_check(written("dev-edu-04"), -2.0)
    assert all(c.unit != "log odds" for c in with_swapped_roles(wrong).audio.checks)


def test_too_few_turns_tell_nothing(grams: GramEncoder) -> None:
    call = written("dev-edu-04")
    assert side_margin(replace(call, utterances=call.utterances[:4]), grams) is None


@pytest.mark.parametrize("name", ["dev-edu-01", "dev-ins-03"])
def test_vectors_of_another_model_tell_nothing(grams: GramEncoder, name: str) -> None:
    assert side_margin(written(name), grams) is None
