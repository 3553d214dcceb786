"""The query parameters that choose calls."""

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import Depends, Query

from api.openapi import shows
from api.v1.calls.metadata import LOCAL_ZONE
from api.v1.calls.schemas import CallStateName
from core.errors import AppError
from models.calls import CallFilter

SOP_STATES = ("executed", "missed", "undecidable", "not_applicable")


def _text(description: str, example: str, alias: str | None = None) -> Any:
    return Query(description=description, max_length=200, alias=alias, **shows(example=example))


def call_filter(
    state: Annotated[
        CallStateName | None, Query(description="处理状态", **shows(done="done"))
    ] = None,
    agent: Annotated[str | None, _text("坐席", "张敏")] = None,
    team: Annotated[str | None, _text("团队", "华东一组")] = None,
    campaign: Annotated[str | None, _text("活动", "春季班")] = None,
    domain: Annotated[str | None, _text("业务领域", "edu")] = None,
    direction: Annotated[
        Literal["inbound", "outbound"] | None,
        Query(description="呼叫方向", **shows(outbound="outbound")),
    ] = None,
    disposition: Annotated[str | None, _text("呼叫结果", "成交")] = None,
    started_from: Annotated[
        dt.datetime | None,
        Query(
            description="通话开始时间不早于（无时区按北京时间；没有开始时间的按接收时间）",
            **shows(day="2025-01-06T00:00:00+08:00"),
        ),
    ] = None,
    started_to: Annotated[
        dt.datetime | None,
        Query(description="通话开始时间早于", **shows(day="2025-01-07T00:00:00+08:00")),
    ] = None,
    score_min: Annotated[float | None, Query(description="得分不低于", **shows(sixty=60))] = None,
    score_max: Annotated[float | None, Query(description="得分不高于", **shows(full=100))] = None,
    rule: Annotated[str | None, _text("命中了这条规则（规则编号）", "overpromise")] = None,
    node: Annotated[str | None, _text("出现了这个事件（路径）", "客户/价格异议")] = None,
    node_state: Annotated[
        str | None,
        _text(
            "SOP 步骤处于某状态，写作 路径:状态（executed、missed、undecidable、not_applicable）",
            "开场白/自我介绍:missed",
        ),
    ] = None,
    q: Annotated[str | None, _text("搜索转写文字、文件名、外部编号", "分期")] = None,
) -> CallFilter:
    """The filter that these parameters describe.

    Raises:
        AppError: `validation-failed` for a `node_state` of another form.
    """
    return CallFilter(
        state=state,
        agent=agent,
        team=team,
        campaign=campaign,
        domain=domain,
        direction=direction,
        disposition=disposition,
        started_from=zoned(started_from),
        started_to=zoned(started_to),
        score_min=score_min,
        score_max=score_max,
        rule=rule,
        node=node,
        node_state=_node_state(node_state),
        q=q,
    )


CallFilterDep = Annotated[CallFilter, Depends(call_filter)]


def zoned(moment: dt.datetime | None) -> dt.datetime | None:
    """The moment, in Beijing time when it names no zone."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=LOCAL_ZONE)


def _node_state(value: str | None) -> tuple[str, str] | None:
    if value is None:
        return None
    node, _, state = value.rpartition(":")
    if not node or state not in SOP_STATES:
        raise AppError(
            "validation-failed",
            f"node_state 应写作 路径:状态，状态为 {'、'.join(SOP_STATES)} 之一，"
            "例如 开场白/自我介绍:missed。",
            detail={"errors": [{"at": ["query", "node_state"], "message": value}]},
        )
    return node, state
