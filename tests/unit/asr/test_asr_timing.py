"""Who spoke when: silences, interruptions, rates, monologues, latencies; None when unknowable."""

import pytest

from asr.timing import (
    CallTiming,
    is_backchannel,
    text_units,
)
from asr.transcript import (
    AudioFacts,
    ChannelSpeech,
    EngineInfo,
    Role,
    Transcript,
    Utterance,
)
from core.span import Span

Line = tuple[Role, int, int, str]


def transcript(
    *lines: Line, engine: str = "reference", speech: dict[Role, list[tuple[int, int]]] | None = None
) -> Transcript:
    channel = {"agent": 0, "customer": 1, "unknown": 0}
    return Transcript(
        audio=AudioFacts(60_000, 8000, 2, "flac", "flac"),
        engine=EngineInfo(engine),
        utterances=tuple(
            Utterance(i, channel[role], role, start, end, text, text)
            for i, (role, start, end, text) in enumerate(lines)
        ),
        speech=tuple(
            ChannelSpeech(channel[role], role, tuple(Span(*pair) for pair in pairs))
            for role, pairs in (speech or {}).items()
        ),
    )


TALK = transcript(
    ("agent", 1000, 3000, "您好请问方便吗"),
    ("customer", 3400, 5000, "你说吧我听着"),
    ("agent", 9000, 12_000, "我们是做会计培训的"),
)


def test_speech_is_what_the_vad_heard_else_the_utterances() -> None:
    assert CallTiming(TALK).speech_spans("agent") == (Span(1000, 3000), Span(9000, 12_000))
    heard = transcript(("agent", 0, 900, "您好"), engine="x", speech={"agent": [(100, 300)]})
    assert CallTiming(heard).speech_spans("agent") == (Span(100, 300),)
    assert CallTiming(heard).talk_ms("agent") == 200
    assert CallTiming(TALK).talk_ms("customer") == 1600


def test_a_silent_side_spoke_for_0_ms_but_an_unknown_one_is_none() -> None:
    silent = transcript(
        ("agent", 0, 900, "您好"), engine="x", speech={"agent": [(0, 900)], "customer": []}
    )
    assert CallTiming(silent).talk_ms("customer") == 0
    mono = transcript(("unknown", 0, 900, "您好"), engine="x", speech={"unknown": [(0, 900)]})
    assert CallTiming(mono).talk_ms("customer") is None
    assert CallTiming(mono).speech_rate("agent") is None
    assert CallTiming(mono).monologues("agent") is None
    assert CallTiming(mono).response_latencies("agent") is None


def test_text_without_times_says_nothing_about_time() -> None:
    text = transcript(("agent", 0, 0, "您好请问方便吗"), ("customer", 0, 0, "不需要谢谢了"))
    assert CallTiming(text).silences() is None
    assert CallTiming(text).interruptions("agent") is None
    assert CallTiming(text).speech_rate("agent") is None
    assert CallTiming(text).talk_ms("agent") is None


def test_silence_is_between_first_and_last_speech() -> None:
    (silence,) = CallTiming(TALK).silences() or ()
    assert silence.span == Span(5000, 9000)
    assert silence.after == "customer"
    assert CallTiming(TALK).silences(min_ms=4000) == ()
    assert CallTiming(transcript(engine="x", speech={"agent": []})).silences() == ()


def test_one_side_talking_on_is_no_silence() -> None:
    call = transcript(
        ("agent", 0, 20_000, "很长的一段介绍" * 5),
        ("customer", 5000, 6000, "嗯嗯"),
        ("customer", 24_000, 25_000, "好的再见"),
    )
    (silence,) = CallTiming(call).silences() or ()
    assert silence.span == Span(20_000, 24_000)
    assert silence.after == "agent"


def test_interrupting_is_starting_while_the_other_speaks() -> None:
    call = transcript(
        ("customer", 0, 5000, "我上个月交了三百块占位费"),
        ("agent", 4000, 7000, "您先别急听我说"),
        ("customer", 6700, 9000, "你让我说完"),
        ("agent", 8000, 8900, "嗯嗯"),
    )
    (found,) = CallTiming(call).interruptions("agent") or ()
    assert (found.utterance, found.interrupted, found.overlap) == (1, 0, Span(4000, 5000))
    assert CallTiming(call).interruptions("customer") == ()
    assert [i.utterance for i in CallTiming(call).interruptions("customer", 200) or ()] == [2]


@pytest.mark.parametrize(
    ("resumes_ms", "overlap"),
    [
        (5600, Span(5600, 6200)),  # 100 ms after the agent began: the customer was not done.
        (5760, None),  # Late enough to be an answer to the agent.
    ],
)
def test_beginning_in_a_short_pause_interrupts_who_goes_on(
    resumes_ms: int, overlap: Span | None
) -> None:
    call = transcript(
        ("customer", 0, 5000, "资料费还要八百之前你们说是全包的"),
        ("agent", 5500, 9000, "那是去年的政策"),
        ("customer", resumes_ms, 6200, "还说"),
    )
    found = CallTiming(call).interruptions("agent", 300) or ()
    assert [i.overlap for i in found] == ([overlap] if overlap else [])


def test_after_a_long_pause_it_is_ones_turn() -> None:
    call = transcript(
        ("customer", 0, 5000, "资料费还要八百"),
        ("agent", 5710, 9000, "那是去年的政策"),
        ("customer", 5720, 7000, "还有报名费"),
    )
    assert CallTiming(call).interruptions("agent", 300) == ()


def test_overlap_needs_a_channel_for_each_side() -> None:
    lines: tuple[Line, ...] = (
        ("customer", 0, 5000, "我上个月交了三百块"),
        ("agent", 4000, 7000, "您先别急听我说"),
    )
    assert CallTiming(transcript(*lines, engine="x")).interruptions("agent") is None
    heard = transcript(
        *lines, engine="x", speech={"agent": [(4000, 7000)], "customer": [(0, 5000)]}
    )
    assert len(CallTiming(heard).interruptions("agent") or ()) == 1


def test_answering_a_backchannel_is_no_interruption() -> None:
    call = transcript(("customer", 0, 2000, "嗯嗯"), ("agent", 500, 3000, "我们的课程是这样的"))
    assert CallTiming(call).interruptions("agent") == ()


def test_speech_rate_counts_units_of_longer_utterances_per_minute() -> None:
    call = transcript(
        ("agent", 0, 2000, "您好请问方便吗？"),
        ("agent", 3000, 4000, "嗯好的"),
        ("agent", 5000, 7000, "课程1980元VIP班"),
    )
    assert CallTiming(call).speech_rate("agent") == pytest.approx((7 + 6) * 60_000 / 4000)
    assert CallTiming(call).speech_rate("customer") is None
    assert CallTiming(call).utterance_rate(call.utterances[0]) == pytest.approx(210)
    assert CallTiming(call).utterance_rate(call.utterances[1]) is None


def test_pauses_inside_an_utterance_are_not_speech_time() -> None:
    call = transcript(
        ("agent", 0, 4000, "您好请问方便吗"),
        engine="x",
        speech={"agent": [(0, 1000), (3000, 4000)]},
    )
    assert CallTiming(call).speech_rate("agent") == pytest.approx(7 * 60_000 / 2000)


@pytest.mark.parametrize(
    ("text", "units"),
    [("您好，在吗？", 4), ("VIP班1980元", 4), ("it's ok", 2), ("3.5折", 2), ("……", 0), ("", 0)],
)
def test_text_units(text: str, units: int) -> None:
    assert text_units(text) == units


def test_a_monologue_survives_backchannels_but_no_turn_and_no_long_pause() -> None:
    call = transcript(
        ("agent", 0, 5000, "我们的课程内容是"),
        ("customer", 5000, 5400, "嗯"),
        ("agent", 5600, 9000, "从基础开始讲起"),
        ("customer", 9200, 11_000, "那要多少钱呢"),
        ("agent", 11_200, 14_000, "全程班是一千九百八"),
        ("agent", 18_000, 20_000, "您还在听吗"),
    )
    runs = CallTiming(call).monologues("agent") or ()
    assert [r.utterances for r in runs] == [(0, 2), (4,), (5,)]
    assert runs[0].span == Span(0, 9000)
    assert runs[0].speech_ms == 8400


def test_latency_is_from_the_others_end_and_0_when_overlapping() -> None:
    call = transcript(
        ("customer", 0, 2000, "请问多少钱"),
        ("agent", 2800, 4000, "一千九百八"),
        ("customer", 4200, 6000, "有点贵了吧"),
        ("agent", 5800, 7000, "可以分期的"),
        ("agent", 7500, 8000, "六期"),
    )
    assert CallTiming(call).response_latencies("agent") == (800, 0)
    assert CallTiming(call).response_latencies("customer") == (200,)


@pytest.mark.parametrize("text", ["嗯", "嗯嗯。", "对对对", "好的好的", "是的，是的"])
def test_backchannels(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["", "……", "不需要", "多少钱", "好的那你给我发个短信", "行不行"])
def test_not_backchannels(text: str) -> None:
    assert not is_backchannel(text)
