"""Scores explained line by line, and examples run as written."""

from qa_rules.documents.rule_sets import load_pack, pack_names, parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.examples import dialogue, run_examples
from qa_rules.facts.acts import named_act
from qa_rules.findings import Finding, Outcome
from qa_rules.linting.rule_sets import lint_ruleset
from qa_rules.model import Example, ExampleLine, Scorecard
from qa_rules.scoring.scores import score

CARD = Scorecard(name="卡", start=100, floor=0, ceiling=100, pass_mark=60)


def finding(name: str, effect: float, outcome: Outcome = "hit", veto: bool = False) -> Finding:
    return Finding(
        rule=name, rule_name=name, category="类", severity="minor", outcome=outcome,
        score_effect=effect, veto=veto, reason="", ruleset="r@1",
    )  # fmt: skip


def test_deductions_and_bonuses_add_up() -> None:
    result = score([finding("甲", -5), finding("乙", -12.5), finding("丙", 3)], CARD)
    assert [line.points for line in result.lines] == [100, -5, -12.5, 3]
    assert result.value == 85.5
    assert result.passed is True


def test_a_veto_sets_the_floor_and_says_so() -> None:
    result = score([finding("甲", -5), finding("乙", -40, veto=True)], CARD)
    assert result.value == 0
    assert result.vetoed
    assert result.passed is False
    assert result.lines[-1].label == "一票否决：乙"
    assert result.lines[-1].points == -55


def test_clamps_are_lines() -> None:
    low = score([finding("甲", -80), finding("乙", -70)], CARD)
    assert (low.value, low.lines[-1].points, low.lines[-1].label) == (0, 50, "不低于最低分 0")
    high = score([finding("甲", 8)], CARD)
    assert (high.value, high.lines[-1].points) == (100, -8)


def test_only_hits_count() -> None:
    result = score([finding("甲", -5, "undecidable"), finding("乙", -5, "not_applicable")], CARD)
    assert result.value == 100
    assert len(result.lines) == 1
    assert score([], Scorecard(pass_mark=None)).passed is None


def test_dialogues_have_fixed_times() -> None:
    lines = (
        ExampleLine("agent", "您好您好"),
        ExampleLine("customer", "嗯"),
        ExampleLine("agent", "再见", gap_ms=-300, duration_ms=900),
    )
    spans = [(u.start_ms, u.end_ms, u.channel) for u in dialogue(Example(lines)).utterances]
    assert spans == [(1000, 1800, 0), (2200, 2800, 1), (2500, 3400, 0)]


def test_failing_examples_are_reported() -> None:
    text = (
        'ruleset: 测\nversion: "1"\ncategories: [类]\nrules:\n  - {id: r, name: 规, category: 类, '
        "severity: minor, reason: 因, hit_if: x, conditions: {x: {keyword: 包过}}, "
        "examples: {must_fire: [包过, 一定过], must_not_fire: [不包过, 包过吧]}}\n"
    )
    ruleset = parse_ruleset(text, "my.yaml")
    report = run_examples(ruleset, RuleEvaluator(ruleset))
    assert (report.rules, report.examples) == (1, 4)
    assert {(failure.source, failure.line) for failure in report.failed} == {("my.yaml", 5)}
    assert [(f.expected, f.number, f.outcome) for f in report.failed] == [
        ("must_fire", 2, "clear"),
        ("must_not_fire", 2, "hit"),
    ]


def test_without_an_encoder_pack_examples_hold_or_wait_for_an_act() -> None:
    for name in pack_names():
        pack = load_pack(name)
        report = run_examples(pack, RuleEvaluator(pack), lambda _: ())
        assert report.examples >= 4 * report.rules
        asking = {rule.id for rule in pack.rules if any(map(named_act, rule.conditions.values()))}
        assert {failure.rule for failure in report.failed} <= asking
        assert {failure.outcome for failure in report.failed} <= {"undecidable"}


def test_the_packs_hold_sixty_rules_with_examples_on_both_sides() -> None:
    rules = {rule.id: rule for name in pack_names() for rule in load_pack(name).rules}
    assert len(rules) >= 60
    assert [r.id for r in rules.values() if min(len(r.must_fire), len(r.must_not_fire)) < 2] == []


def test_packs_are_clean_and_reach_every_violation() -> None:
    violations = {
        "过度承诺", "贬低竞品", "不文明用语", "虚假宣传", "诱导私下交易", "泄露隐私", "打断抢话",
    }  # fmt: skip
    from events.document import load_pack as load_tree

    for name in pack_names():
        pack = load_pack(name)
        paths = {node.path for node in load_tree(name).walk()}
        assert lint_ruleset(pack, paths) == ()
        assert violations <= {rule.name for rule in pack.rules}
        assert all(rule.reason for rule in pack.rules)
