"""The hallucination guard: what is refused, and what must not be."""

import pytest

from asr.engines.base import WindowText, WindowWord
from asr.guard import compression_ratio, is_doubtful, is_stock_phrase, refuse_window

PROMPT = "以下是一段普通话电话录音，请用简体中文记录，带标点。"


def window(text: str, logprob: float = -0.3, no_speech: float = 0.01) -> WindowText:
    words = tuple(WindowWord(c, i * 100, i * 100 + 100, 0.9) for i, c in enumerate(text))
    return WindowText(words, logprob, no_speech)


def kept(text: str, prompt: str = PROMPT) -> str:
    refused = refuse_window(window(text), prompt)
    gone = {n for run in refused for n in range(run.first, run.last)}
    return "".join(c for n, c in enumerate(text) if n not in gone)


def test_ordinary_speech_is_kept() -> None:
    text = "您好，请问是周女士吗？我是启衡教育的课程顾问，看您上周在网上问过初级会计。"
    assert refuse_window(window(text), PROMPT) == ()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("好的好的好的好的好的好的好的好的再见", "好的再见"),
        ("您好" + "谢谢大家。" * 12, "您好谢谢大家。"),
        ("啊" * 60, "啊"),
    ],
)
def test_a_loop_is_cut_to_its_first_round(text: str, left: str) -> None:
    assert kept(text) == left
    assert {run.reason for run in refuse_window(window(text), PROMPT)} == {"repeat-loop"}


@pytest.mark.parametrize(
    "text", ["对对对对，是的", "好的好的好的", "一三八零零零零零零零零", "嗯嗯嗯嗯嗯嗯", "哈哈哈哈"]
)
def test_what_people_repeat_is_no_loop(text: str) -> None:
    assert kept(text) == text


def test_silence_that_the_engine_doubts_is_dropped_whole() -> None:
    (run,) = refuse_window(window("谢谢", logprob=-1.6, no_speech=0.9), PROMPT)
    assert (run.first, run.last, run.reason) == (0, 2, "no-speech")
    assert refuse_window(window("谢谢", logprob=-0.2, no_speech=0.9), PROMPT) == ()


def test_the_prompt_written_back_is_dropped() -> None:
    (run,) = refuse_window(window("请用简体中文记录，"), PROMPT)
    assert run.reason == "prompt-echo"
    assert refuse_window(window("请用简体中文记录，"), "") == ()


def test_an_empty_window_has_nothing_to_refuse() -> None:
    assert refuse_window(window(""), PROMPT) == ()


@pytest.mark.parametrize(
    "text",
    [
        "字幕由Amara.org社区提供",
        "请不吝点赞订阅转发打赏支持明镜与点点栏目",
        "感谢您的观看",
        "字幕志愿者 李某",
    ],
)
def test_subtitle_credits_are_stock_phrases(text: str) -> None:
    assert is_stock_phrase(text)


@pytest.mark.parametrize("text", ["谢谢您，再见", "视频可以反复观看", "订阅号您关注一下"])
def test_telephone_talk_is_not(text: str) -> None:
    assert not is_stock_phrase(text)


@pytest.mark.parametrize("text", ["下期再见。", "谢谢大家！", "请订阅", "Thank you.", "版权所有"])
def test_presenters_talk_is_refused_only_when_the_engine_doubts(text: str) -> None:
    assert is_stock_phrase(text, is_doubtful=True)
    assert not is_stock_phrase(text)


@pytest.mark.parametrize("text", ["谢谢大家的支持，我们下次再约时间", "嗯好的", "再见", "谢谢"])
def test_doubt_alone_refuses_no_talk(text: str) -> None:
    assert not is_stock_phrase(text, is_doubtful=True)


@pytest.mark.parametrize(
    ("logprob", "no_speech", "doubtful"),
    [(-0.3, 0.01, False), (-0.9, 0.01, True), (-0.3, 0.4, True)],
)
def test_doubt(logprob: float, no_speech: float, doubtful: bool) -> None:
    assert is_doubtful(window("您好请问方便吗", logprob, no_speech)) is doubtful


def test_text_that_packs_like_a_loop_is_dropped_whole() -> None:
    nearly = "".join(f"我们的课程是非常好的{n}" for n in "一二三四五六七八九十百千")
    (run,) = refuse_window(window(nearly), PROMPT)
    assert (run.first, run.last, run.reason) == (0, len(nearly), "repeat-loop")
    assert is_doubtful(window(nearly))
    assert compression_ratio("") == 0
