"""Operators of other products as people set them there: every setting of a row in one rule."""

from dataclasses import replace

import pytest
from rules_cases import call, judge

from asr.transcript import EngineInfo, UntranscribedSpeech

QUIET = call(
    ("a", "我帮您查一下，请稍等。", 0, 3000),
    ("a", "查到了。", 15_000, 16_000),
    ("c", "好。", 16_500, 17_000),
    ("a", "还有别的问题吗？", 27_000, 29_000),
    ("c", "没有了。", 38_500, 39_500),
)


@pytest.mark.parametrize(
    ("silence", "outcome"),
    [
        ("{min_s: 9, count: 3}", "hit"),
        ("{min_s: 9, count: 4}", "clear"),
        ("{min_s: 10, count: 2}", "clear"),
        ("{min_s: 9.9, count: 2}", "hit"),
        ("{min_s: 12}", "clear"),
    ],
)
def test_silence_so_long_and_so_often(silence: str, outcome: str) -> None:
    assert judge(f"{{silence: {silence}}}", QUIET).outcome == outcome


@pytest.mark.parametrize("hit_if", ["x", "not x"])
def test_silence_is_not_judged_where_nobody_was_heard(hit_if: str) -> None:
    nobody = replace(
        QUIET, transcript=replace(QUIET.transcript, utterances=(), engine=EngineInfo("x"))
    )
    assert judge("{silence: {min_s: 5}}", nobody, hit_if).outcome == "not_applicable"
    unheard = UntranscribedSpeech(0, "agent", 0, 3000)
    deaf = replace(nobody, transcript=replace(nobody.transcript, untranscribed=(unheard,)))
    assert judge("{silence: {min_s: 5}}", deaf, hit_if).outcome == "undecidable"


@pytest.mark.parametrize(("announced", "outcome"), [("请稍等", "clear"), ("不用等", "hit")])
def test_silence_that_was_announced_is_excepted(announced: str, outcome: str) -> None:
    conditions = (
        f"等: {{keyword: {announced}, role: agent}}\n静: {{silence: {{min_s: 11}}}}\n"
        "静于等: {within: {find: 静, of: 等, seconds: 2}}\nx: {logic: 静 and not 静于等}"
    )
    assert judge(conditions, QUIET).outcome == outcome


FEELINGS = call(
    ("a", "您好，请问有什么可以帮您？", 0, 3000),
    ("c", "你们太过分了！", 4000, 6000),
    ("a", "非常抱歉，我马上处理。", 30_000, 33_000),
    ("c", "嗯，那谢谢你，非常满意。", 58_000, 60_000),
)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{sentiment: negative, role: customer}", "hit"),
        ("{sentiment: negative, role: customer, range: first 10 s}", "hit"),
        ("{sentiment: negative, role: customer, range: last 10 s}", "clear"),
        ("{sentiment: positive, role: customer, range: first 10 s}", "clear"),
        ("{sentiment: positive, role: customer, range: last 10 s}", "hit"),
    ],
)
def test_sentiment_in_a_part_of_the_call_and_in_all_of_it(condition: str, outcome: str) -> None:
    assert judge(condition, FEELINGS).outcome == outcome


@pytest.mark.parametrize(
    ("words", "times", "outcome"),
    [
        ("年化 near/4 百分之八", "at_least: 2", "hit"),
        ("年化 near/4 百分之八", "at_least: 3", "clear"),
        ("年化 near/1 百分之八", "at_least: 1", "clear"),
        ("年化 near/4 百分之八", "at_most: 1", "clear"),
    ],
)
def test_words_so_far_apart_and_so_often(words: str, times: str, outcome: str) -> None:
    view = call(
        ("a", "这个产品年化大概是百分之八。", 0, 3000),
        ("c", "多少？", 3500, 4000),
        ("a", "年化就是百分之八。", 4500, 6000),
    )
    rule = f"p: {{keyword: {words}}}\nx: {{times: {{of: p, {times}}}}}"
    assert judge(rule, view).outcome == outcome


@pytest.mark.parametrize(
    ("rate", "outcome"),
    [
        ("{above: 239}", "hit"),
        ("{above: 241}", "clear"),
        ("{above: 599, of: utterance}", "hit"),
        ("{above: 601, of: utterance}", "clear"),
        ("{above: 149, of: utterance, count: 2}", "hit"),
        ("{above: 151, of: utterance, count: 2}", "clear"),
    ],
)
def test_speech_rate_on_average_and_of_single_utterances(rate: str, outcome: str) -> None:
    # Ten characters in one second and ten in four: 600 and 150 a minute, 240 over both.
    view = call(("a", "我说话就是这样非常快", 0, 1000), ("a", "现在我慢慢地说一句话", 2000, 6000))
    assert judge(f"{{speech_rate: {rate}, role: agent}}", view).outcome == outcome
