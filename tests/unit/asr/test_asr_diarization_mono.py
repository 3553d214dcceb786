"""Diarization of made calls: two tones stand for two voices, told apart by their pitch."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asr.decode import DecodedAudio
from asr.diarization.changes import ChangeOptions, VoiceSpan, joined_runs, stretches, voice_spans
from asr.diarization.embeddings import WindowOptions, embed_spans, windows_of
from asr.diarization.mono import (
    FLAG_DIARIZED,
    FLAG_ONE_VOICE,
    FLAG_ROLES_UNCERTAIN,
    FLAG_ROLES_UNKNOWN,
    diarize,
    mixed_down,
    without_roles,
)
from asr.diarization.words import split_utterance, voice_of
from asr.transcript import (
    AudioFacts,
    ChannelSpeech,
    EngineInfo,
    Transcript,
    UntranscribedSpeech,
    Utterance,
    Word,
)
from core.errors import AppError
from core.span import Span, total_ms

LOW_HZ, HIGH_HZ = 180.0, 420.0
AGENT = "您好我是顾问给您介绍"
CUSTOMER = "你们是哪里我不需要啊"


class PitchEmbedder:
    """Unit vectors from the two tones' energies, with a share of noise of its own."""

    name = "pitch"

    def embed(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        rows = []
        for window in windows:
            times = np.arange(len(window)) / 16_000
            low, high = (
                abs(np.mean(window * np.exp(-2j * np.pi * hz * times))) for hz in (LOW_HZ, HIGH_HZ)
            )
            noise = np.sin(np.arange(6) * (1 + 1000 * float(np.abs(window).mean()))) * 0.01
            row = np.concatenate([[low, high], noise * max(low, high, 1e-6)])
            rows.append(row / max(1e-9, float(np.linalg.norm(row))))
        return np.asarray(rows, np.float32)


def tone(hz: float, span: Span) -> NDArray[np.float32]:
    times = np.arange(span.start_ms * 16, span.end_ms * 16) / 16_000
    return (0.3 * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def recording(turns: Sequence[tuple[float, Span]], duration_ms: int) -> NDArray[np.float32]:
    samples = (np.random.default_rng(0).normal(size=duration_ms * 16) * 1e-4).astype(np.float32)
    for hz, span in turns:
        samples[span.start_ms * 16 : span.end_ms * 16] += tone(hz, span)
    return samples


def words(text: str, span: Span) -> list[Word]:
    step = span.duration_ms // len(text)
    return [
        Word(c, span.start_ms + i * step, span.start_ms + (i + 1) * step, 0.9)
        for i, c in enumerate(text)
    ]


def utterance(index: int, spoken: list[Word], start: int, end: int) -> Utterance:
    text = "".join(w.text for w in spoken)
    return Utterance(index, 0, "unknown", start, end, text, text, tuple(spoken), 0.9)


def transcript(
    utterances: Sequence[Utterance], speech: Sequence[Span], duration_ms: int
) -> Transcript:
    return Transcript(
        AudioFacts(duration_ms, 8_000, 1, "pcm", "wav", ("clipping",)),
        EngineInfo("test"),
        tuple(utterances),
        (ChannelSpeech(0, "unknown", tuple(speech)),),
    )


def two_party_call() -> tuple[Transcript, NDArray[np.float32], list[tuple[float, Span]]]:
    """Four turns with pauses of 200 ms: the VAD hears two stretches, the text two utterances."""
    turns = [
        (LOW_HZ, Span(500, 3_500)),
        (HIGH_HZ, Span(3_700, 6_700)),
        (LOW_HZ, Span(8_000, 11_000)),
        (HIGH_HZ, Span(11_200, 14_200)),
    ]
    texts = [AGENT, CUSTOMER, AGENT, CUSTOMER]
    spoken = [words(text, span) for text, (_, span) in zip(texts, turns, strict=True)]
    call = transcript(
        [
            utterance(0, spoken[0] + spoken[1], 500, 6_700),
            utterance(1, spoken[2] + spoken[3], 8_000, 14_200),
        ],
        [Span(500, 6_700), Span(8_000, 14_200)],
        15_000,
    )
    return call, recording(turns, 15_000), turns


def test_utterances_are_cut_at_changes_of_voice_and_get_roles() -> None:
    call, samples, turns = two_party_call()
    heard = diarize(call, samples, PitchEmbedder())
    assert [u.text for u in heard.utterances] == [AGENT, CUSTOMER, AGENT, CUSTOMER]
    assert [u.role for u in heard.utterances] == ["agent", "customer"] * 2
    assert [u.index for u in heard.utterances] == [0, 1, 2, 3]
    assert {u.reliability for u in heard.utterances} == {"low"}
    for u, (_, span) in zip(heard.utterances, turns, strict=True):
        assert abs(u.start_ms - span.start_ms) <= 60
        assert abs(u.end_ms - span.end_ms) <= 60
        assert all(u.start_ms <= w.start_ms < w.end_ms <= u.end_ms for w in u.words)
    assert heard.audio.quality_flags == ("clipping", FLAG_DIARIZED)
    assert heard.engine.options == {"diarization": "pitch"}


def test_pcm_gives_the_same_as_floats() -> None:
    call, samples, _ = two_party_call()
    pcm = np.round(samples * 32768).astype(np.int16)
    floats = diarize(call, pcm.astype(np.float32) / 32768, PitchEmbedder())
    assert diarize(call, pcm, PitchEmbedder()) == floats


def test_channels_mix_down_without_clipping() -> None:
    facts = AudioFacts(1, 8_000, 2, "", "")
    loud = np.full(16, 32_767, np.int16)
    quiet = np.full(16, -1, np.int16)
    mono = mixed_down(DecodedAudio((loud, loud), facts))
    assert mono.pcm[0].tolist() == loud.tolist()
    assert mono.facts.channels == 1
    assert mixed_down(DecodedAudio((loud, quiet), facts)).pcm[0][0] == 16_383


def test_speech_is_listed_once_per_role() -> None:
    call, samples, turns = two_party_call()
    heard = diarize(call, samples, PitchEmbedder())
    assert sorted(s.role for s in heard.speech) == ["agent", "customer"]
    assert {s.channel for s in heard.speech} == {0}
    for side, hz in (("agent", LOW_HZ), ("customer", HIGH_HZ)):
        true = total_ms(span for h, span in turns if h == hz)
        found = next(total_ms(s.spans) for s in heard.speech if s.role == side)
        assert found == pytest.approx(true, rel=0.05)


def test_untranscribed_speech_gets_the_role_of_its_voice() -> None:
    call, samples, _ = two_party_call()
    silent = Transcript(
        call.audio,
        call.engine,
        call.utterances[:1],
        call.speech,
        untranscribed=(UntranscribedSpeech(0, "unknown", 11_200, 14_200),),
    )
    heard = diarize(silent, samples, PitchEmbedder())
    assert [gap.role for gap in heard.untranscribed] == ["customer"]


def test_one_voice_is_not_made_into_two() -> None:
    turns = [(LOW_HZ, Span(500, 4_000)), (LOW_HZ, Span(5_000, 9_000))]
    call = transcript(
        [utterance(0, words("今天下雨了", turns[0][1]), 500, 4_000)],
        [span for _, span in turns],
        10_000,
    )
    heard = diarize(call, recording(turns, 10_000), PitchEmbedder())
    assert {u.role for u in heard.utterances} == {"unknown"}
    assert FLAG_ONE_VOICE in heard.audio.quality_flags
    assert FLAG_ROLES_UNCERTAIN in heard.audio.quality_flags


def test_one_voice_that_presents_a_company_is_the_agent() -> None:
    span = Span(500, 9_000)
    text = "您好我是安康保险的客户经理给您来电介绍产品稍后加您微信祝您生活愉快"
    call = transcript([utterance(0, words(text, span), 500, 9_000)], [span], 10_000)
    heard = diarize(call, recording([(LOW_HZ, span)], 10_000), PitchEmbedder())
    assert [u.role for u in heard.utterances] == ["agent"]


@pytest.mark.parametrize("duration_ms", [0, 400])
def test_a_call_without_speech_comes_back_empty(duration_ms: int) -> None:
    call = transcript([], [], duration_ms)
    heard = diarize(call, np.zeros(duration_ms * 16, np.float32), PitchEmbedder())
    assert heard.utterances == ()
    assert FLAG_DIARIZED in heard.audio.quality_flags


def test_a_single_short_word_is_no_failure() -> None:
    span = Span(100, 300)
    call = transcript([utterance(0, words("喂", span), 100, 300)], [span], 400)
    heard = diarize(call, recording([(LOW_HZ, span)], 400), PitchEmbedder())
    assert [u.text for u in heard.utterances] == ["喂"]


def test_two_channels_are_refused() -> None:
    call, samples, _ = two_party_call()
    stereo = Transcript(
        call.audio,
        call.engine,
        (),
        (ChannelSpeech(0, "agent", ()), ChannelSpeech(1, "customer", ())),
    )
    with pytest.raises(AppError) as error:
        diarize(stereo, samples, PitchEmbedder())
    assert error.value.code == "not-mono"


def test_without_the_extra_roles_are_unknown_and_it_is_said() -> None:
    call, _, _ = two_party_call()
    plain = without_roles(call)
    assert {u.role for u in plain.utterances} == {"unknown"}
    assert {u.reliability for u in plain.utterances} == {"low"}
    assert plain.audio.quality_flags == ("clipping", FLAG_ROLES_UNKNOWN)


def test_pauses_shorter_than_a_vad_hears_divide_stretches() -> None:
    turns = [(LOW_HZ, Span(0, 2_000)), (HIGH_HZ, Span(2_200, 4_000))]
    found = stretches(recording(turns, 4_000), [Span(0, 4_000)], ChangeOptions())
    assert len(found) == 2
    assert abs(found[0].end_ms - 2_000) <= 40
    assert abs(found[1].start_ms - 2_200) <= 40


def test_a_doubtful_moment_in_fluent_speech_changes_nobody() -> None:
    windows = [Span(i * 300, i * 300 + 1_500) for i in range(20)]
    preference = np.full(20, -0.4, np.float32)
    preference[10] = 0.1
    found = voice_spans([Span(0, 7_000)], windows, preference, ChangeOptions())
    assert found == (VoiceSpan(Span(0, 7_000), 0),)


def test_runs_join_over_short_pauses_only() -> None:
    spans = [
        VoiceSpan(Span(0, 100), 0),
        VoiceSpan(Span(300, 400), 0),
        VoiceSpan(Span(1_500, 1_600), 0),
        VoiceSpan(Span(1_650, 1_700), 1),
    ]
    assert [run.span for run in joined_runs(spans, 500)] == [
        Span(0, 400),
        Span(1_500, 1_600),
        Span(1_650, 1_700),
    ]


def test_a_change_one_word_off_moves_to_the_end_of_the_sentence() -> None:
    spoken = words("在吗？在的", Span(0, 1_500))
    merged = [spoken[0], Word("吗？", 300, 900, 0.9), spoken[3], spoken[4]]
    timeline = [VoiceSpan(Span(0, 1_150), 0), VoiceSpan(Span(1_150, 1_500), 1)]
    pieces = split_utterance(utterance(0, merged, 0, 1_500), timeline)
    assert [(voice, u.text) for voice, u in pieces] == [(0, "在吗？"), (1, "在的")]


def test_an_utterance_without_words_stays_whole() -> None:
    bare = Utterance(0, 0, "unknown", 0, 1_000, "好的", "好的")
    timeline = [VoiceSpan(Span(0, 300), 0), VoiceSpan(Span(300, 1_000), 1)]
    assert split_utterance(bare, timeline) == [(1, bare)]


def test_silence_belongs_to_the_nearest_voice() -> None:
    timeline = [VoiceSpan(Span(0, 100), 0), VoiceSpan(Span(1_000, 1_100), 1)]
    assert voice_of(Span(200, 300), timeline) == 0
    assert voice_of(Span(900, 950), timeline) == 1


def test_windows_cover_speech_and_stay_inside_the_recording() -> None:
    speech = [Span(0, 200), Span(1_000, 5_300), Span(6_000, 6_800)]
    windows = windows_of(speech, 6_800, WindowOptions())
    assert windows[0] == Span(0, 600)
    assert windows[-1] == Span(6_000, 6_800)
    assert all(0 <= w.start_ms < w.end_ms <= 6_800 for w in windows)
    assert max(w.end_ms for w in windows if w.start_ms < 5_300) == 5_300


def test_a_span_outside_the_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        embed_spans(np.zeros(160, np.float32), [Span(500, 600)], PitchEmbedder())


@st.composite
def cut_utterances(draw: st.DrawFn) -> tuple[Utterance, list[VoiceSpan]]:
    start = draw(st.integers(0, 2_000))
    at = start
    spoken = []
    for _ in range(draw(st.integers(1, 12))):
        at += draw(st.integers(0, 300))
        length = draw(st.integers(20, 400))
        text = draw(st.sampled_from(["我", "您", "好的", "吗？", "。", "说，"]))
        spoken.append(Word(text, at, at + length, 0.5))
        at += length
    end = at + draw(st.integers(0, 200))
    timeline, here = [], max(0, start - 100)
    while here < end + 100:
        length = draw(st.integers(50, 1_500))
        timeline.append(VoiceSpan(Span(here, here + length), draw(st.integers(0, 1))))
        here += length + draw(st.integers(0, 300))
    return utterance(0, spoken, start, end), timeline


@settings(deadline=None, max_examples=200)
@given(cut_utterances())
def test_cutting_loses_no_word_and_keeps_times_in_order(
    case: tuple[Utterance, list[VoiceSpan]],
) -> None:
    whole, timeline = case
    pieces = [u for _, u in split_utterance(whole, timeline)]
    assert "".join(u.text for u in pieces) == whole.text
    assert sum(len(u.words) for u in pieces) == len(whole.words)
    previous = whole.start_ms
    for u in pieces:
        assert previous <= u.start_ms < u.end_ms <= whole.end_ms
        previous = u.end_ms
        assert "".join(w.text for w in u.words) == u.text
        at = u.start_ms
        for word in u.words:
            assert at <= word.start_ms < word.end_ms <= u.end_ms
            at = word.end_ms
