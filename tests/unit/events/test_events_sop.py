from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_call import make_call

from asr.transcript import Transcript, UntranscribedSpeech
from core.span import Span
from events.document import parse_tree
from events.hits import SopReport, StepState
from events.matching import TreeMatcher
from events.sop import sop_report
from events.timeline import timeline

Call = Callable[..., Transcript]

TREE = parse_tree("""
tree: t
conversation: {min_customer_utterances: 2, min_duration_s: 10}
nodes:
  - key: o
    name: 开场
    children:
      - {key: g, name: 问候, sop: true, match: {keywords: 您好}, scope: {first_utterances: 2}}
      - {key: i, name: 介绍, sop: true, weight: 3, required: true, match: {keywords: 我是}}
  - key: d
    name: 异议
    children:
      - {key: a, name: 回应, sop: true, match: {keywords: 分期}, applies_after: [客户/贵]}
      - {key: x, name: 对比, sop: true, expected: false, match: {keywords: 那家}}
  - {key: e, name: 结束, sop: true, match: {keywords: 再见}, scope: {last_utterances: 1}}
  - key: c
    name: 客户
    role: customer
    children: [{key: p, name: 贵, match: {keywords: 太贵}}]
""")


def report(call: Transcript) -> SopReport:
    return sop_report(TREE, call, TreeMatcher(TREE, None).match(call))


def states(call: Transcript) -> dict[str, str]:
    return {step.node: step.state for step in report(call).steps}


def step(call: Transcript, node: str) -> StepState:
    return next(step for step in report(call).steps if step.node == node)


def unheard(call: Transcript, role: str, start_ms: int, end_ms: int) -> Transcript:
    gap = UntranscribedSpeech(0, role, start_ms, end_ms)  # type: ignore[arg-type]
    return replace(call, untranscribed=(*call.untranscribed, gap))


TALK = ("A:您好啊", "C:太贵了", "A:可以分期", "C:好的", "A:再见")


def test_steps_are_executed_missed_or_not_applicable(call: Call) -> None:
    assert states(call(*TALK)) == {
        "开场/问候": "executed",
        "开场/介绍": "missed",
        "异议/回应": "executed",
        "异议/对比": "missed",
        "结束": "executed",
    }
    assert states(call("A:您好啊", "C:好", "C:行", "A:再见"))["异议/回应"] == "not_applicable"
    assert step(call(*TALK), "开场/问候").reason == "第 1 句命中"
    assert step(call("A:喂", "C:好", "C:行"), "异议/回应").reason == "没有出现贵"


def test_coverage_counts_expected_steps_that_can_be_told(call: Call) -> None:
    found = report(call(*TALK))
    assert found.coverage == pytest.approx(3 / 6)
    assert found.order_adherence == 1.0
    assert step(call(*TALK), "开场/介绍").required


def test_order_adherence_counts_pairs(call: Call) -> None:
    found = report(call("A:您好", "C:太贵", "A:那家可以分期", "C:好", "A:我是小王"))
    order = {step.node: step.actual_rank for step in found.steps}
    assert order == {"开场/问候": 0, "异议/对比": 1, "异议/回应": 2, "开场/介绍": 3, "结束": None}
    assert found.order_adherence == pytest.approx(3 / 6)
    assert [step.expected_rank for step in found.steps] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("A:您好", "C:谁", "A:再见"), "客户只说了 1 句，未形成对话"),
        ((), "客户只说了 0 句，未形成对话"),
    ],
)
def test_no_conversation_has_no_steps(call: Call, lines: tuple[str, ...], reason: str) -> None:
    missing = [step for step in report(call(*lines)).steps if step.state != "executed"]
    assert {step.state for step in missing} == {"not_applicable"}
    assert missing[0].reason == reason


def test_a_short_recording_is_no_conversation(call: Call) -> None:
    said = call(*TALK)
    short = replace(said, audio=replace(said.audio, duration_ms=9_999))
    assert states(short)["开场/介绍"] == "not_applicable"
    assert report(short).coverage == 1.0


@pytest.mark.parametrize(
    ("role", "start_ms", "end_ms", "state"),
    [
        ("agent", 10_000, 12_000, "undecidable"),
        ("agent", 10_000, 10_300, "missed"),
        ("agent", 10_000, 10_700, "undecidable"),  # Short, but a tenth of the agent's speech.
        ("customer", 10_000, 15_000, "missed"),
        ("unknown", 10_000, 15_000, "undecidable"),
    ],
)
def test_unheard_speech_makes_a_miss_undecidable(
    call: Call, role: str, start_ms: int, end_ms: int, state: str
) -> None:
    said = unheard(call(*TALK), role, start_ms, end_ms)
    assert states(said)["开场/介绍"] == state
    assert states(said)["开场/问候"] == "executed"


def test_unheard_speech_counts_only_inside_the_scope(call: Call) -> None:
    talk = ("A:嗯嗯嗯", "C:太贵了", "A:可以", "C:好的", "A:嗯")
    late = unheard(call(*talk), "agent", 20_000, 25_000)
    assert states(late)["开场/问候"] == "missed"
    assert states(late)["结束"] == "undecidable"
    early = unheard(call(*talk), "agent", 0, 2_000)
    assert states(early)["结束"] == "missed"


def test_an_unheard_customer_may_have_objected(call: Call) -> None:
    said = unheard(call("A:您好", "C:好", "C:行"), "customer", 10_000, 14_000)
    assert states(said)["异议/回应"] == "undecidable"
    assert "4.0 秒" in step(said, "异议/回应").reason


def test_an_agent_without_transcript_is_undecidable(call: Call) -> None:
    said = call("C:喂", "C:太贵了", "C:再见")
    assert step(said, "开场/介绍").state == "undecidable"
    assert step(said, "开场/介绍").reason == "没有坐席的转写"


def test_speech_spans_are_the_measure_of_a_share(call: Call) -> None:
    from asr.transcript import ChannelSpeech

    said = unheard(call(*TALK), "agent", 10_000, 10_700)
    talkative = replace(said, speech=(ChannelSpeech(0, "agent", (Span(0, 30_000),)),))
    assert states(talkative)["开场/介绍"] == "missed"


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["A:您好", "A:我是", "A:分期", "A:再见", "C:太贵", "C:嗯"]), max_size=9
    )
)
def test_shares_are_shares_and_ranks_a_permutation(lines: list[str]) -> None:
    found = report(make_call(*lines))
    for share in (found.coverage, found.order_adherence):
        assert share is None or 0.0 <= share <= 1.0
    ranks = sorted(s.actual_rank for s in found.steps if s.actual_rank is not None)
    assert ranks == list(range(len(ranks)))
    assert all((s.state == "executed") == bool(s.hits) for s in found.steps)


def test_the_timeline_lists_events_and_stages(call: Call) -> None:
    said = call("A:您好，我是小王", "C:太贵了", "A:可以分期", "C:好", "A:再见")
    hits = TreeMatcher(TREE, None).match(said)
    line = timeline(TREE, said, tuple(reversed(hits)))
    assert [(e.stage, e.name, e.quote) for e in line.entries] == [
        ("开场", "问候", "您好"),
        ("开场", "介绍", "我是"),
        ("客户", "贵", "太贵"),
        ("异议", "回应", "分期"),
        ("结束", "结束", "再见"),
    ]
    assert [hits[len(hits) - 1 - e.hit].node for e in line.entries] == [h.node for h in hits]
    assert line.entries[0].sentence == "您好，我是小王"
    assert [band.stage for band in line.bands] == ["开场", "异议", "结束"]
    assert all(a.end_ms <= b.start_ms for a, b in zip(line.bands, line.bands[1:], strict=False))


def test_a_stage_that_returns_late_starts_a_new_band(call: Call) -> None:
    said = call("A:您好", "C:" + "嗯" * 200, "A:我是小王")
    line = timeline(TREE, said, TreeMatcher(TREE, None).match(said))
    assert [band.stage for band in line.bands] == ["开场", "开场"]
