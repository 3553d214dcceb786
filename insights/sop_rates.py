"""SOP execution rates: of the calls where a step could be judged, the share that executed it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from insights.intervals import wilson_interval
from models.calls import CallFilter, filter_conditions
from models.tables import Call, SopStateRow, TreeVersion

Dimension = Literal["agent", "team", "campaign", "period"]
Period = Literal["day", "week", "month"]
DIMENSIONS: tuple[Dimension, ...] = ("agent", "team", "campaign", "period")
DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class StepRate:
    """One SOP step over a group of calls.

    The four counts are calls by the state of the step, and add up to the calls whose tree has
    the step. `execution_rate` = executed / (executed + missed), in [0, 1], with its Wilson 95 %
    `interval`; both None when no call could be judged.
    """

    node: str
    name: str
    executed: int
    missed: int
    undecidable: int
    not_applicable: int

    @property
    def execution_rate(self) -> float | None:
        """Share of judged calls that executed the step."""
        judged = self.executed + self.missed
        return self.executed / judged if judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson 95 % interval of the rate."""
        return wilson_interval(self.executed, self.executed + self.missed)


@dataclass(frozen=True, slots=True)
class RateGroup:
    """The calls of one group: `key` holds the value of each dimension, in the order asked for.

    A value is None for calls without one. A period is the first day of it, in the time zone that
    was asked for; `starts_at` and `ends_at` bound it (half-open). Steps are in tree order.
    """

    key: tuple[tuple[Dimension, str | None], ...]
    calls: int
    steps: tuple[StepRate, ...]
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None


async def execution_rates(
    session: AsyncSession,
    where: CallFilter,
    *,
    group_by: Sequence[Dimension] = (),
    period: Period = "day",
    zone: str = DEFAULT_ZONE,
    tree: str | None = None,
) -> tuple[RateGroup, ...]:
    """Execution rates of every step for each group, groups sorted by their key.

    Only analysed calls count. Calls are dated by `called_at` (start of the call, else when it was
    received). Without dimensions there is one group; it is left out when no call fits.

    Args:
        session: Reads only.
        where: Which calls.
        group_by: Dimensions of the groups, without repeats.
        period: Length of a period.
        zone: IANA time zone in which days, weeks (from Monday) and months begin.
        tree: `name` or `name@version` of the tree that the calls were judged with.
    """
    columns = [_column(dimension, period, zone).label(dimension) for dimension in group_by]
    conditions = [*filter_conditions(where), *_tree_condition(tree)]
    totals = await _calls_by_group(session, columns, conditions)
    steps = await _steps_by_group(session, columns, conditions)
    return tuple(
        _group(key, calls, steps.get(key, ()), group_by, period, ZoneInfo(zone))
        for key, calls in sorted(totals.items(), key=lambda item: _sort_key(item[0]))
    )


_Key = tuple[Any, ...]


def _column(dimension: Dimension, period: Period, zone: str) -> ColumnElement[Any]:
    if dimension == "period":
        return func.date_trunc(period, func.timezone(zone, Call.called_at))
    column: ColumnElement[Any] = getattr(Call, dimension)
    return column


def _tree_condition(tree: str | None) -> list[ColumnElement[bool]]:
    if tree is None:
        return []
    name, _, version = tree.partition("@")
    versions = select(TreeVersion.id).where(TreeVersion.name == name)
    if version:
        # As text: what is no number is simply no version.
        versions = versions.where(cast(TreeVersion.version, Text) == version)
    return [Call.tree_version_id.in_(versions)]


async def _calls_by_group(
    session: AsyncSession,
    columns: Sequence[ColumnElement[Any]],
    conditions: Sequence[ColumnElement[bool]],
) -> dict[_Key, int]:
    calls = func.count(SopStateRow.call_id.distinct())
    rows = await session.execute(
        select(*columns, calls)
        .select_from(SopStateRow)
        .join(Call, Call.id == SopStateRow.call_id)
        .where(*conditions)
        .group_by(*columns)
    )
    return {tuple(row[:-1]): row[-1] for row in rows if row[-1]}


async def _steps_by_group(
    session: AsyncSession,
    columns: Sequence[ColumnElement[Any]],
    conditions: Sequence[ColumnElement[bool]],
) -> dict[_Key, tuple[StepRate, ...]]:
    counts = [
        func.count().filter(SopStateRow.state == state)
        for state in ("executed", "missed", "undecidable", "not_applicable")
    ]
    # Trees differ between calls; a step stands where the trees that have it put it on average.
    place = func.avg(SopStateRow.position)
    rows = await session.execute(
        select(*columns, SopStateRow.node, *counts)
        .select_from(SopStateRow)
        .join(Call, Call.id == SopStateRow.call_id)
        .where(*conditions)
        .group_by(*columns, SopStateRow.node)
        .order_by(place, SopStateRow.node)
    )
    width = len(columns)
    steps: dict[_Key, list[StepRate]] = {}
    for row in rows:
        node, *states = row[width:]
        step = StepRate(node, node.rpartition("/")[2], *states)
        steps.setdefault(tuple(row[:width]), []).append(step)
    return {key: tuple(found) for key, found in steps.items()}


def _group(
    key: _Key,
    calls: int,
    steps: tuple[StepRate, ...],
    group_by: Sequence[Dimension],
    period: Period,
    zone: ZoneInfo,
) -> RateGroup:
    named: list[tuple[Dimension, str | None]] = []
    starts_at = ends_at = None
    for dimension, value in zip(group_by, key, strict=True):
        if dimension == "period":
            first = value.date()
            starts_at = dt.datetime.combine(first, dt.time(), zone)
            ends_at = dt.datetime.combine(_next(first, period), dt.time(), zone)
            named.append((dimension, first.isoformat()))
        else:
            named.append((dimension, value))
    return RateGroup(tuple(named), calls, steps, starts_at, ends_at)


def _next(first: dt.date, period: Period) -> dt.date:
    if period == "day":
        return first + dt.timedelta(days=1)
    if period == "week":
        return first + dt.timedelta(days=7)
    return (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def _sort_key(key: _Key) -> tuple[tuple[bool, str], ...]:
    # Calls without a value come last.
    return tuple((value is None, str(value)) for value in key)
