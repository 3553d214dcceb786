"""Shapes of corrections."""

import datetime as dt
import uuid
from typing import Literal

from pydantic import BaseModel, Field

from events.learning.layers import HumanLayer
from models.tables import Correction as CorrectionRow

Verdict = Literal["confirmed", "overturned", "added"]


class NewCorrection(BaseModel):
    """What somebody says of one utterance and one node."""

    utterance: int = Field(ge=0, le=100_000, description="第几句（从 0 开始）")
    node: str = Field(min_length=1, max_length=500, description="节点路径，例如 开场白/自我介绍")
    verdict: Verdict = Field(
        description="confirmed 命中正确，overturned 命中有误，added 这句也是这个事件"
    )


class Correction(BaseModel):
    """One standing verdict, with what was said at the time."""

    id: uuid.UUID
    call_id: uuid.UUID
    tree: str = Field(description="事件树名称")
    tree_version: str
    node: str
    node_key: str = Field(description="节点的 key 路径，改名后不变")
    verdict: Verdict
    utterance: int
    role: str
    start_ms: int
    end_ms: int
    text: str = Field(description="当时这一句的文字")
    layer: str | None = Field(description="被确认或推翻的命中属于哪一层；补记的为 null")
    score: float | None
    username: str = Field(description="谁判定的")
    created_at: dt.datetime


class HumanEvent(BaseModel):
    """A verdict as it lies over the machine's events."""

    utterance: int
    node: str
    verdict: Verdict
    hit: int | None = Field(description="对应机器命中在事件列表中的位置；补记的为 null")


class CallCorrections(BaseModel):
    """What people say of a call's events, beside the machine's word."""

    items: list[Correction]
    events: list[HumanEvent] = Field(description="人工一层：按句排列")
    steps: dict[str, str] = Field(description="被人工结论改变的 SOP 步骤及其状态")


class CorrectionPage(BaseModel):
    """One page of corrections, newest first."""

    items: list[Correction]
    next_cursor: str | None


def correction_of(row: CorrectionRow) -> Correction:
    """A stored verdict as it is answered."""
    return Correction.model_validate(row, from_attributes=True)


def call_corrections(layer: HumanLayer | None, rows: list[CorrectionRow]) -> CallCorrections:
    """The human layer of a call as it is answered."""
    events = layer.events if layer else ()
    return CallCorrections(
        items=[correction_of(row) for row in rows],
        events=[HumanEvent.model_validate(event, from_attributes=True) for event in events],
        steps={node: str(state) for node, state in layer.steps.items()} if layer else {},
    )
