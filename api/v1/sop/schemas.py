"""Shapes of SOP execution rates."""

import datetime as dt

from pydantic import BaseModel, Field

from insights.metric import Metric
from insights.sop_rates import RateGroup, StepRate
from models.calls import CallFilter


class Step(BaseModel):
    """One SOP step over the calls of a group."""

    node: str = Field(description="步骤（事件路径）")
    name: str = Field(description="步骤名")
    executed: int = Field(description="已执行的通话数")
    missed: int = Field(description="漏执行的通话数")
    undecidable: int = Field(description="无法判定（例如没听清），不进分母")
    not_applicable: int = Field(description="不适用，不进分母")
    execution_rate: float | None = Field(
        description="执行率 = 已执行 ÷（已执行 + 漏执行）；分母为 0 时为 null"
    )
    interval: tuple[float, float] | None = Field(description="Wilson 95% 置信区间")


class Group(BaseModel):
    """The calls of one agent, team, campaign or period, or a combination."""

    group: dict[str, str | None] = Field(description="分组的取值；period 是周期第一天")
    calls: int = Field(description="已分析的通话数")
    steps: list[Step] = Field(description="按事件树的顺序")
    calls_query: dict[str, str] | None = Field(
        description="查看这些通话的 GET /calls 参数；再加 node_state=路径:状态 看某个数字背后的"
        "通话。没有取值的分组无法筛选，为 null"
    )


class ExecutionRates(BaseModel):
    """Execution rates with their definition."""

    groups: list[Group]
    definition: Metric = Field(description="指标定义，与 GET /metrics 中的相同")


def group_of(rates: RateGroup, where: CallFilter) -> Group:
    """A group as it is answered."""
    return Group(
        group=dict(rates.key),
        calls=rates.calls,
        steps=[_step(step) for step in rates.steps],
        calls_query=_calls_query(rates, where),
    )


def _step(step: StepRate) -> Step:
    return Step(
        node=step.node,
        name=step.name,
        executed=step.executed,
        missed=step.missed,
        undecidable=step.undecidable,
        not_applicable=step.not_applicable,
        execution_rate=step.execution_rate,
        interval=step.interval,
    )


def _calls_query(rates: RateGroup, where: CallFilter) -> dict[str, str] | None:
    query = {
        name: value
        for name in ("agent", "team", "campaign")
        if (value := getattr(where, name)) is not None
    }
    for dimension, value in rates.key:
        if value is None:
            return None
        if dimension != "period":
            query[dimension] = value
    start = _later(rates.starts_at, where.started_from)
    end = _earlier(rates.ends_at, where.started_to)
    if start is not None:
        query["started_from"] = start.isoformat()
    if end is not None:
        query["started_to"] = end.isoformat()
    return query


def _later(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return max((m for m in (one, other) if m is not None), default=None)


def _earlier(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return min((m for m in (one, other) if m is not None), default=None)
