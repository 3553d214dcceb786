"""Simplified characters and number normalisation: tables, and the way back to the raw text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.text import normalise_numbers, to_simplified

NORMALISED = [
    # amounts as they are said, with the last unit left out
    ("一共一千九百八", "一共1980"),
    ("原价三千六现在两万五", "原价3600现在25000"),
    ("才三千出头", "才3000出头"),
    ("将近两千啊", "将近2000啊"),
    ("减两百到手一千七百八", "减200到手1780"),
    ("一万零五百块", "10500块"),
    ("一百零五", "105"),
    ("十二节课", "12节课"),
    ("保额三百万", "保额3000000"),
    ("三十多万", "30多万"),
    ("五块多", "5块多"),
    ("每期三百三", "每期330"),
    ("一点五倍", "1.5倍"),
    ("二十三点五", "23.5"),
    ("一点五万", "15000"),
    # percentages
    ("百分之百", "100%"),
    ("百分百", "100%"),
    ("百分之三点五", "3.5%"),
    ("百分之十", "10%"),
    ("百分之零点六", "0.6%"),
    # digit strings
    ("一三八零零一三八零零零", "13800138000"),
    ("幺三八", "138"),
    ("工号三零一七", "工号3017"),
    ("二零二五年", "2025年"),
    ("九五后", "95后"),
    ("一五年毕业", "15年毕业"),
    # dates and times
    ("三月十五号", "3月15号"),
    ("十点十五分", "10点15分"),
    ("下午三点二十", "下午3点20"),
    ("二十四小时", "24小时"),
    ("十分钟", "10分钟"),
    ("第二十三节", "第23节"),
    # digits that are there already
    ("1,980元", "1980元"),
    ("12,345,678", "12345678"),
    ("3万", "30000"),
    ("2.5万", "25000"),
    ("1千9百8", "1980"),
    ("2025年1月", "2025年1月"),
    ("99.5", "99.5"),
]

UNTOUCHED = [
    "一下", "一起", "一样", "一定", "一直", "一点", "一些", "一边", "一块去", "有一天",
    "万一", "十分满意", "千万别", "百万医疗险", "十全十美", "十足", "千千万万", "百般",
    "三心二意", "乱七八糟", "一清二楚", "七上八下", "五花八门", "不三不四", "一五一十",
    "两年半", "三个半小时", "两倍半", "半年", "一个半月",
    "七八百", "三四千块", "一两千", "两三个", "二十四五岁", "一百五六", "三四天", "十七八",
    "十几万", "几十个", "好几千", "数百", "几百块",
    "三分之一", "第一年", "第三次", "星期三", "周五", "礼拜二", "双十一", "十一放假",
    "一二三", "百分之七八十", "二手", "三甲医院", "", "没有数字。", "abc", "A1",
]  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), NORMALISED)
def test_certain_numbers_are_written_as_digits(raw: str, expected: str) -> None:
    assert normalise_numbers(raw).text == expected


@pytest.mark.parametrize("raw", UNTOUCHED)
def test_doubtful_ones_stay_as_they_were_said(raw: str) -> None:
    assert normalise_numbers(raw).text == raw
    assert normalise_numbers(raw).edits == ()


@pytest.mark.parametrize(
    ("raw", "quote", "spoken"),
    [
        ("一共是一千九百八，能分期", "1980", "一千九百八"),
        ("一共是一千九百八，能分期", "98", "一千九百八"),
        ("一共是一千九百八，能分期", "能分期", "能分期"),
        ("一共是一千九百八，能分期", "是1980，", "是一千九百八，"),
        ("先付两百，再付三千六。", "3600", "三千六"),
        ("先付两百，再付三千六。", "200，再付", "两百，再付"),
        ("百分之百", "100%", "百分之百"),
        ("没有数字", "数字", "数字"),
    ],
)
def test_a_hit_is_placed_on_what_was_said(raw: str, quote: str, spoken: str) -> None:
    normalised = normalise_numbers(raw)
    at = normalised.text.index(quote)
    start, end = normalised.to_raw(at, at + len(quote))
    assert raw[start:end] == spoken


texts = st.text(
    alphabet=st.sampled_from(
        "零一二两三四五六七八九十百千万亿点幺半第几0123456789.,% 分之年月号块个，。您好abc"
    ),
    max_size=40,
)


@given(texts)
def test_edits_rebuild_the_normalised_text(raw: str) -> None:
    once = normalise_numbers(raw)
    assert all(e.start < e.end and e.raw_start < e.raw_end for e in once.edits)
    rebuilt, position = [], 0
    for edit in once.edits:
        rebuilt += [raw[position : edit.raw_start], once.text[edit.start : edit.end]]
        position = edit.raw_end
    assert "".join([*rebuilt, raw[position:]]) == once.text


@given(texts, st.data())
def test_every_span_has_a_place_in_the_raw_text(raw: str, data: st.DataObject) -> None:
    normalised = normalise_numbers(raw)
    start = data.draw(st.integers(0, len(normalised.text)))
    end = data.draw(st.integers(start, len(normalised.text)))
    raw_start, raw_end = normalised.to_raw(start, end)
    assert 0 <= raw_start <= raw_end <= len(raw)
    untouched = not any(e.start < end and start < e.end for e in normalised.edits)
    if untouched and start < end:
        assert raw[raw_start:raw_end] == normalised.text[start:end]
    assert normalised.to_raw(0, len(normalised.text)) == (0, len(raw))


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("請問您這會兒方便嗎", "请问您这会儿方便吗"),
        ("保險經紀人", "保险经纪人"),
        ("已经是简体", "已经是简体"),
        ("", ""),
        ("ABC 123", "ABC 123"),
    ],
)
def test_output_is_simplified(traditional: str, simplified: str) -> None:
    assert to_simplified(traditional) == simplified
