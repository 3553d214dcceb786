"""SOP execution rates."""

import datetime as dt
from typing import Annotated, Literal, cast
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Query

from api.auth import Reader
from api.openapi import answers, shows
from api.services import SessionDep
from api.v1.sop.examples import EXECUTION_RATES
from api.v1.sop.schemas import ExecutionRates, group_of
from core.errors import AppError
from insights.dictionary import metric
from insights.sop_rates import DEFAULT_ZONE, DIMENSIONS, Dimension, execution_rates
from models.calls import CallFilter

router = APIRouter(prefix="/sop", tags=["sop"])


@router.get(
    "/execution-rates",
    response_model=ExecutionRates,
    summary="SOP 执行率",
    description=(
        "按坐席、团队、活动或周期统计每个 SOP 步骤的执行率，附 95% 区间。\n\n"
        "每个数字都能追到通话：`GET /calls` 带上该组的 `calls_query` 和 `node_state=路径:状态`。"
    ),
    responses=answers(EXECUTION_RATES),
)
async def read_execution_rates(
    principal: Reader,
    session: SessionDep,
    group_by: Annotated[
        str,
        Query(
            description="分组：agent、team、campaign、period，可用逗号组合；none 为不分组",
            max_length=100,
            **shows(agent="agent", trend="team,period"),
        ),
    ] = "none",
    period: Annotated[
        Literal["day", "week", "month"], Query(description="周期长度", **shows(week="week"))
    ] = "day",
    from_: Annotated[
        dt.datetime | None,
        Query(
            alias="from",
            description="通话时间不早于（无时区按 timezone；没有开始时间的按接收时间）",
            **shows(month="2025-01-01T00:00:00+08:00"),
        ),
    ] = None,
    to: Annotated[
        dt.datetime | None,
        Query(description="通话时间早于", **shows(month="2025-02-01T00:00:00+08:00")),
    ] = None,
    timezone: Annotated[
        str,
        Query(description="周期按这个时区划分", max_length=64, **shows(beijing=DEFAULT_ZONE)),
    ] = DEFAULT_ZONE,
    tree: Annotated[
        str | None,
        Query(description="事件树，名称或 名称@版本", max_length=200, **shows(edu="职业教育")),
    ] = None,
    agent: Annotated[
        str | None, Query(description="坐席", max_length=200, **shows(example="张敏"))
    ] = None,
    team: Annotated[
        str | None, Query(description="团队", max_length=200, **shows(example="华东一组"))
    ] = None,
    campaign: Annotated[
        str | None, Query(description="活动", max_length=200, **shows(example="春季班"))
    ] = None,
) -> ExecutionRates:
    """Execution rates of every SOP step by group."""
    zone = _zone(timezone)
    where = principal.call_scope.narrow_results(
        CallFilter(
            agent=agent,
            team=team,
            campaign=campaign,
            started_from=_zoned(from_, zone),
            started_to=_zoned(to, zone),
        )
    )
    groups = await execution_rates(
        session,
        where,
        group_by=_dimensions(group_by),
        period=period,
        zone=timezone,
        tree=tree,
    )
    return ExecutionRates(
        groups=[group_of(group, where) for group in groups], definition=metric("execution_rate")
    )


def _dimensions(text: str) -> tuple[Dimension, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if names in ((), ("none",)):
        return ()
    if len(set(names)) != len(names) or not set(names) <= set(DIMENSIONS):
        raise _bad("group_by", f"应为 {'、'.join(DIMENSIONS)} 的组合（逗号分隔，不重复）或 none")
    return cast(tuple[Dimension, ...], names)


def _zone(name: str) -> ZoneInfo:
    if name not in available_timezones():
        raise _bad("timezone", "应为时区名，例如 Asia/Shanghai")
    return ZoneInfo(name)


def _zoned(moment: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone)


def _bad(parameter: str, expected: str) -> AppError:
    return AppError(
        "validation-failed",
        f"参数 {parameter} 不正确：{expected}。",
        detail={"errors": [{"at": ["query", parameter], "message": expected}]},
    )
