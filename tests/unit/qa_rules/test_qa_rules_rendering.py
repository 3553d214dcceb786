"""Rules as sentences: readable, complete, never raw rule syntax."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from rules_strategies import rules

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from qa_rules.conditions.searches import RegexCondition
from qa_rules.documents.rule_sets import (
    dump_ruleset,
    load_pack,
    pack_names,
    parse_document,
    parse_ruleset,
)
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.model import Rule
from qa_rules.sentences.rendering import rule_sentence
from qa_rules.sentences.wording import expression_words

_DOCUMENT = """\
ruleset: 测
version: "1"
categories: [类]
rules:
  - id: r
    name: 规则
    category: 类
    severity: minor
    reason: 因为
    score: -5
    conditions: {%s}
    hit_if: %s
"""


def rule(conditions: str, hit_if: str) -> Rule:
    return parse_ruleset(_DOCUMENT % (conditions, hit_if)).rules[0]


@pytest.mark.parametrize(
    ("conditions", "hit_if", "sentence"),
    [
        (
            "a: {event: 问候语, role: agent, range: first 3 utterances}",
            "not a",
            "坐席在前 3 句内没有出现“问候语” → 扣 5 分",
        ),
        (
            "a: {keyword: ['(加|添加) near/6 微信', '再 near/4 联系', 回访], role: agent}",
            "not a",
            "坐席没有说“添加微信”“再联系”等 3 种说法 → 扣 5 分",
        ),
        (
            "a: {event: 问候语, role: agent}, b: {regex: 您好+, role: agent, label: 问候的话}",
            "not (a or b)",
            "坐席没有出现“问候语”，也没有说问候的话 → 扣 5 分",
        ),
        (
            "a: {duration: {above: 30}}, b: {talk_ratio: {above: 0.8}, role: agent}",
            "not (a and not b)",
            "通话时长不超过 30 秒，或坐席说话占比超过 80% → 扣 5 分",
        ),
        (
            "a: {event: 勿扰}, b: {event: 推销}, o: {order: {first: a, then: b}}",
            "o",
            "通话中出现“勿扰”之后通话中出现“推销” → 扣 5 分",
        ),
        (
            "a: {event: 投诉}, b: {event: 安抚}, "
            "w: {within: {find: b, of: a, utterances: 4, direction: around}}",
            "not w",
            "通话中出现“投诉”前后 4 句内，通话中没有出现“安抚” → 扣 5 分",
        ),
        (
            "a: {silence: {min_s: 5}, range: first 60 s}, b: {interruption: {count: 2}, "
            "range: first 3 utterances}",
            "a or b",
            "在前 60 秒内出现 5 秒以上的静音，或坐席在前 3 句内抢话 2 次以上（重叠 500 毫秒以上）"
            " → 扣 5 分",
        ),
        (
            "a: {metadata: {team: 红}}, b: {silence: {min_s: 8, count: 2}}, c: {event: 乙}",
            "at_least 2 of (a, b, c)",
            "以下至少 2 项成立（团队是 红；出现至少 2 次 8 秒以上的静音；通话中出现“乙”）"
            " → 扣 5 分",
        ),
    ],
)
def test_a_rule_is_one_sentence(conditions: str, hit_if: str, sentence: str) -> None:
    assert rule_sentence(rule(conditions, hit_if)) == sentence


@pytest.mark.parametrize("name", pack_names())
def test_no_rule_of_a_pack_shows_syntax(name: str) -> None:
    for one in load_pack(name).rules:
        sentence = rule_sentence(one)
        assert not re.search(r"near/|\(\?|[|*+{}\[\]\\^$]", sentence), sentence
        patterns = [
            pattern
            for condition in one.conditions.values()
            if isinstance(condition, RegexCondition)
            for pattern in condition.patterns
        ]
        assert not any(pattern in sentence for pattern in patterns)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules())
def test_every_rule_has_a_sentence(one: Rule) -> None:
    assert " → " in rule_sentence(one)


def test_a_circle_of_conditions_still_has_a_sentence() -> None:
    circle = rule("a: {order: {first: b, then: b}}, b: {order: {first: a, then: a}}", "a")
    assert "→" in rule_sentence(circle)


def test_the_longest_alternative_stands_for_an_expression() -> None:
    assert expression_words("再 near/6 (联系 | 打电话)") == "再打电话"
    assert expression_words("付款 & !不用") == "付款"


def test_labels_survive_dumping() -> None:
    text = _DOCUMENT % ("a: {keyword: [您好], label: 问候的话}", "a")
    wanted = parse_document(text)
    assert wanted.rules[0].conditions["a"].label == "问候的话"
    assert parse_document(dump_ruleset(wanted)) == wanted


def _call(hits: tuple[()] | None) -> CallView:
    said = Utterance(0, 0, "agent", 0, 1000, "有个课程", "有个课程")
    audio = AudioFacts(1000, 8000, 2, "none", "none")
    return CallView(Transcript(audio, EngineInfo("reference"), (said,)), hits)


def test_reasons_of_absence_read_as_sentences() -> None:
    text = _DOCUMENT % (
        "a: {event: 开场白/问候语, role: agent}, "
        "b: {keyword: ['(加|添加) near/6 微信', '再 near/4 联系', 回访], role: agent}",
        "not (a or b)",
    )
    finding = RuleEvaluator(parse_ruleset(text)).evaluate(_call(()))[0]
    assert finding.outcome == "hit"
    assert finding.reason == (
        "坐席全程没有出现“开场白/问候语”；坐席全程没有说“添加微信”“再联系”等 3 种说法"
    )


@pytest.mark.parametrize("mode", ["any", "all", "none"])
def test_events_are_undecidable_when_no_tree_was_run(mode: str) -> None:
    text = _DOCUMENT % (f"a: {{event: {{{mode}: [甲, 乙]}}}}", "a")
    evaluator = RuleEvaluator(parse_ruleset(text))
    assert evaluator.evaluate(_call(None))[0].outcome == "undecidable"
    assert evaluator.evaluate(_call(()))[0].outcome == ("hit" if mode == "none" else "clear")
