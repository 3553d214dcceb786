"""What a scan rules out surely does not occur."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_cases import call
from rules_patterns import Node, bodies, written

from nlp.entities import find_entities
from nlp.normalise import forms
from qa_rules.conditions.searches import RegexCondition
from qa_rules.documents.rule_sets import load_pack, pack_names
from qa_rules.facts import polarity
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.keywords import keyword
from qa_rules.facts.literals import signs
from qa_rules.facts.ordinary_speech import commonness
from qa_rules.facts.patterns import pattern
from qa_rules.facts.scan import Scanner
from qa_rules.operators.utterances import SIGNS

TEXTS = st.text("ab", max_size=8)


@settings(max_examples=200, deadline=None)
@given(bodies(6), TEXTS)
def test_a_match_holds_a_sign(body: Node, text: str) -> None:
    wanted = signs(written(body))
    if wanted and re.search(written(body), text):
        assert any(literal in text for literal in wanted)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("包过", {"包过"}),
        ("(?:不|没)打扰", {"不打扰", "没打扰"}),
        ("您.{0,4}(?:包过|拿证)", {"包过", "拿证"}),
        ("保证.{0,4}(?:是|的)", {"保证"}),
        ("(?:保证)?通过", {"通过"}),
        ("[您你]们?好吗", {"您们好吗", "您好吗", "你们好吗", "你好吗"}),
        ("(?:春夏)+", {"春夏"}),
        (".{3,}", set()),
        ("(?i)vip", set()),
        ("[[:alpha:]]x", set()),
        (r"\pL+", set()),
    ],
)
def test_signs_are_the_rarest_words_that_a_pattern_cannot_do_without(
    source: str, wanted: set[str]
) -> None:
    assert signs(source) == wanted


def test_words_are_the_rarer_the_less_often_they_are_said_and_the_longer_they_are() -> None:
    assert commonness("您") > commonness("您好") > commonness("您好啊春夏秋冬")
    assert commonness("鼂") > commonness("鼂鼂") > 0


def test_every_shipped_pattern_asks_for_something_in_most_cases() -> None:
    sources = {
        source
        for name in pack_names()
        for rule in load_pack(name).rules
        for condition in rule.conditions.values()
        if isinstance(condition, RegexCondition)
        for source in condition.patterns
    }
    assert sum(not signs(source) for source in sources) <= len(sources) // 50


WORDS = ["春", "春夏", "春 near/1 冬", "春 & !夏", "(春 | 秋) & 冬", "春山 | 夏山"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ac"), st.text("春夏秋冬山", min_size=1, max_size=6))))
def test_words_and_patterns_are_only_missed_where_they_are_not(said: list[tuple[str, str]]) -> None:
    view = call(*((who, text, at * 1000, at * 1000 + 900) for at, (who, text) in enumerate(said)))
    words = [keyword(word) for word in WORDS]
    patterns = [pattern(source) for source in ("春夏", "春.?冬", "(?:秋|冬)山", "冬$", ".{4,}")]
    wanted = dict.fromkeys((*words, *patterns), frozenset({"agent"}))
    found = CallFacts(view, Scanner(wanted)).scan()
    for at, utterance in enumerate(view.transcript.utterances):
        text = forms(utterance.text)
        for one in words:
            held = any(True for _ in one.spans(text, False)) and utterance.role == "agent"
            assert held <= (found.get(one, 0) >> at & 1)
        for one in patterns:
            spans = any(True for _ in one.spans(text.normalised.encode()))
            assert (spans and utterance.role == "agent") <= (found.get(one, 0) >> at & 1)


def test_places_by_sound_are_found_in_recognised_text_only() -> None:
    view = call(("a", "我们是抱过班", 0, 2000))
    heard = replace(view.transcript, engine=replace(view.transcript.engine, engine="whisper"))
    one = keyword("包过班")
    scanner = Scanner({one: {"agent"}})
    assert one not in CallFacts(view, scanner).scan()
    assert CallFacts(replace(view, transcript=heard), scanner).scan()[one] == 1


_NEAR = "不没别谁哪说讲以为如果有人要是，。保证包过的骗假违规您你他"


@settings(max_examples=300)
@given(st.text(_NEAR, max_size=24), st.text(_NEAR, max_size=18))
def test_claims_without_telling_characters_need_no_closer_look(before: str, after: str) -> None:
    text, start, end = f"{before}包过{after}", len(before), len(before) + 2
    quick = polarity.affirmed(text, start, end)
    everything = frozenset(text)
    with pytest.MonkeyPatch.context() as patched:
        for name in ("_NEGATORS", "_QUOTERS", "_SUPPOSERS", "_DENIERS"):
            patched.setattr(polarity, name, everything)
        assert polarity.affirmed(text, start, end) == quick


_SPOKEN = (
    "0123456789一二三四五六七八九十零幺百千万亿点块元毛角几多来个%％¥百分之"
    "微信号码是abc@.com rmb-年月日"
)


@settings(max_examples=400, deadline=None)
@given(st.text(_SPOKEN, max_size=30))
def test_every_entity_shows_the_sign_of_its_kind(text: str) -> None:
    seen = forms(text)
    for entity in find_entities(seen):
        sign = SIGNS.get(entity.kind)
        assert sign is None or sign.search(seen.raw) or sign.search(seen.normalised), entity
