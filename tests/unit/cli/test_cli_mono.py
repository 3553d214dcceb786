"""Evaluation of calls mixed down to one channel: what is counted, and that it adds up."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.decode import decode
from asr.diarization.scoring import DiarizationErrors, RoleAccuracy
from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from cli.evaluation import hearing
from cli.evaluation.ground_truth import parse_ground_truth
from cli.evaluation.mono import MonoScores, mono_scores
from cli.evaluation.report import Evaluation, TextScores, report_json
from core.settings import Settings

# Between the collars, 3.5 s of each side count.
TRUTH = parse_ground_truth(
    {
        "turns": [
            {"role": "agent", "text": "您好", "start_ms": 0, "end_ms": 4_000},
            {"role": "customer", "text": "你好", "start_ms": 4_000, "end_ms": 8_000},
        ]
    },
    "call",
)


def heard(*spoken: tuple[Role, int, int]) -> Transcript:
    return Transcript(
        AudioFacts(8_000, 8_000, 1, "", ""),
        EngineInfo("x"),
        tuple(
            Utterance(i, 0, role, start, end, "嗯", "嗯")
            for i, (role, start, end) in enumerate(spoken)
        ),
    )


def evaluation(mono: MonoScores | None) -> Evaluation:
    return Evaluation(
        calls=1,
        reference=TextScores(),
        recognised=TextScores(),
        errors={},
        audio_seconds=8.0,
        wall_seconds=1.0,
        text_seconds=0.0,
        load_seconds=0.0,
        engine={},
        failed=(),
        mono=mono,
    )


def test_perfect_roles() -> None:
    scores = mono_scores(TRUTH, heard(("agent", 0, 4_000), ("customer", 4_000, 8_000)))
    assert scores.speakers == DiarizationErrors(reference_ms=7_000)
    assert scores.roles == RoleAccuracy(8_000, 8_000, 2, 2)


def test_exchanged_roles_are_wrong_roles_of_speakers_told_apart() -> None:
    scores = mono_scores(TRUTH, heard(("customer", 0, 4_000), ("agent", 4_000, 8_000)))
    assert scores.speakers.rate == 0
    assert scores.roles == RoleAccuracy(0, 8_000, 0, 2)


def test_speech_without_text_is_missed_and_no_wrong_role() -> None:
    scores = mono_scores(TRUTH, heard(("agent", 0, 4_000)))
    assert scores.speakers == DiarizationErrors(missed_ms=3_500, reference_ms=7_000)
    assert scores.roles.by_utterance == 1


def test_sums_over_calls_weigh_calls_by_their_speech() -> None:
    right = mono_scores(TRUTH, heard(("agent", 0, 4_000), ("customer", 4_000, 8_000)))
    half = mono_scores(TRUTH, heard(("agent", 0, 4_000), ("agent", 4_000, 8_000)))
    report = report_json(evaluation(right + half))
    assert report["mono"] == {
        "der": 0.25,
        "confusion": 0.25,
        "role_accuracy_time": 0.75,
        "role_accuracy_utterances": 0.75,
    }


def test_nothing_heard_has_no_accuracy_and_the_key_is_always_there() -> None:
    mono = report_json(evaluation(mono_scores(TRUTH, heard())))["mono"]
    assert (mono["der"], mono["role_accuracy_time"]) == (1.0, None)
    assert report_json(evaluation(MonoScores()))["mono"]["der"] is None
    assert report_json(evaluation(None))["mono"] is None


milliseconds = st.integers(0, 10_000)
scores_of_calls = st.builds(
    MonoScores,
    st.builds(DiarizationErrors, milliseconds, milliseconds, milliseconds, milliseconds),
    st.builds(RoleAccuracy, milliseconds, milliseconds, milliseconds, milliseconds),
)


@given(st.lists(scores_of_calls, max_size=6))
def test_the_order_of_calls_does_not_matter(calls: list[MonoScores]) -> None:
    assert sum(calls, MonoScores()) == sum(reversed(calls), MonoScores())


def test_two_channels_become_one_whose_voices_must_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {}

    class Ears:
        engine_info = EngineInfo("x")

        def transcribe_audio(self, audio, roles, *, progress):
            asked.update(audio=audio, roles=roles)
            progress(1.0)
            return heard(("agent", 0, 4_000))

    def ears(settings: Settings) -> Ears:
        asked["diarization"] = settings.asr.diarization
        return Ears()

    monkeypatch.setattr(hearing, "transcriber", ears)
    path = Path(__file__).parents[3] / "fixtures" / "audio" / "clips" / "stereo.flac"
    settings = Settings()
    off = settings.asr.model_copy(update={"diarization": False})
    shares: list[float] = []
    transcribe = hearing.mixed_hearing(settings.model_copy(update={"asr": off}))
    transcribe(path, ("agent", "customer"), shares.append)
    both = decode(path, 60)
    assert asked["diarization"] is True
    assert asked["roles"] == ("unknown",)
    assert len(asked["audio"].pcm) == 1
    assert asked["audio"].duration_ms == both.duration_ms
    assert shares == [1.0]
