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
            "在前 60 秒内出现超过 5 秒的静音，或坐席在前 3 句内抢话 2 次以上（重叠超过 500 毫秒）"
            " → 扣 5 分",
        ),
        (
            "a: {metadata: {team: 红}}, b: {silence: {min_s: 8, count: 2}}, c: {event: 乙}",
            "at_least 2 of (a, b, c)",
            "以下至少 2 项成立（团队是 红；出现至少 2 次超过 8 秒的静音；通话中出现“乙”）"
            " → 扣 5 分",
        ),
        (
            "a: {keyword: {all: [分期, 利息]}, in_one_utterance: true, role: agent}",
            "a",
            "坐席在同一句里说全了“分期”和“利息” → 扣 5 分",
        ),
        (
            "a: {keyword: {at_least: 2, of: [甲, 乙, 丙]}, role: agent}",
            "not a",
            "坐席没有说够“甲”“乙”等 3 种说法中的至少 2 种 → 扣 5 分",
        ),
        (
            "a: {keyword: 包过, unless: [不能, 没有], plausible: 过度承诺, role: agent}",
            "a",
            "坐席说了“包过”（同一句有“不能”或“没有”的不算，模型确信不是“过度承诺”的不算）"
            " → 扣 5 分",
        ),
        (
            "a: {regex: 包.过, label: 承诺的话, polarity: any, role: agent}",
            "a",
            "坐席说了承诺的话（否定与引述也算） → 扣 5 分",
        ),
        (
            "a: {semantic: {examples: [必过, 肯定能过, 稳过], counter_examples: [不一定], "
            "threshold: 0.7}, role: agent}",
            "a",
            "坐席说了意思接近“必过”“肯定能过”等 3 句、而不像“不一定”的话（把握不低于 0.7）"
            " → 扣 5 分",
        ),
        (
            "a: {act: 不文明用语, at_least: 0.9, role: agent}",
            "a",
            "坐席说了听起来像“不文明用语”的话（概率不低于 0.9） → 扣 5 分",
        ),
        (
            "a: {event: {at_least: 2, of: [甲, 乙]}, in_one_utterance: true}",
            "a",
            "通话中在同一句里出现“甲”、“乙”中的至少 2 项 → 扣 5 分",
        ),
        (
            "a: {entity: amount, above: 1000, below: 5000}",
            "a",
            "通话中提到金额（数值在 1000 到 5000 之间） → 扣 5 分",
        ),
        (
            "a: {repetition: {times: 3, similarity: 0.9, within: 10}, unless: 您好, role: agent}",
            "a",
            "坐席把几乎同样的话（相似度不低于 0.9，相隔 10 句以内，有“您好”的句子不算）"
            "说了 3 遍以上 → 扣 5 分",
        ),
        (
            "a: {interruption: {}, role: any}, b: {monologue: {count: 2}, role: any}",
            "not (a or b)",
            "双方都没有抢话（重叠超过 500 毫秒），且双方都没有 2 次以上连续说话超过 60 秒"
            " → 扣 5 分",
        ),
        (
            "a: {keyword: 价格, role: customer}, b: {entity: amount, role: agent}, "
            "x: {unanswered: {question: a, answer: b, utterances: 3}}",
            "x",
            "客户说了“价格”后 3 句内，坐席没有回答（坐席提到金额才算） → 扣 5 分",
        ),
        (
            "a: {keyword: 甲}, b: {keyword: 乙}, c: {keyword: 丙}, x: {process: "
            "[{step: a, next: [b, c]}, {step: b, within: 3 utterances, next: end}, "
            "{step: c, optional: true, within: 20 s}]}",
            "not x",
            "通话中没有走完流程“a→b或c；b（上一步后 3 句内）→结束；c（可略过，上一步后 20 秒内）"
            "→结束” → 扣 5 分",
        ),
        (
            "a: {keyword: 甲, role: agent}, b: {keyword: 乙, role: customer}, "
            "x: {not_within: {find: b, of: a, utterances: 2}}",
            "not x",
            "坐席说了“甲”后 2 句内，每次客户都说了“乙” → 扣 5 分",
        ),
        (
            "a: {metadata: {团队: [红, 蓝], vip: true}}",
            "a",
            "团队是 红 或 蓝，且vip 是 真 → 扣 5 分",
        ),
        (
            "a: {keyword: 甲}, b: {keyword: 乙}, m: {logic: a or b}",
            "not m",
            "通话中没有说“甲”，也没有说“乙” → 扣 5 分",
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
