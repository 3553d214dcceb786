import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT

from nlp.phonetics import SoundCodes, fuzzy_syllable, syllables, toned_syllables, without_tone


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zhang", "zan"),
        ("chi", "ci"),
        ("shi", "si"),
        ("nan", "lan"),
        ("nv", "lv"),
        ("hua", "fa"),
        ("hui", "fi"),
        ("hu", "fu"),
        ("xing", "xin"),
        ("deng", "den"),
        ("guang", "guan"),
        ("liang", "nian"),
    ],
)
def test_confusable_sounds_share_a_class(one: str, other: str) -> None:
    assert fuzzy_syllable(one) == fuzzy_syllable(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ma", "ba"), ("gong", "gang"), ("jia", "xia"), ("ren", "len"), ("he", "ge")]
)
def test_distinct_sounds_stay_apart(one: str, other: str) -> None:
    assert fuzzy_syllable(one) != fuzzy_syllable(other)


def test_readings_depend_on_the_word() -> None:
    assert toned_syllables("银行行长")[1] == "hang2"
    assert syllables("您的") == ("nin", "de")
    assert without_tone("5") == "5"


def test_codes_are_one_code_point_and_equal_for_equal_classes() -> None:
    codes = SoundCodes()
    assert codes.encode(syllables("话务员")) == codes.encode(syllables("发务员"))
    assert len(codes.encode(syllables("您的工号"))) == 4
    assert codes.encode(("ma",)) != codes.encode(("ba",))


def test_codes_agree_between_threads() -> None:
    codes = SoundCodes()
    sounds = tuple(f"{a}{b}" for a in "bpmdtgkjqx" for b in ("a", "i", "u", "ai", "ou"))
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(codes.encode(sounds))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {codes.encode(sounds)}
    assert len(set(codes.encode(sounds))) == len(sounds)


@given(st.text(alphabet="银行长重庆还了〇兙嗯ab1，。 哈㐀𠮷", max_size=30))
def test_readings_kept_by_word_are_those_of_the_whole_text(text: str) -> None:
    whole = lazy_pinyin(text, style=Style.TONE3, errors=list, neutral_tone_with_five=True)
    assert toned_syllables(text) == tuple(whole)


BEGINNINGS = sorted(PHRASES_DICT)[::97]


@given(
    st.lists(
        st.builds(lambda word, size: word[:size], st.sampled_from(BEGINNINGS), st.integers(1, 6)),
        max_size=5,
    )
)
def test_words_and_their_beginnings_are_read_as_in_the_whole_text(parts: list[str]) -> None:
    text = "".join(parts)
    whole = lazy_pinyin(text, style=Style.TONE3, errors=list, neutral_tone_with_five=True)
    assert toned_syllables(text) == tuple(whole)
    assert syllables(text) == tuple(without_tone(sound) for sound in whole)
