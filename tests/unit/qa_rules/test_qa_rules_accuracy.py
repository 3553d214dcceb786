"""Rules that are measured to be wrong too often only flag; people's verdicts make a score."""

from dataclasses import replace

import pytest

from core.evidence import Evidence
from qa_rules.documents.rule_sets import dump_ruleset, parse_document
from qa_rules.findings import Finding, FindingEvidence
from qa_rules.scoring.accuracy import (
    NOTHING_MEASURED,
    AccuracyGate,
    PrecisionFigure,
    RuleAccuracies,
    rule_fingerprint,
)
from qa_rules.scoring.judged import HumanVerdict, judged_findings
from qa_rules.scoring.scores import Scorer, score

RULES = parse_document(
    """
ruleset: 测
version: "1"
categories: [类]
rules:
  - {id: promise, name: 过度承诺, category: 类, severity: critical, reason: 因, score: -20,
     veto: true, min_precision: 0.8, hit_if: x, conditions: {x: {keyword: 包过}}}
  - {id: greeting, name: 未问候, category: 类, severity: minor, reason: 因, score: -5,
     hit_if: x, conditions: {x: {keyword: {none: [您好]}}}}
"""
)
PROMISE, GREETING = RULES.rules
QUOTE = Evidence(
    utterance=3, role="agent", char_start=0, char_end=2, start_ms=9000, end_ms=9500,
    layer="human", form="raw", score=1.0, text="包过",
)  # fmt: skip


def finding(rule: str, outcome: str = "hit", effect: float = -20.0, veto: bool = False) -> Finding:
    return Finding(
        rule=rule, rule_name=rule, category="类", severity="minor", outcome=outcome,  # type: ignore[arg-type]
        score_effect=effect, veto=veto, reason="第 1 句“包过”", ruleset="测@1",
    )  # fmt: skip


def measured(precision: float, judged: int, high: float = 1.0) -> RuleAccuracies:
    figure = PrecisionFigure(rule="promise", judged=judged, precision=precision, low=0.0, high=high)
    return RuleAccuracies(reference="accuracy@3", figures={rule_fingerprint(PROMISE): figure})


def test_the_minimum_is_read_and_written() -> None:
    assert (PROMISE.min_precision, GREETING.min_precision) == (0.8, None)
    assert parse_document(dump_ruleset(RULES)) == RULES


@pytest.mark.parametrize(
    ("accuracies", "costs"),
    [
        (NOTHING_MEASURED, True),
        (measured(0.6, 40, high=0.74), False),
        (measured(0.79, 20, high=0.92), False),
        (measured(0.6, 10, high=0.83), True),
        (measured(0.0, 5, high=0.43), False),
        (measured(0.85, 40, high=0.93), True),
    ],
)
def test_a_rule_below_its_minimum_flags_but_does_not_deduct(
    accuracies: RuleAccuracies, costs: bool
) -> None:
    given = (finding("promise", veto=True), finding("greeting", effect=-5.0))
    gated, explained = Scorer(RULES).judge(given, {}, accuracies)
    assert gated[0].outcome == "hit"
    assert gated[1] == given[1], "a rule without a minimum is never touched"
    assert (explained.value, explained.vetoed) == ((0.0, True) if costs else (95.0, False))
    assert sum(line.points for line in explained.lines) == explained.value
    if not costs:
        assert "只提示不扣分" in gated[0].reason
        assert "accuracy@3" in gated[0].reason
        told = explained.lines[1]
        assert (told.label, told.kind) == ("promise：只提示不扣分", "flag")
        assert told.why == gated[0].reason


def test_a_bonus_and_what_is_clear_are_left_alone() -> None:
    gate, low = AccuracyGate(RULES), measured(0.1, 50, high=0.2)
    for given in (finding("promise", "clear", 0.0), finding("promise", effect=3.0)):
        assert gate.apply([given], low) == (given,)


def test_the_fingerprint_follows_what_the_rule_looks_for() -> None:
    same = replace(PROMISE, name="别名", score=-1.0, veto=False, min_precision=None, reason="别的")
    assert rule_fingerprint(same) == rule_fingerprint(PROMISE)
    other = replace(PROMISE, conditions=GREETING.conditions)
    assert rule_fingerprint(other) != rule_fingerprint(PROMISE)


def test_what_people_say_makes_the_human_score() -> None:
    findings = (finding("promise", veto=True), finding("greeting", "clear", 0.0))
    verdicts = {
        "promise": HumanVerdict(outcome="clear"),
        "greeting": HumanVerdict(outcome="hit", evidence=(QUOTE,)),
    }
    judged = judged_findings(findings, verdicts, RULES)
    assert [item.outcome for item in judged] == ["clear", "hit"]
    assert judged[1].evidence == (FindingEvidence.of(QUOTE),)
    assert score(judged, RULES.scorecard).value == 95.0
    assert findings[0].veto, "the machine's findings stay"
    assert judged_findings(findings, {}, RULES) == findings


def test_a_person_who_confirms_a_flag_makes_it_count() -> None:
    gated = AccuracyGate(RULES).apply([finding("promise", veto=True)], measured(0.5, 40))
    assert score(gated, RULES.scorecard).value == 100.0
    confirmed = judged_findings(gated, {"promise": HumanVerdict(outcome="hit")}, RULES)
    human = score(confirmed, RULES.scorecard)
    assert (human.value, human.vetoed) == (0.0, True)
