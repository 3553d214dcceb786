from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance, Word
from nlp.vocabulary import Vocabulary, as_recognised, correct_transcript, judge

TERMS = (
    "启航教育", "沈若彤", "工号", "理赔", "重疾险", "全屋定制", "贷后管理师", "VIP卡", "券", "回访",
)  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(TERMS)


def transcript(*texts: str) -> Transcript:
    utterances = []
    for index, text in enumerate(texts):
        start = index * 60_000
        words = tuple(
            Word(c, start + i * 100, start + i * 100 + 90, 0.5) for i, c in enumerate(text)
        )
        end = start + 100 * len(text)
        utterances.append(Utterance(index, 0, "agent", start, end, text, text, words, 0.5))
    return Transcript(AudioFacts(600_000, 8_000, 2, "", ""), EngineInfo("test"), tuple(utterances))


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("我是起航叫育的顾问", "我是启航教育的顾问"),
        ("我叫审若彤", "我叫沈若彤"),
        ("公号是三零二", "工号是三零二"),
        ("里赔要多久", "理赔要多久"),
        ("您了解众疾险吗", "您了解重疾险吗"),
        ("做全屋订制的", "做全屋定制的"),
        ("考带后管里师", "考贷后管理师"),
    ],
)
def test_near_homophones_become_the_term(vocabulary: Vocabulary, heard: str, meant: str) -> None:
    assert vocabulary.correct(heard).text == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "您好，我是启航教育的沈若彤，工号三零二。",  # already right
        "他做的决定以外，先不说",
        "会访谈几位客户",  # 会访 sounds like 回访, and 访谈 would be torn
        "我身份证号给你",
        "之前报过一个班",
        "今天天气不错，我们去公园走走吧",
        "这件事情我还要和家里人商量一下再说",
        "VIP卡和券都有",
        "里面有一百块钱",
        "hello world 123",
    ],
)
def test_other_wording_is_left_alone(vocabulary: Vocabulary, text: str) -> None:
    corrected = vocabulary.correct(text)
    assert corrected.text == text
    assert corrected.replacements == ()


def test_a_common_word_of_the_same_sound_is_believed() -> None:
    assert Vocabulary(["保额"]).correct("他饱餐了一顿饭").text == "他饱餐了一顿饭"
    assert Vocabulary(["微信"]).correct("他在村里很有威信").text == "他在村里很有威信"
    assert Vocabulary(["意外险"]).correct("除此以外先不谈").text == "除此以外先不谈"


def test_a_tone_of_its_own_keeps_two_characters_apart() -> None:
    assert Vocabulary(["包过"]).correct("我报过了").text == "我报过了"


def test_two_terms_of_the_same_sound_decide_nothing() -> None:
    assert Vocabulary(["恒泽保险", "衡择保险"]).correct("我是横则保险的").text == "我是横则保险的"


def test_the_nearer_of_two_terms_wins() -> None:
    vocabulary = Vocabulary(["鑫源贷款", "星元贷款"])
    assert vocabulary.correct("这里是心元贷款").text == "这里是鑫源贷款"


def test_every_replacement_is_logged_with_place_and_sound(vocabulary: Vocabulary) -> None:
    corrected = vocabulary.correct("我是起航叫育的，公号三零二", utterance_index=7)
    assert [(r.before, r.after) for r in corrected.replacements] == [
        ("起航叫育", "启航教育"),
        ("公号", "工号"),
    ]
    first = corrected.replacements[0]
    assert (first.utterance_index, first.start, first.end) == (7, 2, 6)
    assert first.pinyin == "qi hang jiao yu"
    assert first.distance == 0
    assert corrected.text[first.start : first.end] == first.after


def test_terms_without_a_sound_to_go_by_take_no_part() -> None:
    assert Vocabulary([" 工号 ", "工号", "VIP卡", "券", "", "a"]).terms == ("工号",)
    assert Vocabulary([]).correct("公号").text == "公号"


def test_words_follow_the_text_and_keep_their_times(vocabulary: Vocabulary) -> None:
    call = transcript("我是起航叫育的", "没有错字")
    corrected = correct_transcript(call, vocabulary)
    first, second = corrected.utterances
    assert first.text == first.normalised == "我是启航教育的"
    assert "".join(w.text for w in first.words) == first.text
    before = [(w.start_ms, w.end_ms, w.confidence) for w in call.utterances[0].words]
    assert [(w.start_ms, w.end_ms, w.confidence) for w in first.words] == before
    assert second is call.utterances[1]
    assert [r.utterance_index for r in corrected.corrections] == [0]


def test_words_of_several_characters_and_punctuation_follow_too(vocabulary: Vocabulary) -> None:
    words = (
        Word("我是起", 0, 300, 0.9),
        Word("航叫", 300, 500, 0.9),
        Word("育的。", 500, 900, 0.9),
    )
    text = "我是起航叫育的。"
    call = transcript("占位")
    spoken = replace(call.utterances[0], text=text, normalised=text, words=words)
    corrected = correct_transcript(replace(call, utterances=(spoken,)), vocabulary)
    assert [w.text for w in corrected.utterances[0].words] == [
        "我是启", "航教", "育的。",
    ]  # fmt: skip


def test_words_that_are_not_of_the_text_are_kept(vocabulary: Vocabulary) -> None:
    call = transcript("我是起航叫育的")
    strange = replace(call.utterances[0], words=(Word("别的", 0, 100, 0.5),))
    corrected = correct_transcript(replace(call, utterances=(strange,)), vocabulary)
    assert corrected.utterances[0].words == strange.words


def test_corrections_can_be_taken_back_and_made_anew(vocabulary: Vocabulary) -> None:
    call = transcript("我是起航叫育的，公号三零二五", "没有错字")
    corrected = correct_transcript(call, vocabulary)
    assert [(r.before, r.after, r.reason) for r in corrected.corrections] == [
        ("起航叫育", "启航教育", "same-sound"),
        ("公号", "工号", "same-sound"),
    ]
    taken_back = as_recognised(corrected)
    assert [u.text for u in taken_back.utterances] == [u.text for u in call.utterances]
    assert [u.words for u in taken_back.utterances] == [u.words for u in call.utterances]
    assert taken_back.corrections == ()
    assert correct_transcript(corrected, vocabulary) is corrected
    only = correct_transcript(corrected, Vocabulary(["工号"]))
    assert only.utterances[0].text == "我是起航叫育的，工号三零二五"
    assert correct_transcript(corrected, Vocabulary([])) == taken_back


def test_numbers_are_normalised_again() -> None:
    call = transcript("公号三零二五")
    corrected = correct_transcript(call, Vocabulary(["工号"]))
    assert corrected.utterances[0].normalised == "工号3025"


def test_a_replacement_is_judged_by_what_was_said(vocabulary: Vocabulary) -> None:
    made = vocabulary.correct("公号三零二").replacements[0]
    assert judge(made, "我的工号是三零二") == "fixed"
    assert judge(made, "这是公号三零二") == "harmed"
    assert judge(made, "我姓宫") == "neutral"


FRAGMENTS = (
    "起航", "叫育", "公号", "工号", "里赔", "理赔", "众疾险", "沈若同", "审若彤", "全屋", "订制",
    "回访", "会访", "我是", "的", "，", "您好", "ok", " ", "三百", "带后", "管里师",
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_correcting_twice_is_correcting_once(text: str) -> None:
    vocabulary = Vocabulary(TERMS)
    once = vocabulary.correct(text)
    twice = vocabulary.correct(once.text)
    assert twice.text == once.text
    assert twice.replacements == ()
    assert len(once.text) == len(text)
    rebuilt = text
    for r in once.replacements:
        assert rebuilt[r.start : r.end] == r.before
        rebuilt = rebuilt[: r.start] + r.after + rebuilt[r.end :]
    assert rebuilt == once.text


PLAIN = ("吃饭", "明天", "下雨", "公园", "朋友", "电影", "睡觉", "苹果", "跑步", "，", "。", "吗")


@settings(deadline=None)
@given(st.lists(st.sampled_from(PLAIN), max_size=15).map("".join))
def test_text_without_near_homophones_is_unchanged(text: str) -> None:
    assert Vocabulary(TERMS).correct(text).text == text
