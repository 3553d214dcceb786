"""The query parameters that choose what is to be reviewed."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import Depends, Query

from api.openapi import shows
from api.v1.reviews.examples import SAMPLE_ID
from models.calls import CallFilter
from models.reviews.queue import QueueFilter
from models.reviews.states import ReviewState
from qa_rules.findings import RuleSeverity


def queue_filter(
    state: Annotated[
        list[ReviewState] | None,
        Query(description="复核状态，可写多个；没人动过的是 pending", **shows(todo=["pending"])),
    ] = None,
    attention: Annotated[
        bool,
        Query(
            description=(
                "只列需要人看的：还没复核完的不合格、一票否决与抽中的，申诉中的，复核后结果有变的"
            ),
            **shows(yes=True),
        ),
    ] = False,
    severity: Annotated[
        RuleSeverity | None,
        Query(description="至少有一个命中达到这个严重程度", **shows(major="major")),
    ] = None,
    score_below: Annotated[
        float | None, Query(description="机器得分低于", **shows(sixty=60))
    ] = None,
    rule: Annotated[
        str | None, Query(description="命中了这条规则", max_length=200, **shows(rule="overpromise"))
    ] = None,
    team: Annotated[
        str | None, Query(description="团队", max_length=200, **shows(team="华东一组"))
    ] = None,
    campaign: Annotated[
        str | None, Query(description="活动", max_length=200, **shows(campaign="春季班"))
    ] = None,
    agent: Annotated[
        str | None, Query(description="坐席", max_length=200, **shows(agent="张敏"))
    ] = None,
    older_than_days: Annotated[
        float | None, Query(ge=0, le=3650, description="接收后已满几天", **shows(two=2))
    ] = None,
    sample: Annotated[
        uuid.UUID | None, Query(description="属于这个抽样", **shows(sample=SAMPLE_ID))
    ] = None,
) -> QueueFilter:
    """The filter that these parameters describe; whose queue it is comes from who asks."""
    waiting = (
        dt.datetime.now(dt.UTC) - dt.timedelta(days=older_than_days)
        if older_than_days is not None
        else None
    )
    return QueueFilter(
        calls=CallFilter(team=team, campaign=campaign, agent=agent, rule=rule),
        states=tuple(state or ()),
        attention=attention,
        severity=severity,
        sample=sample,
        waiting_since=waiting,
        score_below=score_below,
    )


QueueFilterDep = Annotated[QueueFilter, Depends(queue_filter)]
