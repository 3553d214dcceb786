"""Entities in spoken and written text, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.entities import KINDS, find_entities
from nlp.normalise import forms


def _found(text: str) -> list[tuple[str, str]]:
    return [(entity.kind, text[entity.start : entity.end]) for entity in find_entities(forms(text))]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("我的电话是13800138000", "phone", "13800138000"),
        ("电话一三八零零一三八零零零", "phone", "一三八零零一三八零零零"),
        ("幺三八 零零幺三 八零零零", "phone", "幺三八 零零幺三 八零零零"),
        ("138-0013-8000 您记一下", "phone", "138-0013-8000"),
        ("打0571-88886666", "phone", "0571-88886666"),
        ("四零零八八八六六六六", "phone", "四零零八八八六六六六"),
        ("京A12345", "plate", "京A12345"),
        ("粤B·D12345", "plate", "粤B·D12345"),
        ("加微信 wx_9988", "wechat", "wx_9988"),
        ("微信号是abc12345", "wechat", "abc12345"),
        ("发我 abc.d@qq.com 吧", "email", "abc.d@qq.com"),
        ("三月五号", "date", "三月五号"),
        ("2024年3月开班", "date", "2024年3月"),
        ("二〇二四年十月一号", "date", "二〇二四年十月一号"),
        ("八月份再说", "date", "八月份"),
        ("下个月五号", "date", "下个月五号"),
        ("下周三", "date", "下周三"),
        ("周末有空", "date", "周末"),
        ("大后天", "date", "大后天"),
        ("下午三点", "time", "下午三点"),
        ("晚上八点", "time", "晚上八点"),
        ("三点半", "time", "三点半"),
        ("八点四十五", "time", "八点四十五"),
        ("15:30 开会", "time", "15:30"),
        ("下午3点20分", "time", "下午3点20分"),
    ],
)
def test_what_is_found(text: str, kind: str, said: str) -> None:
    assert (kind, said) in _found(text)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("两千块", "amount", 2000),
        ("2,980元", "amount", 2980),
        ("三块五", "amount", 3.5),
        ("三块五毛", "amount", 3.5),
        ("九块九", "amount", 9.9),
        ("五毛钱", "amount", 0.5),
        ("一块钱", "amount", 1),
        ("一块二", "amount", 1.2),
        ("一百来块钱", "amount", 100),
        ("一万五", "amount", 15_000),
        ("三万块钱", "amount", 30_000),
        ("3万", "amount", 30_000),
        ("一点五万", "amount", 15_000),
        ("1.5亿", "amount", 150_000_000),
        ("一个亿", "amount", 100_000_000),
        ("两万多", "amount", 20_000),
        ("¥199.5", "amount", 199.5),
        ("￥1,299", "amount", 1299),
        ("几百块", "amount", None),
        ("两三万块", "amount", None),
        ("百分之五", "percent", 5),
        ("百分之三点五", "percent", 3.5),
        ("百分之百", "percent", 100),
        ("费率0.6%", "percent", 0.6),
        ("三天", "duration", 3 * 86_400),
        ("半个小时", "duration", 1800),
        ("两个小时", "duration", 7200),
        ("一个月", "duration", 2_592_000),
        ("一年半", "duration", 1.5 * 31_536_000),
        ("十分钟", "duration", 600),
    ],
)
def test_values_are_in_the_base_unit(text: str, kind: str, value: float | None) -> None:
    (entity,) = find_entities(forms(text))
    assert (entity.kind, entity.value) == (kind, value)


@pytest.mark.parametrize(
    "text",
    [
        "订单号2013800138000123",
        "1380013800",
        "这块我不懂",
        "这一块业务",
        "两块内容",
        "二十万人",
        "一万次",
        "三万公里",
        "万一不行呢",
        "有一点贵",
        "差一点",
        "十二号线",
        "3号楼",
        "我一天到晚忙",
        "第三天",
        "一年级",
        "一九四九年",
        "一号店",
        "微信上说",
        "五个人",
        "好的",
        "",
        "！？",
    ],
)
def test_what_only_looks_like_one(text: str) -> None:
    assert _found(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "score"),
    [
        ("身份证11010519491231002X", "id_card", 1.0),
        ("一一零一零五一九四九一二三一零零二X", "id_card", 1.0),
        ("身份证110105194912310021", "id_card", 0.9),
        ("4111 1111 1111 1111", "bank_card", 1.0),
        ("四一一一一一一一一一一一一一一一", "bank_card", 1.0),
        ("4111111111111112", "bank_card", 0.9),
    ],
)
def test_check_digits_raise_the_score(text: str, kind: str, score: float) -> None:
    (entity,) = find_entities(forms(text))
    assert (entity.kind, entity.score) == (kind, score)


def test_several_in_one_sentence_are_in_order() -> None:
    assert _found("明天下午三点带两千块来，打13800138000") == [
        ("date", "明天"),
        ("time", "下午三点"),
        ("amount", "两千块"),
        ("phone", "13800138000"),
    ]


@given(
    st.lists(
        st.sampled_from(
            "一两三五十百千万亿零点块元毛角月号日年天周个半多来几¥%:@.,0159ax微信京第 "
        ),
        max_size=24,
    )
)
def test_entities_lie_apart_inside_the_text(characters: list[str]) -> None:
    text = "".join(characters)
    last = 0
    for entity in find_entities(forms(text)):
        assert last <= entity.start < entity.end <= len(text)
        assert entity.kind in KINDS
        assert entity.value is None or entity.value >= 0
        last = entity.end
