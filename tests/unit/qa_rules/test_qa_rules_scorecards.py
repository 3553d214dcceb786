"""Scorecards: chosen by metadata, sections with limits, and lines that always add up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AppError
from qa_rules.documents.rule_sets import dump_ruleset, parse_document, parse_ruleset, resolve
from qa_rules.findings import Finding, Outcome, RuleSeverity
from qa_rules.linting.scorecards import lint_scorecards
from qa_rules.model import RuleSet
from qa_rules.scoring.accuracy import PrecisionFigure, RuleAccuracies, rule_fingerprint
from qa_rules.scoring.scorecard import Scorecard, Section
from qa_rules.scoring.scores import Scorer, flagged_rules, score

HEAD = """
ruleset: 测
version: "1"
categories: [红线, 服务]
{cards}
rules:
  - {{id: promise, name: 过度承诺, category: 红线, severity: critical, reason: 因, score: -20,
     min_precision: 0.8, hit_if: x, conditions: {{x: {{keyword: 包过}}}}}}
  - {{id: greeting, name: 未问候, category: 服务, severity: minor, reason: 因, score: -5,
     hit_if: x, conditions: {{x: {{keyword: {{none: [您好]}}}}}}}}
  - {{id: silence, name: 长静音, category: 服务, severity: minor, reason: 因,
     hit_if: x, conditions: {{x: {{silence: {{min_s: 8}}}}}}}}
"""
SEVERAL = """
scorecards:
  - name: 回访卡
    applies_to: {campaign: [回访, 续保]}
    start: 90
    points: {promise: -40}
    severity_points: {minor: -2}
    veto: [promise]
    sections:
      - {name: 红线, categories: [红线], weight: 0.5, max_points: 15}
      - {name: 服务, rules: [silence, greeting], max_points: 4, max_bonus: 0, zero_if: [silence]}
  - {name: 默认卡, pass_mark: null}
"""


def rules(cards: str = SEVERAL) -> RuleSet:
    return parse_ruleset(HEAD.format(cards=cards))


def finding(
    rule: str, effect: float = 0.0, category: str = "服务", outcome: Outcome = "hit"
) -> Finding:
    return Finding(
        rule=rule, rule_name=rule, category=category, severity="minor", outcome=outcome,
        score_effect=effect, veto=False, reason=f"因为 {rule}", ruleset="测@1",
    )  # fmt: skip


HITS = (finding("promise", -20.0, "红线"), finding("greeting", -5.0), finding("silence"))


@pytest.mark.parametrize(
    ("metadata", "card"),
    [
        ({"campaign": "回访"}, "回访卡"),
        ({"campaign": ["新客", "续保"]}, "回访卡"),
        ({"campaign": "新客"}, "默认卡"),
        ({}, "默认卡"),
    ],
)
def test_the_metadata_of_a_call_selects_its_card(metadata: dict[str, object], card: str) -> None:
    assert Scorer(rules()).judge((), metadata)[1].scorecard == card


def test_a_card_changes_points_weights_and_vetoes() -> None:
    findings, result = Scorer(rules()).judge(HITS, {"campaign": "回访"})
    assert [item.score_effect for item in findings] == [-20.0, -5.0, -2.0]
    assert [item.veto for item in findings] == [True, False, False]
    assert (result.value, result.vetoed, result.passed) == (0.0, True, False)
    told = [(line.kind, line.section, line.points) for line in result.lines]
    assert told == [
        ("start", "", 90.0),
        ("deduction", "红线", -20.0),
        ("cap", "红线", 5.0),
        ("deduction", "服务", -5.0),
        ("deduction", "服务", -2.0),
        ("zero", "服务", 3.0),
        ("veto", "", -71.0),
    ]
    assert result.lines[1].why == "因为 promise"
    assert [(part.name, part.points, part.max_points) for part in result.sections] == [
        ("红线", -15.0, 15.0), ("服务", -4.0, 4.0),
    ]  # fmt: skip


def test_other_calls_keep_the_points_of_the_rules() -> None:
    findings, result = Scorer(rules()).judge(HITS, {})
    assert findings == HITS
    assert (result.value, result.passed) == (75.0, None)


def test_what_is_not_known_never_costs_anything() -> None:
    given = tuple(replace(item, outcome="undecidable", score_effect=0.0) for item in HITS)
    given += tuple(replace(item, outcome="not_applicable", score_effect=0.0) for item in HITS)
    _, result = Scorer(rules()).judge(given, {"campaign": "回访"})
    assert (result.value, len(result.lines)) == (90.0, 1)


@pytest.mark.parametrize("zeroing", [False, True])
def test_a_rule_below_its_minimum_flags_whatever_the_card_would_take(zeroing: bool) -> None:
    text = "zero_if: [silence]" if not zeroing else "zero_if: [promise]"
    ruleset = rules(SEVERAL.replace("zero_if: [silence]", text))
    figure = PrecisionFigure(rule="promise", judged=40, precision=0.5, low=0.3, high=0.7)
    low = RuleAccuracies(
        reference="accuracy@1", figures={rule_fingerprint(ruleset.rules[0]): figure}
    )
    findings, result = Scorer(ruleset).judge(HITS[:1], {"campaign": "回访"}, low)
    assert (result.value, result.vetoed) == (90.0, False)
    assert flagged_rules(result) == {"promise"}
    assert "只提示不扣分" in result.lines[1].label
    assert findings[0].outcome == "hit"


def test_cards_are_written_and_read_back() -> None:
    ruleset = rules()
    assert parse_document(dump_ruleset(ruleset)) == ruleset
    assert [card.name for card in ruleset.scorecards] == ["回访卡", "默认卡"]
    single = rules("scorecard: {name: 卡, start: 80}")
    assert (single.scorecard.start, single.card_named("没有").name) == (80.0, "卡")
    assert rules("").scorecards == (Scorecard(),)


def test_an_extending_set_keeps_the_cards_of_its_base() -> None:
    base = rules()
    child = parse_document("ruleset: 子\nversion: '1'\nextends: 测\nrules: []\n")
    assert resolve(child, load=lambda _: base).scorecards == base.scorecards


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ("scorecards: [{name: 甲, applies_to: {team: 一部}}]", "最后一张不能写 applies_to"),
        ("scorecards: [{name: 甲, applies_to: {team: 一}}, {name: 甲}]", "重名"),
        ("scorecard: {name: 甲}\nscorecards: [{name: 乙}]", "只写一个"),
        ("scorecard: {start: 120}", "floor ≤ start ≤ ceiling"),
        ("scorecard: {sections: [{name: 空}]}", "categories、rules 至少一个"),
        ("scorecard: {sections: [{name: 甲, rules: [silence], zero_if: [silence]}]}", "max_points"),
        ("scorecard: {applies_to: {team: 一部}}", "applies_to"),
    ],
)
def test_mistakes_in_cards_name_the_fix(cards: str, message: str) -> None:
    with pytest.raises(AppError, match=message) as caught:
        rules(cards)
    assert caught.value.code == "bad-rules"


def _cards(*tests: str) -> str:
    cards = [f"  - {{name: 卡{i}, applies_to: {test}}}" for i, test in enumerate(tests)]
    return "scorecards:\n" + "\n".join([*cards, "  - {name: 其余}"])


@pytest.mark.parametrize(
    ("cards", "codes"),
    [
        (_cards("{team: 一部}", "{team: 二部}"), []),
        (_cards("{team: [一部, 二部]}", "{team: 一部, campaign: 回访}"), ["unreachable-card"]),
        (_cards("{team: 一部}", "{campaign: 回访}"), ["overlapping-cards"]),
        (_cards('{talk_s: ">= 60"}', '{talk_s: "> 90"}'), ["unreachable-card"]),
        (_cards('{talk_s: ">= 60"}', '{talk_s: "< 60"}'), []),
        (_cards("{team: {not: [一部]}}", "{team: 一部}"), []),
        ("scorecards: [{name: 甲}, {name: 乙}]", ["unreachable-card"]),
        ("scorecard: {points: {nobody: -1}}", ["unknown-rule"]),
        (
            "scorecard: {sections: [{name: 甲, categories: [红线]}, "
            "{name: 乙, categories: [红线, 服务]}]}",
            ["section-overlap"],
        ),
        (
            "scorecard: {sections: [{name: 甲, categories: [红线]}]}",
            ["outside-sections"],
        ),
    ],
)
def test_the_linter_finds_cards_that_cannot_be_meant(cards: str, codes: list[str]) -> None:
    assert [issue.code for issue in lint_scorecards(rules(cards))] == codes


_POINTS = st.integers(-5000, 2000).map(lambda cents: cents / 100)
_LIMIT = st.none() | st.integers(0, 3000).map(lambda cents: cents / 100)


@given(data=st.data())
def test_the_lines_of_any_score_add_up_exactly(data: st.DataObject) -> None:
    names = ("a", "b", "c", "d", "e")
    outcomes = st.sampled_from(("hit", "clear", "undecidable", "not_applicable"))
    severities = st.sampled_from(("info", "minor", "major", "critical"))
    findings = []
    for name in names:
        outcome: Outcome = data.draw(outcomes)
        severity: RuleSeverity = data.draw(severities)
        findings.append(
            Finding(
                rule=name, rule_name=name, category=data.draw(st.sampled_from("甲乙")),
                severity=severity, outcome=outcome, ruleset="测@1", reason="因",
                score_effect=data.draw(_POINTS) if outcome == "hit" else 0.0,
                veto=outcome == "hit" and data.draw(st.booleans()),
            )
        )  # fmt: skip
    sections = tuple(
        Section(
            name=f"项{i}", categories=(category,), max_points=data.draw(_LIMIT),
            max_bonus=data.draw(_LIMIT),
            zero_if=tuple(data.draw(st.lists(st.sampled_from(names), max_size=2))),
        )
        for i, category in enumerate(data.draw(st.sampled_from(("", "甲", "甲乙"))))
    )  # fmt: skip
    card = Scorecard(start=80.0, floor=10.0, ceiling=95.0, sections=sections)
    flagged = data.draw(st.sets(st.sampled_from(names)))
    result = score(findings, card, flagged)
    assert round(sum(line.points for line in result.lines), 2) == result.value
    assert card.floor <= result.value <= card.ceiling
    counted = {line.rule for line in result.lines if line.kind in ("deduction", "bonus")}
    hits = {item.rule for item in findings if item.outcome == "hit"}
    assert counted <= hits - flagged
    assert flagged_rules(result) == flagged & hits
    for part in result.sections:
        assert part.max_points is None or part.points >= -part.max_points
