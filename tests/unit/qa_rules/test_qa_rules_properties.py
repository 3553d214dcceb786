"""The evaluator against the naive one; documents through text and back; never a hit unheard."""

from dataclasses import replace

import rules_naive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_naive import naive_outcome, naive_veto
from rules_strategies import calls, rules

from asr.transcript import UntranscribedSpeech
from core.errors import AppError
from qa_rules.conditions.boolean import And, Name, Or
from qa_rules.conditions.relations import RuleCondition
from qa_rules.documents.rule_sets import dump_ruleset, pack_names, parse_document, parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.model import Category, Example, ExampleLine, Rule, RuleSet, Scorecard
from qa_rules.scoring.scores import score

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_TEXT = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")),
        min_size=1,
        max_size=12,
    )
    .map(str.strip)
    .filter(bool)
)


def ruleset(*of: Rule) -> RuleSet:
    return RuleSet(name="测试", version="1", categories=(Category("类"),), rules=of)


@SLOW
@given(rules(), calls())
def test_outcomes_are_those_of_the_naive_evaluator(rule: Rule, call: CallView) -> None:
    finding = RuleEvaluator(ruleset(rule)).evaluate(call)[0]
    assert finding.outcome == naive_outcome(rule, call)
    assert finding.veto == (finding.outcome == "hit" and naive_veto(rule, call))


@SLOW
@given(rules("a"), rules("b"), calls(), st.sampled_from([And, Or]))
def test_a_rule_that_refers_to_another_agrees_with_the_naive_evaluator(
    rule: Rule, other: Rule, call: CallView, junction: type[And | Or]
) -> None:
    conditions = {**rule.conditions, "另": RuleCondition(rule="b")}
    rule = replace(rule, conditions=conditions, hit_if=junction((rule.hit_if, Name("另"))))
    rules_naive.OTHERS[:] = [other]
    finding = RuleEvaluator(ruleset(rule, other)).evaluate(call)[0]
    assert finding.outcome == naive_outcome(rule, call)


@SLOW
@given(rules("a"), rules("b"), calls())
def test_rules_do_not_disturb_each_other(one: Rule, other: Rule, call: CallView) -> None:
    together = RuleEvaluator(ruleset(one, other)).evaluate(call)
    for rule, finding in zip((one, other), together, strict=True):
        assert RuleEvaluator(ruleset(rule)).evaluate(call)[0] == finding


@SLOW
@given(rules("a"), rules("b"), st.lists(calls(), min_size=2, max_size=5))
def test_calls_do_not_disturb_each_other(one: Rule, other: Rule, several: list[CallView]) -> None:
    """What an evaluator keeps of earlier calls never shows in later ones."""
    shared = RuleEvaluator(ruleset(one, other))
    for call in (*several, *several[::-1]):
        assert shared.evaluate(call) == RuleEvaluator(ruleset(one, other)).evaluate(call)


@SLOW
@given(rules(), calls())
def test_speech_that_nobody_heard_never_makes_or_unmakes_a_verdict(
    rule: Rule, call: CallView
) -> None:
    """A long stretch without text turns verdicts into "don't know", never into the opposite."""
    known = RuleEvaluator(ruleset(rule)).evaluate(call)[0].outcome
    end = max([u.end_ms for u in call.transcript.utterances], default=0)
    inside = UntranscribedSpeech(2, "unknown", 0, end)
    deaf = replace(call.transcript, untranscribed=(*call.transcript.untranscribed, inside))
    start = min([u.start_ms for u in call.transcript.utterances], default=0)
    if start or not end:
        return  # It would move the first speech, and with it what "first 3 s" means.
    outcome = RuleEvaluator(ruleset(rule)).evaluate(replace(call, transcript=deaf))[0].outcome
    if {known, outcome} == {"hit", "clear"}:
        raise AssertionError((known, outcome))


@SLOW
@given(rules(), calls())
def test_evidence_lies_inside_the_call_and_in_order(rule: Rule, call: CallView) -> None:
    finding = RuleEvaluator(ruleset(rule)).evaluate(call)[0]
    assert list(finding.evidence) == sorted(finding.evidence, key=lambda e: e.start_ms)
    for item in finding.evidence:
        assert item.start_ms <= item.end_ms
        if item.utterance is not None and item.form != "none":
            text = call.transcript.utterances[item.utterance].text
            assert text[item.char_start : item.char_end] == item.text
    if finding.outcome != "hit":
        assert not finding.evidence
        assert finding.score_effect == 0
        assert not finding.veto


_LINES = st.builds(
    ExampleLine, st.sampled_from(["agent", "customer"]), _TEXT,
    st.none() | st.integers(-5000, 9000), st.none() | st.integers(1, 60_000),
    st.none() | st.integers(-90, 0).map(float),
)  # fmt: skip
_EXAMPLES = st.builds(
    Example, st.lists(_LINES, min_size=1, max_size=3).map(tuple),
    st.dictionaries(_TEXT, _TEXT | st.integers(-9, 9) | st.booleans(), max_size=2),
    st.dictionaries(_TEXT, st.lists(_TEXT, max_size=2).map(tuple), max_size=2),
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_document_survives_dumping_and_parsing(data: st.DataObject) -> None:
    rule = replace(
        data.draw(rules()), id=data.draw(_TEXT), name=data.draw(_TEXT), reason=data.draw(_TEXT),
        must_fire=tuple(data.draw(st.lists(_EXAMPLES, max_size=2))),
        must_not_fire=tuple(data.draw(st.lists(_EXAMPLES, max_size=2))),
    )  # fmt: skip
    card = st.builds(Scorecard, name=_TEXT, pass_mark=st.none() | st.integers(0, 100).map(float))
    wanted = RuleSet(
        name=data.draw(_TEXT), version=data.draw(_TEXT), description=data.draw(_TEXT),
        stated_scorecards=tuple(data.draw(st.lists(card, max_size=1))),
        categories=(Category("类", "说明"),),
        background=tuple(data.draw(st.lists(_TEXT, max_size=2))), rules=(rule,),
    )  # fmt: skip
    assert parse_document(dump_ruleset(wanted)) == wanted


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_mutated_documents_are_read_or_refused_with_a_place(data: st.DataObject) -> None:
    text = _PACK
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 6))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", ":", "- ", "\n", "{", "]", "&a ", "9", "  "]))
            + text[at + cut :]
        )
    refused: AppError | None = None
    try:
        parse_ruleset(text, "m.yaml")
    except AppError as error:
        refused = error
    if refused is not None:
        assert refused.code == "bad-rules"
        assert refused.detail["source"] == "m.yaml"


_PACK = """\
ruleset: 小包
version: "1"
scorecard: {name: 卡, start: 100, floor: 0, ceiling: 100, pass_mark: 60}
categories: [类]
rules:
  - id: one
    name: 一
    category: 类
    severity: minor
    reason: 因为
    score: -5
    applies: {team: [红, 蓝], duration_s: ">= 30"}
    conditions:
      词: {keyword: {at_least: 2, of: [春, "夏 & 秋"]}, role: agent, range: first 3 utterances}
      式: {regex: "春.{0,3}夏", role: agent, unless: [冬]}
      后: {within: {find: 词, of: 式, utterances: 3}}
    hit_if: 词 and not (式 or 后)
    examples:
      must_fire: [春夏秋]
      must_not_fire: [["客户: 春", {坐席: 夏, gap_ms: -300}]]
"""


@given(st.lists(rules(), max_size=4), calls())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_score_lines_add_up(several: list[Rule], call: CallView) -> None:
    numbered = [replace(rule, id=str(at)) for at, rule in enumerate(several)]
    card = Scorecard(start=90, floor=10, ceiling=95, pass_mark=60)
    findings = RuleEvaluator(ruleset(*numbered)).evaluate(call)
    result = score(findings, card)
    assert round(sum(line.points for line in result.lines), 2) == result.value
    assert card.floor <= result.value <= card.ceiling
    assert result.vetoed == any(finding.veto for finding in findings)
    if result.vetoed:
        assert result.value == card.floor
        assert result.passed is False


def test_every_pack_survives_dumping_and_parsing() -> None:
    from qa_rules.documents.rule_sets import load_pack

    for name in pack_names():
        pack = load_pack(name)
        assert parse_ruleset(dump_ruleset(pack)) == pack
