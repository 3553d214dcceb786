"""Operators on other conditions, on the conversation and on single utterances, case by case."""

from dataclasses import replace

import pytest
from rules_cases import TALK, call, judge

from asr.transcript import UntranscribedSpeech
from core.errors import AppError
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView

OFFERS = call(
    ("a", "学费两千块。", 0, 2000),
    ("c", "太贵了。", 2500, 3500),
    ("a", "可以分期，也可以试听。", 4000, 7000),
    ("c", "还是太贵了。", 7500, 9000),
    ("a", "那今天报名立减五百。", 9500, 12_000),
    ("c", "我考虑一下，太贵。", 12_500, 15_000),
)
DEAF = UntranscribedSpeech(0, "agent", 15_000, 20_000)


def deaf(view: CallView, gap: UntranscribedSpeech = DEAF) -> CallView:
    return replace(view, transcript=replace(view.transcript, untranscribed=(gap,)))


PRICE = "p: {keyword: 太贵, role: customer}\n"


@pytest.mark.parametrize(
    ("anchor", "outcome"),
    [
        ("after: p", "hit"),
        ("before: p", "hit"),
        ("after: p, utterances: 1", "hit"),
        ("after: p, utterances: 1, hit: 2", "hit"),
        ("after: p, utterances: 1, hit: 1", "clear"),
        ("after: p, hit: last", "clear"),
        ("after: p, hit: 4", "clear"),
        ("after: p, seconds: 1", "hit"),
        ("after: p, seconds: 0.4", "clear"),
        ("before: p, hit: 1", "clear"),
        ("before: p, utterances: 1, hit: last", "hit"),
        ("around: p, utterances: 1, hit: 2", "hit"),
        ("around: p, utterances: 1, hit: 1", "clear"),
    ],
)
def test_anchor_before_after_around_and_nth_hit(anchor: str, outcome: str) -> None:
    condition = f"{PRICE}x: {{keyword: 报名, role: agent, anchor: {{{anchor}}}}}"
    assert judge(condition, OFFERS).outcome == outcome


def test_anchor_splits_its_own_utterance() -> None:
    view = call(("a", "先说优惠，再说费用，最后说分期", 0, 4000))
    pair = "p: {keyword: 费用}\nx: {keyword: %s, anchor: {%s: p, utterances: 0}}"
    assert judge(pair % ("分期", "after"), view).outcome == "hit"
    assert judge(pair % ("优惠", "after"), view).outcome == "clear"
    assert judge(pair % ("优惠", "before"), view).outcome == "hit"
    assert judge(pair % ("费用", "around"), view).outcome == "clear"


def test_anchor_that_never_occurs_makes_the_condition_false() -> None:
    pair = "p: {keyword: 投诉}\nx: {keyword: {%s: [报名]}, anchor: {after: p}}"
    assert judge(pair % "any", OFFERS).outcome == "clear"
    assert judge(pair % "none", OFFERS).outcome == "clear"
    said = "p: {keyword: 太贵}\nx: {keyword: {none: [投诉]}, anchor: {after: p}}"
    assert judge(said, OFFERS).outcome == "hit"


def test_anchor_that_may_have_gone_unheard_is_undecidable() -> None:
    pair = "p: {keyword: 投诉, role: agent}\nx: {keyword: 报名, anchor: {before: p}}"
    assert judge(pair, deaf(OFFERS)).outcome == "undecidable"
    second = "p: {keyword: 报名, role: agent}\nx: {keyword: 太贵, anchor: {after: p, hit: 1}}"
    assert judge(second, deaf(OFFERS)).outcome == "undecidable"


def test_in_one_utterance() -> None:
    words = "{keyword: {all: [分期, %s]}%s}"
    one = ", in_one_utterance: true"
    assert judge(words % ("报名", ""), OFFERS).outcome == "hit"
    assert judge(words % ("报名", one), OFFERS).outcome == "clear"
    assert judge(words % ("试听", one), OFFERS).outcome == "hit"
    two = "{keyword: {at_least: 2, of: [分期, 报名, 立减]}, in_one_utterance: true}"
    assert judge(two, OFFERS).evidence[0].utterance == 4


def test_not_within() -> None:
    pair = PRICE + "o: {keyword: [分期, 立减], role: agent}\nx: {not_within: {find: o, of: p, %s}}"
    finding = judge(pair % "utterances: 1", OFFERS)
    assert finding.outcome == "hit"
    assert finding.evidence[0].utterance == 5
    first = call(*[("a" if u.role == "agent" else "c", u.text, u.start_ms, u.end_ms)
                   for u in OFFERS.transcript.utterances[:5]])  # fmt: skip
    assert judge(pair % "utterances: 1", first).outcome == "clear"
    assert judge(pair % "seconds: 0.1", first).outcome == "hit"
    assert judge(pair % "utterances: 1", deaf(OFFERS)).outcome == "undecidable"
    assert judge(pair % "utterances: 1", TALK).outcome == "clear"


@pytest.mark.parametrize(
    ("bounds", "outcome", "unheard"),
    [
        ("at_least: 3", "hit", "hit"),
        ("at_least: 4", "clear", "undecidable"),
        ("at_most: 3", "hit", "undecidable"),
        ("at_most: 2", "clear", "clear"),
        ("at_least: 2, at_most: 3", "hit", "undecidable"),
    ],
)
def test_times(bounds: str, outcome: str, unheard: str) -> None:
    condition = PRICE + f"x: {{times: {{of: p, {bounds}}}}}"
    assert judge(condition, OFFERS).outcome == outcome
    gap = UntranscribedSpeech(1, "customer", 15_000, 20_000)
    assert judge(condition, deaf(OFFERS, gap)).outcome == unheard


def test_times_at_most_holds_where_nothing_is_said() -> None:
    assert judge("p: {keyword: 投诉}\nx: {times: {of: p, at_most: 0}}", OFFERS).outcome == "hit"


ASKED = (
    ("c", "这个课程多少钱啊？", 0, 2000),
    ("a", "嗯。", 2500, 2800),
    ("c", "我问你呢。", 5000, 6000),
    ("a", "一共两千八百块钱。", 16_000, 18_000),
)


def test_unanswered_question() -> None:
    view = call(*ASKED)
    assert judge("{unanswered: {seconds: 10}}", view).outcome == "hit"
    assert judge("{unanswered: {seconds: 20}}", view).outcome == "clear"
    assert judge("{unanswered: {utterances: 2}}", view).outcome == "hit"
    assert judge("{unanswered: {utterances: 3}}", view).outcome == "clear"
    assert judge("{unanswered: {seconds: 10}, role: agent}", view).outcome == "clear"
    alone = call(("c", "这个课程多少钱啊？", 0, 2000))
    assert judge("{unanswered: {seconds: 5}}", alone).outcome == "not_applicable"


def test_unanswered_named_question_and_answer() -> None:
    pair = "q: {keyword: 多少钱, role: customer}\na: {entity: amount, role: agent}\n"
    named = pair + "x: {unanswered: {question: q, answer: a, utterances: %d}}"
    assert judge(named % 3, call(*ASKED)).outcome == "clear"
    assert judge(named % 2, call(*ASKED)).outcome == "hit"


def test_unanswered_is_undecidable_where_an_answer_may_have_gone_unheard() -> None:
    gap = UntranscribedSpeech(0, "agent", 3000, 3500)
    assert judge("{unanswered: {seconds: 10}}", deaf(call(*ASKED), gap)).outcome == "undecidable"


STEPS = (
    "同意: {keyword: 同意, role: customer}\n核身: {keyword: 身份证, role: agent}\n"
    "告知: {keyword: 费用, role: agent}\n转接: {keyword: 转人工, role: agent}\n"
    "确认: {keyword: 确认, role: agent}\n"
)
BRANCHED = STEPS + (
    "x: {process: [同意, {step: 核身, optional: true, within: 2 utterances, next: [告知, 转接]},"
    " {step: 告知, within: 30 s, next: 确认}, {step: 转接, next: end}, 确认]}"
)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("同意 身份证 费用 确认", "hit"),
        ("同意 费用 确认", "hit"),
        ("同意 身份证 转人工", "hit"),
        ("同意 身份证 费用", "clear"),
        ("身份证 费用 确认 同意", "clear"),
        ("同意 啊 啊 身份证 转人工", "hit"),
        ("费用 确认", "clear"),
    ],
)
def test_process_with_branches_and_optional_steps(said: str, outcome: str) -> None:
    lines = [
        ("c" if text == "同意" else "a", text, at * 1000, at * 1000 + 800)
        for at, text in enumerate(said.split())
    ]
    assert judge(BRANCHED, call(*lines, ("c", "好", 90_000, 91_000))).outcome == outcome


def test_process_looks_ahead_only_so_far() -> None:
    lines = [("c", "同意", 0, 800), ("a", "费用", 40_000, 41_000), ("a", "确认", 42_000, 43_000)]
    assert judge(BRANCHED, call(*lines)).outcome == "clear"
    near = [("c", "同意", 0, 800), ("a", "费用", 20_000, 21_000), ("a", "确认", 42_000, 43_000)]
    finding = judge(BRANCHED, call(*near))
    assert [item.text for item in finding.evidence] == ["同意", "费用", "确认"]


def test_process_tells_where_it_stopped() -> None:
    lines = [("c", "同意", 0, 800), ("a", "身份证", 1000, 1800)]
    finding = judge(BRANCHED, call(*lines), hit_if="not x")
    assert finding.outcome == "hit"
    assert "走到“核身”后没有接着出现“告知”、“转接”" in finding.reason
    gap = UntranscribedSpeech(0, "agent", 2000, 6000)
    assert judge(BRANCHED, deaf(call(*lines), gap), hit_if="not x").outcome == "undecidable"


def test_logic_names_a_part_of_a_line() -> None:
    parts = PRICE + "o: {keyword: 分期}\ny: {logic: p and o}\n"
    assert judge(parts + "x: {logic: y and not o}", OFFERS).outcome == "clear"
    assert judge(parts + "x: {order: {first: y, then: p}}", OFFERS).outcome == "hit"
    assert judge(parts + "x: {logic: not y}\n", OFFERS, hit_if="x or o").outcome == "hit"


RULES = """ruleset: 测
version: "1"
categories: [类]
rules:
  - {id: a, name: 甲, category: 类, severity: minor, reason: 因, hit_if: x,
     conditions: {x: {rule: b}, y: {keyword: 太贵}}}
  - {id: b, name: 乙, category: 类, severity: minor, reason: 因, hit_if: y, applies: {team: 红},
     conditions: {y: {keyword: %s}}}
"""


@pytest.mark.parametrize(
    ("word", "team", "outcome"),
    [
        ("太贵", "红", "hit"),
        ("投诉", "红", "clear"),
        ("太贵", "蓝", "not_applicable"),
        ("太贵", None, "not_applicable"),
    ],
)
def test_a_rule_may_refer_to_another(word: str, team: str | None, outcome: str) -> None:
    view = CallView(OFFERS.transcript, metadata={"team": team} if team else {})
    finding = RuleEvaluator(parse_ruleset(RULES % word)).evaluate(view)[0]
    assert finding.outcome == outcome


def test_rules_that_refer_to_each_other_in_a_circle_are_refused() -> None:
    text = (RULES % "太贵").replace("{keyword: 太贵}}}", "{rule: a}}}")
    with pytest.raises(AppError, match="a → b → a"):
        RuleEvaluator(parse_ruleset(text))
    with pytest.raises(AppError, match="不在规则集里"):
        RuleEvaluator(parse_ruleset((RULES % "太贵").replace("rule: b", "rule: c")))


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{entity: phone}", "hit"),
        ("{entity: [id_card, phone], role: agent}", "clear"),
        ("{entity: {all: [phone, amount]}}", "hit"),
        ("{entity: {none: [bank_card]}}", "hit"),
        ("{entity: amount, above: 2000}", "hit"),
        ("{entity: amount, above: 3000}", "clear"),
        ("{entity: {at_least: 2, of: [phone, amount, email]}}", "hit"),
        ("{entity: date, range: last 1 utterances}", "hit"),
    ],
)
def test_entities(condition: str, outcome: str) -> None:
    view = call(
        ("c", "我电话是幺三八零零一三八零零零", 0, 4000),
        ("a", "学费两千八百块钱", 4500, 6000),
        ("a", "下周三开课", 6500, 8000),
    )
    finding = judge(condition, view)
    assert finding.outcome == outcome
    if condition == "{entity: phone}":
        assert finding.evidence[0].text == "幺三八零零一三八零零零"


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{sentiment: negative, role: customer}", "hit"),
        ("{sentiment: negative, role: agent}", "clear"),
        ("{sentiment: negative, role: customer, count: 2}", "undecidable"),
        ("{sentiment: negative, role: customer, count: 3}", "clear"),
        ("{sentiment: positive, role: customer}", "undecidable"),
        ("{sentiment: positive, role: agent}", "clear"),
    ],
)
def test_sentiment_leaves_mixed_words_undecided(condition: str, outcome: str) -> None:
    view = call(
        ("c", "你们太过分了", 0, 2000),
        ("a", "您别生气", 2500, 3500),
        ("c", "老师很好但是太烦人了", 4000, 6000),
    )
    assert judge(condition, view).outcome == outcome


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{repetition: {}, role: agent}", "hit"),
        ("{repetition: {times: 3}, role: agent}", "clear"),
        ("{repetition: {}, role: customer}", "clear"),
        ("{repetition: {similarity: 1}, role: agent}", "clear"),
        ("{repetition: {within: 1}, role: agent}", "clear"),
        ("{repetition: {min_chars: 12}, role: agent}", "clear"),
        ("{repetition: {}, role: agent, unless: [优惠]}", "clear"),
    ],
)
def test_repetition(condition: str, outcome: str) -> None:
    view = call(
        ("a", "今天报名有很大优惠", 0, 2000),
        ("a", "您看怎么样", 2200, 3000),
        ("c", "不要", 3500, 4000),
        ("a", "今天报名有大优惠的", 4500, 6500),
    )
    assert judge(condition, view).outcome == outcome


def test_volume_needs_levels() -> None:
    loud = "{volume: {above: -12}, role: agent}"
    finding = judge(loud, OFFERS)
    assert finding.outcome == "undecidable"
    assert "音量" in finding.reason
    levels = iter((-30.0, -28.0, -10.0, -29.0, -8.0, None))
    measured = tuple(replace(u, level_dbfs=next(levels)) for u in OFFERS.transcript.utterances)
    view = replace(OFFERS, transcript=replace(OFFERS.transcript, utterances=measured))
    assert judge(loud, view).outcome == "hit"
    assert judge("{volume: {above: -12, count: 3}, role: agent}", view).outcome == "clear"
    assert judge("{volume: {below: -40}, role: customer}", view).outcome == "undecidable"


def test_monologue() -> None:
    view = call(("a", "我先介绍一下", 0, 40_000), ("a", "然后呢", 41_000, 70_000),
                ("c", "你说得好长", 71_000, 73_000))  # fmt: skip
    assert judge("{monologue: {min_s: 60}, role: agent}", view).outcome == "hit"
    assert judge("{monologue: {min_s: 60, count: 2}}", view).outcome == "clear"
    assert judge("{monologue: {min_s: 60}, role: customer}", view).outcome == "clear"
    gap = UntranscribedSpeech(1, "customer", 40_000, 41_000)
    assert judge("{monologue: {min_s: 60}}", deaf(view, gap)).outcome == "undecidable"


def test_turns_and_utterances_are_counted() -> None:
    assert judge("{turns: {above: 5}}", OFFERS).outcome == "hit"
    assert judge("{turns: {above: 6}}", OFFERS).outcome == "clear"
    assert judge("{turns: {below: 4}, role: customer}", OFFERS).outcome == "hit"
    assert judge("{turns: {above: 2, of: utterances}, role: agent}", OFFERS).outcome == "hit"
    assert judge("{turns: {above: 1}}", deaf(OFFERS)).outcome == "undecidable"


def test_speech_rate_of_single_utterances() -> None:
    view = call(("a", "我语速非常非常非常非常快", 0, 1000), ("a", "我慢慢地说一句话", 2000, 8000))
    assert judge("{speech_rate: {above: 500, of: utterance}}", view).outcome == "hit"
    assert judge("{speech_rate: {above: 500, of: utterance, count: 2}}", view).outcome == "clear"


@pytest.mark.parametrize(
    ("tests", "outcome"),
    [
        ("{team: {not: [蓝, 绿]}}", "hit"),
        ("{team: {not: [红]}}", "clear"),
        ("{queue: {matches: '^电销'}}", "hit"),
        ("{started_at: '>= 2026-03-01'}", "hit"),
        ("{started_at: '< 2026-03-01T00:00:00'}", "clear"),
        ("{tags: [重点]}", "hit"),
        ("{lead: {not: [x]}}", "not_applicable"),
        ("{team: '> 3'}", "not_applicable"),
    ],
)
def test_metadata_of_any_kind(tests: str, outcome: str) -> None:
    view = CallView(OFFERS.transcript, metadata={
        "team": "红", "queue": "电销二部", "started_at": "2026-03-05T10:00:00",
        "tags": ["重点", "新"], "lead": None,
    })  # fmt: skip
    assert judge(f"{{metadata: {tests}}}", view).outcome == outcome
    applied = judge("{keyword: 太贵}", view, applies=tests).outcome
    assert applied == ("hit" if outcome == "hit" else "not_applicable")
