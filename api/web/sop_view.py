"""The SOP matrix: one row for each group, one column for each step, and where each number leads."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.web.call_view import STAGE_CLASSES, name_of_node, stage_of
from api.web.rendering import query
from events.hits import SopState
from insights.sop_rates import Period, RateGroup, StepRate

HEAT_STEPS = 8
# A rate of fewer judged calls than this is shown muted: its 95 % interval spans half the scale.
SMALL_SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One column: the step's path, and its name without the stage."""

    node: str
    name: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Columns of one stage."""

    name: str
    css: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number: `rate` with its interval (`low`, `high`), the counts behind it, its `link`.

    `rate` is None when no call could be judged; the link then leads to those that could not be,
    or to which the step does not apply. `link` is None when no call has the step, or the calls
    of the group cannot be listed by a filter (calls without an agent).
    """

    node: str
    rate: float | None
    low: float | None
    high: float | None
    executed: int
    missed: int
    undecidable: int
    not_applicable: int
    css: str
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One group. `label` is None for calls without a value; `query` lists the group's calls."""

    label: str | None
    is_total: bool
    calls: int
    query: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The whole matrix; the first row is all calls together."""

    calls: int
    stages: tuple[Stage, ...]
    rows: tuple[Row, ...]


def build_grid(
    total: Sequence[RateGroup],
    groups: Sequence[RateGroup],
    filters: Mapping[str, str],
    period: Period,
) -> Grid:
    """The matrix of `groups` under their `total` (at most one group).

    Columns are the steps of the total, in tree order, kept together by stage. `filters` are the
    query parameters that limit the calls; every link carries them and the group's own.
    """
    if not total:
        return Grid(0, (), ())
    stages = _stages(total[0].steps)
    nodes = [step.node for stage in stages for step in stage.steps]
    rows = [_row(total[0], nodes, filters, None, is_total=True)]
    for group in groups:
        own = _own_filters(group)
        limited = None if own is None else {**filters, **own}
        rows.append(_row(group, nodes, limited, _label(group, period), is_total=False))
    return Grid(total[0].calls, stages, tuple(rows))


def heat_class(rate: float | None, judged: int) -> str:
    """The colour class of a rate: `heat-0` (0 %) … `heat-7` (100 %), with `few` when muted."""
    if rate is None:
        return "nothing"
    heat = f"heat-{min(HEAT_STEPS - 1, int(rate * HEAT_STEPS))}"
    return f"{heat} few" if judged < SMALL_SAMPLE else heat


def first_state(step: StepRate) -> SopState | None:
    """The state whose calls a cell leads to first; None when no call has the step."""
    counts: tuple[tuple[SopState, int], ...] = (
        ("missed", step.missed),
        ("executed", step.executed),
        ("undecidable", step.undecidable),
        ("not_applicable", step.not_applicable),
    )
    return next((state for state, count in counts if count), None)


def _stages(steps: Sequence[StepRate]) -> tuple[Stage, ...]:
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        found = Step(step.node, name_of_node(step.node))
        grouped.setdefault(stage_of(step.node), []).append(found)
    return tuple(
        Stage(name, f"stage-{i % STAGE_CLASSES}", tuple(columns))
        for i, (name, columns) in enumerate(grouped.items())
    )


def _row(
    group: RateGroup,
    nodes: Sequence[str],
    filters: Mapping[str, str] | None,
    label: str | None,
    *,
    is_total: bool,
) -> Row:
    by_node = {step.node: step for step in group.steps}
    return Row(
        label=label,
        is_total=is_total,
        calls=group.calls,
        query="" if filters is None else query(filters),
        cells=tuple(
            _cell(by_node.get(node, StepRate(node, node, 0, 0, 0, 0)), filters) for node in nodes
        ),
    )


def _cell(step: StepRate, filters: Mapping[str, str] | None) -> Cell:
    rate, interval = step.execution_rate, step.interval
    link = None
    state = first_state(step)
    if filters is not None and state is not None:
        link = "/calls" + query({**filters, "node_state": f"{step.node}:{state}"})
    return Cell(
        node=step.node,
        rate=rate,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        executed=step.executed,
        missed=step.missed,
        undecidable=step.undecidable,
        not_applicable=step.not_applicable,
        css=heat_class(rate, step.executed + step.missed),
        link=link,
    )


def _own_filters(group: RateGroup) -> dict[str, str] | None:
    """The query parameters that find exactly the calls of a group; None when none can."""
    own: dict[str, str] = {}
    for dimension, value in group.key:
        if dimension == "period":
            assert group.starts_at is not None
            assert group.ends_at is not None
            own |= {
                "started_from": group.starts_at.isoformat(),
                "started_to": group.ends_at.isoformat(),
            }
        elif value is None:
            return None
        else:
            own[dimension] = value
    return own


def _label(group: RateGroup, period: Period) -> str | None:
    dimension, value = group.key[0]
    if dimension != "period" or value is None or group.ends_at is None:
        return value
    if period == "month":
        return value[:7]
    if period == "week":
        return f"{value} – {group.ends_at.date() - dt.timedelta(days=1):%m-%d}"
    return value
