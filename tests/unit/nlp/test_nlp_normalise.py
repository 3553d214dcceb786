import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.normalise import forms

TEXTS = st.text(alphabet="您好吗一二两三千百万块月十，。？！ abcＡＢ12%.加微信", max_size=40)


@pytest.mark.parametrize(
    ("raw", "normalised", "heard"),
    [
        ("您好，是李女士吗？", "您好是李女士吗", "您好是李女士吗"),
        ("一个月两千三百块。", "一个月2300块", "一个月两千三百块"),
        ("ＡＢＣ Vip", "abcvip", "abcvip"),
        ("利率5.5%呢", "利率5.5%呢", "利率5.5%呢"),
        ("好的...", "好的", "好的"),
        ("", "", ""),
        ("，。！", "", ""),
    ],
)
def test_forms_fold_what_matchers_ignore(raw: str, normalised: str, heard: str) -> None:
    text = forms(raw)
    assert text.normalised == normalised
    assert text.heard == heard


def test_a_digit_maps_back_to_the_spoken_number() -> None:
    raw = "我说，一年两千三百块。"
    text = forms(raw)
    start = text.normalised.index("2300")
    assert raw[slice(*text.to_raw(start, start + 4))] == "两千三百"
    assert raw[slice(*text.to_raw(start + 1, start + 2))] == "两千三百"


def test_pinyin_stands_under_each_character_of_what_was_heard() -> None:
    text = forms("去银行，A区")
    assert text.pinyin == ("qu", "yin", "hang", "a", "qu")
    assert text.toned[1:3] == ("yin2", "hang2")
    assert text.raw[slice(*text.to_raw(1, 3, "pinyin"))] == "银行"


def test_short_clauses_join_a_neighbour() -> None:
    text = forms("对，那您说得有道理，嗯。我们下周再联系您好吗？好")
    clauses = [text.normalised[a:b] for a, b in text.clauses]
    assert clauses == ["对那您说得有道理", "嗯我们下周再联系您好吗好"]
    start, end = text.sentences[0]
    assert text.normalised[start:end] == "对那您说得有道理嗯"


@settings(deadline=None)
@given(TEXTS)
def test_spans_cover_the_form_and_map_inside_the_raw_text(raw: str) -> None:
    text = forms(raw)
    for spans in (text.clauses, text.sentences):
        assert "".join(text.normalised[a:b] for a, b in spans) == text.normalised
    assert len(text.pinyin) == len(text.heard)
    for form, size in (("normalised", len(text.normalised)), ("heard", len(text.heard))):
        last = 0
        for at in range(size):
            start, end = text.to_raw(at, at + 1, form)
            assert 0 <= start < end <= len(raw)
            assert start >= last
            last = start
        assert text.to_raw(size, size, form) == (len(raw), len(raw))


@settings(deadline=None)
@given(TEXTS)
def test_heard_characters_are_the_raw_ones(raw: str) -> None:
    text = forms(raw)
    for at, character in enumerate(text.heard):
        start, end = text.to_raw(at, at + 1, "heard")
        if "一" <= character <= "鿿":
            assert raw[start:end] == character


def test_a_span_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        forms("您好").to_raw(1, 9)
