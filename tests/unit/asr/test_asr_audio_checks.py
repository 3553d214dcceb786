"""Quality flags from samples: fake stereo, clipping, emptiness."""

import numpy as np
from numpy.typing import NDArray

from asr.audio_checks import is_fake_stereo, quality_flags
from asr.decode import DecodedAudio
from asr.transcript import AudioFacts
from core.span import Span

RNG = np.random.default_rng(3)
SPEECH = [[Span(0, 5000)]]


def audio(*channels: NDArray[np.float64], flags: tuple[str, ...] = ()) -> DecodedAudio:
    pcm = tuple(np.clip(c, -32768, 32767).astype(np.int16) for c in channels)
    facts = AudioFacts(len(pcm[0]) // 16, 8000, len(pcm), "pcm_s16le", "wav", flags)
    return DecodedAudio(pcm, facts)


def voice(seconds: int = 10, level: float = 2000) -> NDArray[np.float64]:
    return RNG.normal(0, level, seconds * 16_000)


def test_two_voices_are_true_stereo() -> None:
    assert not is_fake_stereo(audio(voice(), voice()))


def test_one_signal_twice_is_fake_stereo_even_at_another_volume() -> None:
    one = voice()
    assert is_fake_stereo(audio(one, one))
    assert is_fake_stereo(audio(one, one * 0.6 + RNG.normal(0, 5, len(one))))


def test_cross_talk_on_a_quiet_channel_is_not_fake_stereo() -> None:
    one = voice()
    assert not is_fake_stereo(audio(one, one * 0.03))


def test_mono_and_silence_are_not_fake_stereo() -> None:
    assert not is_fake_stereo(audio(voice()))
    assert not is_fake_stereo(audio(np.zeros(16_000), np.zeros(16_000)))


def test_a_good_call_has_no_flags() -> None:
    assert quality_flags(audio(voice(), voice()), SPEECH, False) == ()


def test_flags_are_united_and_sorted() -> None:
    one = voice(level=60_000)
    flags = quality_flags(audio(one, one, flags=("truncated",)), [[]], True)
    assert flags == ("clipping", "identical-channels", "nearly-empty", "truncated")


def test_silence_is_no_audio_and_nearly_empty() -> None:
    assert quality_flags(audio(np.zeros(16_000)), [[]], False) == ("nearly-empty", "no-audio")


def test_loud_but_clean_speech_is_not_clipping() -> None:
    assert "clipping" not in quality_flags(audio(voice(level=8000)), SPEECH, False)
