"""Audio checks as the call page words them, and the fixes it offers."""

import pytest

from api.web.audio_view import FixChoice, check_rows, fix_choices
from api.web.catalogue import LANGUAGES, Phrases, messages
from asr.transcript import AudioCheck, AudioFacts, EngineInfo, Role, Transcript, Utterance
from models.hearing import HearingOptions

CHECKS = (
    AudioCheck("clipping", 0.0, "ratio", 0.001, False, 0),
    AudioCheck("abrupt-end", 40, "ms", 100, True),
    AudioCheck("swapped-channels", 9.5, "points", 4.0, True, None, "swap-roles"),
)


def transcript(role: Role = "agent", channels: int = 2) -> Transcript:
    facts = AudioFacts(1000, 8000, channels, "pcm_s16le", "wav", checks=CHECKS)
    said = Utterance(0, 0, role, 0, 500, "您好", "您好")
    return Transcript(facts, EngineInfo("reference"), (said,))


def test_what_is_out_of_bounds_comes_first_with_a_hint() -> None:
    rows = check_rows(transcript(), Phrases("zh"))
    assert [row.code for row in rows] == ["abrupt-end", "swapped-channels", "clipping"]
    assert (rows[0].value, rows[0].bound) == ("0.04 秒", "0.10 秒")
    assert (rows[1].value, rows[1].fix) == ("9.5 分", "swap-roles")
    assert all(row.hint for row in rows[:2])
    assert (rows[2].name, rows[2].value, rows[2].hint) == ("削波占比", "0.0%", "")
    assert check_rows(None, Phrases("zh")) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_hint_belongs_to_a_named_check(language: str) -> None:
    known = messages(language)  # type: ignore[arg-type]
    for key in known:
        if key.startswith("flag_hint."):
            code = key.removeprefix("flag_hint.")
            assert {f"flag.{code}", f"check.{code}"} <= set(known)


def test_fixes_that_make_sense_and_those_to_take_back() -> None:
    def offered(found: Transcript | None, **options: bool) -> list[tuple[str, bool]]:
        choices = fix_choices(found, HearingOptions(**options), has_audio=True)
        assert all(isinstance(choice, FixChoice) for choice in choices)
        return [(choice.fix, choice.undo) for choice in choices]

    everything = [("swap-roles", False), ("treat-as-mono", False), ("re-transcribe", False)]
    assert offered(transcript()) == everything
    assert offered(None) == []
    assert offered(transcript("unknown", 1)) == [("re-transcribe", False)]
    assert offered(transcript(channels=1), mix_channels=True)[1] == ("treat-as-mono", True)
    assert fix_choices(transcript(), HearingOptions(), has_audio=False) == (
        FixChoice(fix="swap-roles", undo=False),
    )
