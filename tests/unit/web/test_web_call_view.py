from dataclasses import replace

from api.web.call_view import (
    event_entries,
    finding_entries,
    outcome_counts,
    score_sum,
    sop_stages,
    stage_styles,
)
from core.evidence import Evidence, Layer
from events.hits import EventHit, SopReport, SopState, StepState
from qa_rules.findings import Finding, Outcome, RuleSeverity, Score, ScoreLine


def step(node: str, state: SopState = "missed") -> StepState:
    return StepState(node=node, state=state, required=True, weight=1.0, reason="")


def hit(node: str, start_ms: int = 0, role: str = "agent") -> EventHit:
    return EventHit(
        utterance=0, role=role, char_start=0, char_end=1, start_ms=start_ms, end_ms=start_ms + 9,
        layer="keyword", form="raw", score=1.0, text="", node=node, tree="t@1",
    )  # fmt: skip


def finding(
    rule: str, outcome: Outcome, severity: RuleSeverity = "minor", veto: bool = False
) -> Finding:
    return Finding(
        rule=rule, rule_name=rule, category="", severity=severity, outcome=outcome,
        score_effect=0, veto=veto, reason="", ruleset="r@1",
    )  # fmt: skip


SOP = SopReport(
    steps=(
        step("开场白/问候语", "executed"),
        step("开场白/自我介绍"),
        step("促成/付款", "undecidable"),
    ),
    coverage=0.5,
    order_adherence=None,
)


def test_stages_keep_the_order_of_the_tree_and_customers_have_their_own_colour() -> None:
    styles = stage_styles(SOP, [hit("客户/投诉意向", role="customer"), hit("合规/录音告知")])
    assert styles == {
        "开场白": "stage-0",
        "促成": "stage-1",
        "合规": "stage-2",
        "客户": "stage-customer",
    }


def test_colours_repeat_when_a_tree_has_many_stages() -> None:
    many = SopReport(steps=tuple(step(f"s{i}/x") for i in range(9)), coverage=0, order_adherence=0)
    assert stage_styles(many, [])["s8"] == "stage-0"


def test_events_are_in_order_of_time_with_their_stored_position() -> None:
    hits = [hit("开场白/问候语", 900), hit("开场白/自我介绍", 100)]
    entries = event_entries(hits, stage_styles(SOP, hits))
    assert [(e.position, e.stage, e.name) for e in entries] == [
        (1, "开场白", "自我介绍"),
        (0, "开场白", "问候语"),
    ]


def test_undecidable_steps_leave_the_count() -> None:
    opening, closing = sop_stages(SOP, stage_styles(SOP, []))
    assert (opening.executed, opening.countable) == (1, 2)
    assert (closing.executed, closing.countable) == (0, 0)


def test_findings_are_read_worst_first_and_keep_their_ids() -> None:
    entries = finding_entries(
        [
            finding("clear", "clear"),
            finding("minor", "hit"),
            finding("unknown", "undecidable"),
            finding("critical", "hit", "critical"),
            finding("veto", "hit", "major", veto=True),
            finding("other", "not_applicable"),
        ]
    )
    order = [(e.id, e.finding.rule) for e in entries]
    assert order == [
        ("f4", "veto"), ("f3", "critical"), ("f1", "minor"), ("f2", "unknown"), ("f0", "clear"),
        ("f5", "other"),
    ]  # fmt: skip


def evidence(utterance: int | None, layer: Layer, text: str) -> Evidence:
    return Evidence(
        utterance=utterance, role="agent", char_start=0, char_end=0, start_ms=0, end_ms=9,
        layer=layer, form="none", score=1.0, text=text,
    )  # fmt: skip


def test_what_cannot_be_heard_is_not_played_and_not_said_twice() -> None:
    absent = replace(
        finding("r", "hit"),
        reason="全程未出现：录音",
        evidence=(
            evidence(None, "event", "未出现：录音"),
            evidence(None, "event", "未出现：合规"),
            evidence(None, "timing", "静音 5 秒"),
            evidence(3, "keyword", "录音"),
        ),
    )
    (entry,) = finding_entries([absent])
    assert [(item.id, item.audible) for item in entry.evidence] == [
        ("f0-1", False),
        ("f0-2", True),
        ("f0-3", True),
    ]


def test_every_outcome_is_counted() -> None:
    assert outcome_counts([finding("a", "hit"), finding("b", "hit")]) == {
        "hit": 2, "undecidable": 0, "clear": 0, "not_applicable": 0,
    }  # fmt: skip


def test_a_score_that_does_not_add_up_is_said() -> None:
    lines = (ScoreLine(label="起始分", points=100), ScoreLine(label="扣分", points=-7.5))

    def score(value: float) -> Score:
        return Score(value=value, passed=None, vetoed=False, scorecard="", lines=lines)

    assert score_sum(score(92.5)).adds_up
    assert not score_sum(score(90)).adds_up
    assert score_sum(score(90)).total == 92.5
