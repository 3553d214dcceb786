"""With real weights: no text where nobody speaks, alone or inside a call, and no word lost."""

from pathlib import Path

import not_speech
import numpy as np
import pytest
from degradations import Degraded, degradations, upsampled

from asr.decode import DecodedAudio, decode
from asr.transcriber import Transcriber
from asr.transcript import AudioFacts, Role, Transcript
from asr.weights import WeightsRegistry
from core.settings import AsrSettings
from core.span import Span

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "audio"
ROLES: tuple[Role, ...] = ("agent", "customer")
SECONDS = 60
DEGRADE = degradations([])


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Transcriber:
    registry = WeightsRegistry(tmp_path_factory.mktemp("data"), offline=True)
    return Transcriber(AsrSettings(), registry)


@pytest.fixture(scope="module")
def call() -> DecodedAudio:
    """The first 25 seconds of a call."""
    whole = decode(FIXTURES / "dev-edu-04.flac", 3600)
    return DecodedAudio(tuple(pcm[: 25 * 16_000] for pcm in whole.pcm), whole.facts)


@pytest.fixture(scope="module")
def clean(transcriber: Transcriber, call: DecodedAudio) -> Transcript:
    return transcriber.transcribe_audio(call, ROLES)


def degraded(call: DecodedAudio, name: str) -> Degraded:
    return DEGRADE[name](call, np.random.default_rng(7))


@pytest.mark.parametrize("sound", not_speech.SOUNDS)
def test_a_minute_of_what_nobody_says_has_no_text(transcriber: Transcriber, sound: str) -> None:
    pcm = tuple(upsampled(not_speech.make(sound, SECONDS, seed)) for seed in (2, 3))
    facts = AudioFacts(SECONDS * 1000, not_speech.RATE_HZ, 2, "pcm", "wav")
    heard = transcriber.transcribe_audio(DecodedAudio(pcm, facts), ROLES)
    assert [u.text for u in heard.utterances] == []


@pytest.mark.parametrize("style", ["music-chords", "music-strings", "music-pop"])
def test_music_in_the_middle_is_flagged_and_gives_no_text(
    transcriber: Transcriber, call: DecodedAudio, clean: Transcript, style: str
) -> None:
    held = degraded(call, f"hold-{style}-30s")
    heard = transcriber.transcribe_audio(held.audio, ROLES)
    assert "hold-music" in heard.audio.quality_flags
    inside = Span(held.inserted.start_ms + 300, held.inserted.end_ms - 300)
    assert [u.text for u in heard.utterances if u.span.overlap_ms(inside)] == []
    assert len(heard.utterances) >= len(clean.utterances) - 1


def test_ring_back_in_front_costs_no_word(
    transcriber: Transcriber, call: DecodedAudio, clean: Transcript
) -> None:
    ringing = degraded(call, "ring-back-3s")
    heard = transcriber.transcribe_audio(ringing.audio, ROLES)
    first, before = heard.utterances[0], clean.utterances[0]
    assert first.text[:2] == before.text[:2]
    assert abs(first.start_ms - ringing.moved(before.start_ms)) <= 100
    rings = [c.value for c in heard.audio.checks if c.code == "ring-back"]
    assert min(rings) > 0


def test_of_a_silent_channel_nothing_is_said(transcriber: Transcriber, call: DecodedAudio) -> None:
    heard = transcriber.transcribe_audio(degraded(call, "customer-silent").audio, ROLES)
    assert {u.role for u in heard.utterances} == {"agent"}
    assert "silent-channel" in heard.audio.quality_flags


@pytest.mark.parametrize("sound", ["line-noise", "ring-back", "music-flute", "white-noise"])
def test_words_told_beforehand_do_not_appear_in_what_nobody_says(
    transcriber: Transcriber, sound: str
) -> None:
    pcm = tuple(upsampled(not_speech.make(sound, 30, seed)) for seed in (4, 5))
    facts = AudioFacts(30_000, not_speech.RATE_HZ, 2, "pcm", "wav")
    audio = DecodedAudio(pcm, facts)
    heard = transcriber.transcribe_audio(audio, ROLES, hotwords=("启衡教育", "林晓雯", "中级会计"))
    assert [u.text for u in heard.utterances] == []
    assert heard.engine.options["hotwords"] == "启衡教育、林晓雯、中级会计"


def test_times_of_six_recognised_pieces_are_sound(
    transcriber: Transcriber, call: DecodedAudio
) -> None:
    rng = np.random.default_rng(11)
    for _ in range(6):
        starts = rng.integers(0, 15 * 16_000, 2)
        pcm = tuple(
            channel[start : start + 9 * 16_000]
            for channel, start in zip(call.pcm, starts, strict=True)
        )
        heard = transcriber.transcribe_audio(DecodedAudio(pcm, call.facts), ROLES)
        for utterance in heard.utterances:
            previous = utterance.start_ms
            assert utterance.words
            for word in utterance.words:
                assert previous <= word.start_ms < word.end_ms <= utterance.end_ms
                previous = word.end_ms
            assert utterance.end_ms <= 9_000
