"""Every audio check on synthetic signals: out of bounds where it should be, quiet elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio_checks import (
    Listened,
    check_audio,
    has_sound,
    heard_facts,
    is_fake_stereo,
    same_signal,
    with_checks,
    with_swapped_roles,
)
from asr.decode import DecodedAudio
from asr.tones import line_sounds
from asr.transcript import (
    AudioCheck,
    AudioFacts,
    ChannelSpeech,
    EngineInfo,
    Role,
    Transcript,
    UntranscribedSpeech,
    Utterance,
)
from asr.vad import frame_levels
from core.span import Span, merge_spans

RATE = 16_000
Signal = NDArray[np.float64]
ROLES: tuple[Role, ...] = ("agent", "customer")


def noise(seconds: float, level: float = 30, seed: int = 3) -> Signal:
    return np.random.default_rng(seed).normal(0, level, int(seconds * RATE))


def voice(seconds: float, pitch: float = 150, level: float = 2000, seed: int = 3) -> Signal:
    """Harmonics up to 3400 Hz under a syllable rhythm, on a little noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    tones = [
        np.sin(2 * np.pi * pitch * k * t + rng.uniform(0, 6)) / (1 + (pitch * k / 700) ** 2)
        for k in range(1, int(3400 / pitch))
    ]
    rhythm = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * t + rng.uniform(0, 6))
    return level * rhythm * np.sum(tones, axis=0) + noise(seconds, 10, seed)


def turns(first: bool, seconds: int = 40, **options: float) -> tuple[Signal, tuple[Span, ...]]:
    """A side that speaks every other five seconds, and where it does, with a quiet end."""
    signal = noise(seconds, 10, 7 + first)
    spoken = voice(5, **options)
    spans = []
    for start in range(0 if first else 5, seconds - 5, 10):
        signal[start * RATE : (start + 5) * RATE] = spoken
        spans.append(Span(start * 1000, start * 1000 + 4500))
    return signal, tuple(spans)


def audio(*channels: Signal, rate: int = 8000, flags: tuple[str, ...] = ()) -> DecodedAudio:
    pcm = tuple(np.clip(c, -32768, 32767).astype(np.int16) for c in channels)
    facts = AudioFacts(len(pcm[0]) // 16, rate, len(pcm), "pcm_s16le", "wav", flags)
    return DecodedAudio(pcm, facts)


def checked(
    *sides: tuple[Signal, tuple[Span, ...]], rate: int = 8000
) -> dict[str, list[AudioCheck]]:
    recording = audio(*(signal for signal, _ in sides), rate=rate)
    levels = tuple(frame_levels(pcm, 512) for pcm in recording.pcm)
    speech = tuple(spans for _, spans in sides)
    everyone = merge_spans(span for spans in speech for span in spans)
    sounds = tuple(
        line_sounds(pcm, level, everyone) for pcm, level in zip(recording.pcm, levels, strict=True)
    )
    heard = Listened(recording, speech, levels, sounds)
    found: dict[str, list[AudioCheck]] = {}
    for check in check_audio(heard, same_signal(recording)):
        found.setdefault(check.code, []).append(check)
    return found


def flagged(found: dict[str, list[AudioCheck]]) -> set[str]:
    return {code for code, checks in found.items() if any(c.flagged for c in checks)}


def test_a_good_call_has_every_check_and_no_flag() -> None:
    found = checked(turns(True), turns(False, pitch=220))
    assert flagged(found) == set()
    assert set(found) == {
        "nearly-empty", "little-speech", "identical-channels", "abrupt-end", "cross-talk",
        "silent-channel", "level-imbalance", "clipping", "low-level", "ring-back", "hold-music",
        "keypad-tones", "wrong-rate",
    }  # fmt: skip
    assert found["clipping"][0].channel == 0
    assert found["clipping"][1].channel == 1


def test_two_voices_are_true_stereo_and_one_signal_twice_is_not() -> None:
    one = voice(10)
    assert not is_fake_stereo(same_signal(audio(one, voice(10, 220, seed=5))))
    assert is_fake_stereo(same_signal(audio(one, one * 0.6 + noise(10, 5))))
    assert same_signal(audio(one, one * 0.03)) is None
    assert same_signal(audio(one)) is None
    assert same_signal(audio(np.zeros(RATE), np.zeros(RATE))) is None


@pytest.mark.parametrize(("leak_db", "is_heavy"), [(8, True), (14, True), (30, False)])
def test_a_voice_that_leaks_into_the_other_channel_is_cross_talk(
    leak_db: float, is_heavy: bool
) -> None:
    (left, left_spans), (right, right_spans) = turns(True), turns(False, pitch=220)
    gain = 10 ** (-leak_db / 20)
    found = checked((left + gain * right, left_spans), (right + gain * left, right_spans))
    (check,) = found["cross-talk"]
    assert check.flagged is is_heavy
    assert check.fix == "treat-as-mono"


def test_an_echo_that_comes_late_is_cross_talk_too() -> None:
    (left, left_spans), (right, right_spans) = turns(True), turns(False, pitch=220)
    late = RATE // 5
    found = checked(
        (left + 0.3 * np.roll(right, late), left_spans),
        (right + 0.3 * np.roll(left, late), right_spans),
    )
    assert found["cross-talk"][0].flagged


def test_clipping_names_its_channel_and_loud_clean_speech_is_none() -> None:
    loud, spans = turns(True, level=12_000)
    cut = np.clip(loud * 30, -32_700, 32_700)
    assert [c.flagged for c in checked((cut, spans), turns(False))["clipping"]] == [True, False]
    assert "clipping" not in flagged(checked((loud / 3, spans), turns(False)))


def test_soft_and_unequal_channels() -> None:
    soft = turns(False, pitch=220, level=25)
    found = checked(turns(True), soft)
    assert [c.flagged for c in found["low-level"]] == [False, True]
    assert found["low-level"][1].value < -45
    assert found["level-imbalance"][0].flagged
    assert found["level-imbalance"][0].value == pytest.approx(38, abs=4)


def test_silence_is_no_audio_and_nearly_empty() -> None:
    silence = audio(np.zeros(RATE * 30))
    assert not has_sound(silence)
    assert heard_facts(silence.facts, has_sound=False).quality_flags == ("no-audio",)
    assert flagged(checked((np.zeros(RATE * 30), ()))) == {"nearly-empty", "little-speech"}


def test_a_side_that_never_speaks_can_be_mixed_with_the_other() -> None:
    found = checked(turns(True), (noise(40), ()))
    assert "silent-channel" in flagged(found)
    assert (found["silent-channel"][0].channel, found["silent-channel"][0].fix) == (
        1,
        "treat-as-mono",
    )


def test_ring_back_counts_its_pauses_and_ends_where_somebody_answers() -> None:
    t = np.arange(40 * RATE) / RATE
    ring = 5000 * np.sin(2 * np.pi * 450 * t) * (t % 5 < 1)
    found = checked((noise(40) + ring * (t < 22), (Span(22_500, 38_000),)))
    assert "ring-back" in flagged(found)
    assert found["ring-back"][0].value == pytest.approx(22.5 / 40, abs=0.02)
    few = checked((noise(40) + ring * (t < 2), (Span(1_500, 38_000),)))
    assert "ring-back" not in flagged(few)


def test_a_busy_tone_is_no_ring_back_and_no_wrong_rate() -> None:
    t = np.arange(40 * RATE) / RATE
    busy = 5000 * np.sin(2 * np.pi * 450 * t) * (t % 0.7 < 0.35)
    found = checked((noise(40) + busy, (Span(0, 5_000),)))
    assert flagged(found).isdisjoint({"ring-back", "wrong-rate", "keypad-tones"})


@pytest.mark.parametrize(("row", "column"), [(697, 1209), (770, 1477), (941, 1336), (852, 1633)])
def test_keypad_tones(row: float, column: float) -> None:
    t = np.arange(20 * RATE) / RATE
    tones = np.sin(2 * np.pi * row * t) + np.sin(2 * np.pi * column * t)
    found = checked((noise(20) + 4000 * tones * (t % 0.5 < 0.2), ()))
    assert "keypad-tones" in flagged(found)
    assert found["keypad-tones"][0].value > 0.25


def test_hold_music_is_what_holds_notes_and_is_not_speech() -> None:
    t = np.arange(30 * RATE) / RATE
    chords = [(262, 330, 392), (294, 370, 440), (220, 277, 330), (247, 311, 370)]
    music = np.zeros_like(t)
    for n, chord in enumerate(chords * 4):
        now = (t >= n * 2) & (t < n * 2 + 2)
        music[now] = sum(np.sin(2 * np.pi * f * k * t[now]) / k for f in chord for k in (1, 2, 3))
    found = checked((noise(30) + 1500 * music, ()))
    assert "hold-music" in flagged(found)
    assert "hold-music" not in flagged(checked((noise(30) + 1500 * music, (Span(0, 30_000),))))
    assert "hold-music" not in flagged(checked((noise(30, 1500), ())))


def test_telephone_speech_in_a_wide_file_is_narrow_band() -> None:
    assert "narrow-band" in flagged(checked(turns(True), turns(False, pitch=220), rate=44_100))
    assert "narrow-band" not in checked(turns(True), turns(False, pitch=220), rate=8_000)
    signal, spans = turns(True)
    hiss = np.diff(noise(40, 60), append=0) * (np.abs(signal) > 100)
    assert "narrow-band" not in flagged(checked((signal + hiss, spans), rate=16_000))


def test_a_voice_at_twice_or_half_its_speed_is_a_wrong_rate() -> None:
    def line(signal: Signal) -> Signal:
        """What telephone lines let through."""
        spectrum = np.fft.rfft(signal)
        hz = np.fft.rfftfreq(len(signal), 1 / RATE)
        spectrum[(hz < 200) | (hz > 3500)] = 0
        return np.fft.irfft(spectrum, len(signal))

    signal, spans = turns(True, seconds=80)
    fast = (line(signal)[::2], tuple(Span(s.start_ms // 2, s.end_ms // 2) for s in spans))
    assert "wrong-rate" in flagged(checked(fast))
    spectrum = np.fft.rfft(line(signal))
    slow = np.fft.irfft(np.pad(spectrum, (0, len(spectrum) - 1)), 2 * len(signal)) * 2
    found = checked((slow, tuple(Span(s.start_ms * 2, s.end_ms * 2) for s in spans)))
    assert "wrong-rate" in flagged(found)
    assert "wrong-rate" not in flagged(checked((line(signal), spans)))


def test_speech_up_to_the_last_moment_is_an_abrupt_end() -> None:
    assert "abrupt-end" in flagged(checked((voice(30), (Span(0, 29_990),))))
    assert "abrupt-end" not in flagged(checked((voice(30), (Span(0, 29_600),))))


def transcript(*said: tuple[Role, str], unheard_ms: int = 0) -> Transcript:
    utterances = tuple(
        Utterance(i, ROLES.index(role), role, i * 3000, i * 3000 + 2500, text, text)
        for i, (role, text) in enumerate(said)
    )
    speech = tuple(
        ChannelSpeech(c, r, tuple(u.span for u in utterances if u.role == r))
        for c, r in enumerate(ROLES)
    )
    gap = (UntranscribedSpeech(0, "agent", 0, unheard_ms),) if unheard_ms else ()
    facts = AudioFacts(60_000, 8000, 2, "pcm_s16le", "wav", ("truncated",))
    return Transcript(facts, EngineInfo("reference"), utterances, speech, untranscribed=gap)


OPENING: tuple[tuple[Role, str], ...] = (
    ("agent", "您好，请问是王先生吗？我是安心保险的客服专员。"),
    ("customer", "你们是哪里？"),
    ("agent", "这边给您介绍一下，您看方便吗？"),
    ("customer", "我现在在开会，不需要。"),
)


def test_roles_that_the_wording_contradicts_are_swapped_channels() -> None:
    other: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
    right = with_checks(transcript(*OPENING), ())
    wrong = with_checks(transcript(*((other[role], text) for role, text in OPENING)), ())
    assert right.audio.quality_flags == ("truncated",)
    assert wrong.audio.quality_flags == ("swapped-channels", "truncated")
    (check,) = [c for c in wrong.audio.checks if c.code == "swapped-channels"]
    assert (check.unit, check.fix) == ("points", "swap-roles")
    assert with_swapped_roles(wrong).audio.quality_flags == ("truncated",)


def test_swapping_twice_is_where_one_began() -> None:
    sample = AudioCheck("clipping", 0.2, "ratio", 0.001, True, 0)
    first = with_checks(transcript(*OPENING), (sample,))
    swapped = with_swapped_roles(first)
    assert [u.role for u in swapped.utterances] == ["customer", "agent"] * 2
    assert sample in swapped.audio.checks
    assert with_swapped_roles(swapped) == first


def test_one_side_alone_says_nothing_of_roles() -> None:
    alone = with_checks(transcript(("agent", "你们是哪里？我不需要。")), ())
    assert all(c.code != "swapped-channels" for c in alone.audio.checks)


def test_speech_without_text_asks_for_another_transcription() -> None:
    found = with_checks(transcript(*OPENING, unheard_ms=4000), ())
    assert "unheard-speech" in found.audio.quality_flags
    assert next(c for c in found.audio.checks if c.code == "unheard-speech").fix == "re-transcribe"
    quiet = replace(found, untranscribed=())
    assert "unheard-speech" not in with_checks(quiet, ()).audio.quality_flags
