"""Conditions that a language model answers: what its judgements make of a rule."""

from dataclasses import replace

import pytest
from rules_cases import TALK, judge

from events.judgement import Judgement, JudgeQuestion, JudgeQuote
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.examples import run_examples
from qa_rules.facts.call import CallView
from qa_rules.operators.judge import ruleset_questions
from qa_rules.sentences.rendering import line_sentence

_CONDITION = "{judge: 坐席提到了优惠吗？, role: agent}"
_QUESTION = JudgeQuestion("坐席提到了优惠吗？", "agent")


def _answered(verdict: str, *quotes: tuple[int, int, int], reason: str = "") -> CallView:
    answer = Judgement(
        question=_QUESTION, verdict=verdict, reason=reason, judge="m",  # type: ignore[arg-type]
        quotes=tuple(JudgeQuote(utterance=u, char_start=a, char_end=b) for u, a, b in quotes),
    )  # fmt: skip
    return replace(TALK, judgements={_QUESTION: answer})


def test_a_yes_holds_at_its_quotes() -> None:
    finding = judge(_CONDITION, _answered("yes", (2, 7, 15), (4, 0, 4)))
    assert finding.outcome == "hit"
    assert [(e.utterance, e.text, e.layer, e.form) for e in finding.evidence] == [
        (2, "现在报名立减五百", "judge", "raw"),
        (4, "可以分期", "judge", "raw"),
    ]
    assert finding.evidence[0].operator == "judge"


def test_a_no_is_false_and_its_reason_is_told() -> None:
    view = _answered("no", reason="只报了价")
    assert judge(_CONDITION, view).outcome == "clear"
    denied = judge(_CONDITION, view, "not x")
    assert denied.outcome == "hit"
    assert "语言模型答否（只报了价）" in denied.reason


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (TALK, "没有开启"),
        (_answered("unanswered", reason="引文在通话里找不到原话"), "引文在通话里找不到原话"),
        (_answered("yes", (1, 0, 2)), "分不清是谁说的"),
    ],
)
def test_without_an_answer_nothing_is_known(view: CallView, reason: str) -> None:
    for line in ("x", "not x"):
        finding = judge(_CONDITION, view, line)
        assert finding.outcome == "undecidable"
        assert reason in finding.reason
        assert finding.score_effect == 0


def test_the_same_words_asked_of_another_side_are_another_question() -> None:
    view = _answered("yes", (4, 0, 4))
    assert judge("{judge: 坐席提到了优惠吗？}", view).outcome == "undecidable"


def test_a_judgement_has_places_for_other_conditions() -> None:
    conditions = (
        f"x: {_CONDITION}\n嫌贵: {{keyword: [太贵], role: customer}}\n"
        "y: {order: {first: 嫌贵, then: x}}"
    )
    assert judge(conditions, _answered("yes", (4, 0, 4)), "y").outcome == "hit"
    assert judge(conditions, _answered("yes", (2, 0, 4)), "y").outcome == "clear"


_RULES = """\
ruleset: 测
version: "1"
categories: [类]
rules:
  - id: r
    name: 规则
    category: 类
    severity: minor
    reason: 因为
    hit_if: 应 and not 谢
    conditions:
      应: {judge: 坐席答应送东西吗？, role: agent}
      谢: {judge: 谁道谢了吗？}
      再: {judge: 坐席答应送东西吗？, role: agent, label: 送礼}
    examples:
      must_fire:
        - dialogue: [坐席: 您来我就给您一台平板]
          answers: {坐席答应送东西吗？: [给您一台平板], 谁道谢了吗？: []}
      must_not_fire:
        - dialogue: [坐席: 您来我就给您一台平板, 客户: 谢谢]
          answers: {坐席答应送东西吗？: [给您一台平板], 谁道谢了吗？: 谢谢}
        - dialogue: [坐席: 您来我就给您一台平板]
"""


def test_examples_state_the_answers() -> None:
    ruleset = parse_ruleset(_RULES)
    report = run_examples(ruleset, RuleEvaluator(ruleset))
    assert (report.examples, report.failed) == (3, ())


def test_an_example_whose_quote_nobody_says_fails() -> None:
    ruleset = parse_ruleset(_RULES.replace("[给您一台平板]", "[送手机]", 1))
    report = run_examples(ruleset, RuleEvaluator(ruleset))
    assert [(one.expected, one.outcome) for one in report.failed] == [("must_fire", "undecidable")]
    assert "找不到原话" in report.failed[0].reason


def test_questions_of_a_rule_set_are_asked_once() -> None:
    assert ruleset_questions(parse_ruleset(_RULES)) == (
        JudgeQuestion("坐席答应送东西吗？", "agent"),
        JudgeQuestion("谁道谢了吗？", "any"),
    )


def test_a_question_in_words() -> None:
    rule = parse_ruleset(_RULES).rules[0]
    assert line_sentence(rule.hit_if, rule.conditions) == (
        "坐席的话，问“坐席答应送东西吗？”，语言模型答是，且问“谁道谢了吗？”，语言模型答否"
    )
