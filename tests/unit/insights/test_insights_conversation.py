"""Per-call figures against hand-computed tables, and invariants on random calls."""

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.transcript import (
    AudioFacts,
    ChannelSpeech,
    EngineInfo,
    Role,
    Transcript,
    UntranscribedSpeech,
    Utterance,
)
from core.serial import from_json, to_json
from core.span import Span
from events.hits import EventHit
from insights.conversation import CallMetrics, call_metrics
from insights.definitions.call import CALL_METRICS

A: Role = "agent"
C: Role = "customer"
U: Role = "unknown"


def transcript(
    *said: tuple[Role, int, int, str],
    duration_ms: int = 60_000,
    channels: int = 2,
    engine: str = "reference",
) -> Transcript:
    ordered = sorted(said, key=lambda item: (item[1], item[0] != "agent"))
    return Transcript(
        audio=AudioFacts(duration_ms, 8000, channels, "", ""),
        engine=EngineInfo(engine),
        utterances=tuple(
            Utterance(i, int(role == "customer"), role, start, end, text, text)
            for i, (role, start, end, text) in enumerate(ordered)
        ),
    )


def hit(node: str, utterance: int = 0) -> EventHit:
    return EventHit(
        node=node,
        tree="t@1",
        utterance=utterance,
        role="agent",
        char_start=0,
        char_end=1,
        start_ms=0,
        end_ms=1,
        layer="keyword",
        form="raw",
        score=1.0,
        text="您",
    )


# Agent 6 s + 4 s, customer 5 s + 5 s; gaps 1 s, 1 s and 4 s.
CALL = transcript(
    (A, 1_000, 7_000, "您好我是某某公司的小李请问方便吗"),
    (C, 8_000, 13_000, "方便你说吧有什么事情"),
    (A, 14_000, 18_000, "您之前了解过我们的课程没有呢"),
    (C, 22_000, 27_000, "没有了解过学费多少钱啊"),
)


def test_figures_of_a_small_call() -> None:
    metrics = call_metrics(CALL, [hit("开场白/问候语"), hit("开场白/问候语", 2), hit("a")])
    expected = {
        "call_duration": 60_000,
        "agent_talk": 10_000,
        "customer_talk": 10_000,
        "talk_ratio": 0.5,
        "agent_talk_share": 0.1667,
        "customer_talk_share": 0.1667,
        "agent_speech_rate": 180.0,  # 16 + 14 characters in 10 s
        "customer_speech_rate": 126.0,  # 10 + 11 characters in 10 s
        "longest_monologue": 6_000,
        "longest_customer_story": 5_000,
        "response_latency_median": 1_000,
        "response_latency_p90": 1_000,
        "interactivity": 6.9231,  # 3 switches in 26 s
        "deep_discussions": 0,  # the last gap of 4 s breaks the run
        "agent_questions": 2,
        "customer_questions": 2,
        "agent_questions_per_10min": 46.1538,
        "customer_questions_per_10min": 46.1538,
        "silence_total": 4_000,
        "silence_count": 1,
        "silence_longest": 4_000,
        "agent_interruptions": 0,
        "customer_interruptions": 0,
        "key_events": 2,
    }
    assert {key: metrics.value(key) for key in expected} == expected
    assert [(q.start_ms, q.end_ms, q.after) for q in metrics.silences] == [(18_000, 22_000, A)]
    assert metrics.reliability == "high"


def test_figures_come_in_the_order_of_the_dictionary() -> None:
    assert list(call_metrics(CALL, []).figures) == [metric.id for metric in CALL_METRICS]


def test_units_are_those_of_the_dictionary() -> None:
    figures = call_metrics(CALL, []).figures
    assert {i: f.unit for i, f in figures.items()} == {m.id: m.unit for m in CALL_METRICS}


def test_what_the_audio_did_not_give_is_missing_with_a_reason() -> None:
    figures = call_metrics(CALL, []).figures
    for identifier in ("agent_loudness", "customer_clipping", "agent_coverage"):
        assert figures[identifier].value is None
        assert figures[identifier].missing_reason


def test_loudness_is_the_median_of_a_side_and_clipping_that_of_its_speech() -> None:
    levels = iter([-20.0, -31.0, None, -26.0, -24.0, -22.0, *[-30.0] * 40])
    utterances = tuple(replace(u, level_dbfs=next(levels)) for u in CALL.utterances)
    speech = (
        ChannelSpeech(0, A, (Span(0, 10),), 0.25),
        ChannelSpeech(1, C, (Span(0, 10),), None),
    )
    metrics = call_metrics(replace(CALL, utterances=utterances, speech=speech), [])
    own = [u.level_dbfs for u in utterances if u.role == A and u.level_dbfs is not None]
    assert metrics.value("agent_loudness") == statistics.median(own)
    assert metrics.value("agent_clipping") == 0.25
    assert metrics.value("customer_clipping") is None


def test_latency_of_an_overlapping_answer_is_zero() -> None:
    call = transcript((C, 0, 5_000, "我想问一下"), (A, 4_800, 9_000, "您请讲请讲"))
    assert call_metrics(call, []).value("response_latency_median") == 0


def test_interruption_is_counted_for_the_interrupter() -> None:
    call = transcript((C, 0, 5_000, "我想问一下你们"), (A, 4_000, 9_000, "您先听我说完"))
    metrics = call_metrics(call, [])
    assert metrics.value("agent_interruptions") == 1
    assert metrics.value("customer_interruptions") == 0
    [overlap] = metrics.interruptions
    assert (overlap.start_ms, overlap.end_ms, overlap.by, overlap.utterance) == (
        4_000,
        5_000,
        A,
        1,
    )


@pytest.mark.parametrize(
    ("overlap_ms", "text", "count"),
    [(500, "您先听我说完", 0), (501, "您先听我说完", 1), (2_000, "嗯嗯对", 0)],
)
def test_interruption_needs_more_than_half_a_second_and_words(
    overlap_ms: int, text: str, count: int
) -> None:
    call = transcript((C, 0, 5_000, "我想问一下你们"), (A, 5_000 - overlap_ms, 9_000, text))
    assert call_metrics(call, []).value("agent_interruptions") == count


def test_mono_has_no_interruptions_and_low_reliability() -> None:
    call = transcript(
        (A, 0, 5_000, "您好我是某某"), (C, 4_000, 9_000, "你说吧你说"), channels=1, engine="x"
    )
    metrics = call_metrics(call, [])
    assert metrics.reliability == "low"
    assert metrics.figures["agent_interruptions"].value is None
    assert metrics.figures["agent_interruptions"].missing_reason == "不是双声道录音"


def test_one_voice_of_unknown_role_gives_no_figures_by_side() -> None:
    figures = call_metrics(transcript((U, 0, 5_000, "您好我是某某"), channels=1), []).figures
    for identifier in ("talk_ratio", "agent_talk", "agent_questions", "interactivity"):
        assert figures[identifier].value is None
        assert figures[identifier].missing_reason == "没有区分说话人"
    assert figures["silence_count"].value == 0


def test_empty_recording_has_no_figures_but_its_length() -> None:
    metrics = call_metrics(transcript(duration_ms=3_000), [])
    present = {i for i, figure in metrics.figures.items() if figure.value is not None}
    assert present == {"call_duration", "key_events"}


def test_text_without_times_keeps_what_needs_none() -> None:
    call = transcript((A, 0, 0, "您是做什么工作的？"), (C, 0, 0, "会计"), duration_ms=0)
    figures = call_metrics(call, []).figures
    assert figures["agent_questions"].value == 1
    assert figures["agent_questions_per_10min"].missing_reason == "文字稿没有时间"
    assert figures["talk_ratio"].value is None
    assert figures["silence_total"].missing_reason == "文字稿没有时间"


@pytest.mark.parametrize(("gap_ms", "longest"), [(300, 4_300), (301, 4_000)])
def test_monologue_bridges_short_gaps_only(gap_ms: int, longest: int) -> None:
    call = transcript(
        (A, 0, 2_000, "我给您介绍一下"), (A, 2_000 + gap_ms, 4_000 + gap_ms, "这个课程的内容")
    )
    assert call_metrics(call, []).value("longest_monologue") == longest


@pytest.mark.parametrize(
    ("pause_ms", "longest"), [(3_000, 4_000), (3_001, 2_000)], ids=["bridged", "ended"]
)
def test_monologue_ends_at_a_long_own_pause(pause_ms: int, longest: int) -> None:
    call = transcript(
        (A, 0, 2_000, "我给您介绍一下"), (A, 2_000 + pause_ms, 4_000 + pause_ms, "这个课程")
    )
    assert call_metrics(call, []).value("longest_monologue") == longest


def test_monologue_outlives_a_backchannel() -> None:
    call = transcript(
        (A, 0, 4_000, "我给您介绍一下"), (C, 4_100, 4_500, "嗯"), (A, 4_600, 8_600, "这个课程")
    )
    metrics = call_metrics(call, [])
    assert metrics.value("longest_monologue") == 8_000
    assert metrics.value("interactivity") == 0


def test_four_substantial_turns_are_one_deep_discussion() -> None:
    words = "这个问题我想和您仔细说一说"
    turns = [(A if i % 2 == 0 else C, i * 4_000, i * 4_000 + 3_500, words) for i in range(9)]
    assert call_metrics(transcript(*turns), []).value("deep_discussions") == 1
    assert call_metrics(transcript(*turns[:4]), []).value("deep_discussions") == 1
    assert call_metrics(transcript(*turns[:3]), []).value("deep_discussions") == 0


def test_coverage_is_the_share_of_speech_with_text() -> None:
    call = replace(
        CALL,
        speech=(
            ChannelSpeech(0, A, (Span(1_000, 7_000), Span(14_000, 18_000))),
            ChannelSpeech(1, C, (Span(8_000, 13_000),)),
        ),
        untranscribed=(UntranscribedSpeech(0, A, 15_000, 17_000),),
    )
    metrics = call_metrics(call, [])
    assert metrics.value("agent_coverage") == 0.8
    assert metrics.value("customer_coverage") == 1.0


def test_metrics_survive_json() -> None:
    metrics = call_metrics(CALL, [])
    assert from_json(CallMetrics, to_json(metrics)) == metrics


utterances = st.lists(
    st.tuples(
        st.sampled_from([A, C]),
        st.integers(0, 500_000),
        st.integers(1, 20_000),
        st.sampled_from(["嗯", "好的", "您方便吗？", "我们这个课程包含直播和题库", ""]),
    ),
    max_size=25,
)


@given(utterances, st.sampled_from([1, 2]))
def test_figures_stay_in_their_ranges(
    said: list[tuple[Role, int, int, str]], channels: int
) -> None:
    call = transcript(
        *((role, start, start + length, text) for role, start, length, text in said),
        duration_ms=600_000,
        channels=channels,
    )
    figures = call_metrics(call, []).figures
    for identifier, figure in figures.items():
        if figure.value is None:
            assert figure.missing_reason, identifier
            continue
        assert figure.value >= 0, identifier
        if figure.unit == "ratio":
            assert figure.value <= 1, identifier
        if figure.unit == "ms":
            assert isinstance(figure.value, int)
            assert figure.value <= 600_000, identifier


@given(utterances)
def test_swapping_the_sides_swaps_their_figures(said: list[tuple[Role, int, int, str]]) -> None:
    def figures_with(agent: Role, customer: Role) -> dict[str, float | int | None]:
        names = {A: agent, C: customer}
        call = transcript(*((names[r], s, s + n, text) for r, s, n, text in said))
        return {i: f.value for i, f in call_metrics(call, []).figures.items()}

    straight, swapped = figures_with(A, C), figures_with(C, A)
    for name in ("talk", "talk_share", "speech_rate", "questions", "interruptions"):
        assert straight[f"agent_{name}"] == swapped[f"customer_{name}"]
        assert straight[f"customer_{name}"] == swapped[f"agent_{name}"]
    assert straight["silence_total"] == swapped["silence_total"]
