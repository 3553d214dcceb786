import datetime as dt
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from api.web.sop_view import build_grid, first_state, heat_class
from insights.sop_rates import RateGroup, StepRate

ZONE = ZoneInfo("Asia/Shanghai")


def rate(node: str, executed: int, missed: int, undecidable: int = 0) -> StepRate:
    return StepRate(node, node.rpartition("/")[2], executed, missed, undecidable, 0)


TOTAL = RateGroup(
    (), 12, (rate("开场白/问候语", 9, 1, 2), rate("促成/付款", 2, 8), rate("开场白/来意", 0, 0, 12))
)


def test_columns_stay_together_by_stage() -> None:
    grid = build_grid([TOTAL], [], {}, "week")
    assert [(stage.name, [step.name for step in stage.steps]) for stage in grid.stages] == [
        ("开场白", ["问候语", "来意"]),
        ("促成", ["付款"]),
    ]
    assert grid.rows[0].is_total
    assert [cell.rate for cell in grid.rows[0].cells] == [0.9, None, 0.2]


def test_a_cell_leads_to_the_calls_behind_it() -> None:
    group = RateGroup((("agent", "李想"),), 12, (rate("开场白/问候语", 9, 1),))
    grid = build_grid([TOTAL], [group], {"team": "一组"}, "week")
    cell = grid.rows[1].cells[0]
    assert cell.link is not None
    assert parse_qs(urlsplit(cell.link).query) == {
        "team": ["一组"],
        "agent": ["李想"],
        "node_state": ["开场白/问候语:missed"],
    }
    assert grid.rows[1].cells[2].rate is None, "a step that the group never had is empty, not 0 %"


def test_a_cell_without_a_rate_leads_to_the_calls_that_were_not_judged() -> None:
    undecided, untouched = (
        build_grid([TOTAL], [], {}, "week").rows[0].cells[1],
        StepRate("促成/付款", "付款", 0, 0, 0, 7),
    )
    assert (undecided.rate, undecided.css) == (None, "nothing")
    assert undecided.link is not None
    assert parse_qs(urlsplit(undecided.link).query) == {"node_state": ["开场白/来意:undecidable"]}
    assert first_state(untouched) == "not_applicable"
    assert first_state(StepRate("促成/付款", "付款", 0, 0, 0, 0)) is None


def test_a_group_that_no_filter_finds_has_no_links() -> None:
    group = RateGroup((("agent", None),), 3, TOTAL.steps)
    row = build_grid([TOTAL], [group], {}, "week").rows[1]
    assert row.label is None
    assert {cell.link for cell in row.cells} == {None}


@pytest.mark.parametrize(
    ("period", "days", "label"),
    [("day", 1, "2026-03-02"), ("week", 7, "2026-03-02 – 03-08"), ("month", 31, "2026-03")],
)
def test_a_period_is_named_and_bounded(period: str, days: int, label: str) -> None:
    start = dt.datetime(2026, 3, 2, tzinfo=ZONE)
    group = RateGroup(
        (("period", "2026-03-02"),), 12, TOTAL.steps, start, start + dt.timedelta(days=days)
    )
    row = build_grid([TOTAL], [group], {}, period).rows[1]  # type: ignore[arg-type]
    assert row.label == label
    asked = parse_qs(urlsplit(row.query).query)
    assert asked["started_from"] == ["2026-03-02T00:00:00+08:00"]
    assert dt.datetime.fromisoformat(asked["started_to"][0]) == group.ends_at


def test_no_calls_no_matrix() -> None:
    assert build_grid([], [], {}, "week").rows == ()


@pytest.mark.parametrize(
    ("share", "judged", "expected"),
    [
        (None, 0, "nothing"),
        (0.0, 10, "heat-0"),
        (0.5, 10, "heat-4"),
        (1.0, 10, "heat-7"),
        (1.0, 4, "heat-7 few"),
    ],
)
def test_colours(share: float | None, judged: int, expected: str) -> None:
    assert heat_class(share, judged) == expected
