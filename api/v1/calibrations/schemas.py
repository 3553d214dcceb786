"""Shapes and examples of calibrations."""

import datetime as dt
import uuid
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.v1.calls.examples import CALL_ID
from api.v1.reviews.examples import SAMPLE_ID
from models.reviews.calibrations import MOST_ITEMS

CALIBRATION_ID = "019512b0-1000-7cc2-9c55-0a3f6f1f2b50"


class ItemChoice(BaseModel):
    """A finding to judge."""

    call_id: uuid.UUID
    rule: str = Field(max_length=200)


class NewCalibration(BaseModel):
    """Who judges what: `items`, or `limit` findings of a sample."""

    model_config = {"extra": "forbid"}

    name: str = Field(min_length=1, max_length=100, description="名字，不重复")
    members: list[str] = Field(min_length=2, max_length=50, description="参加的人（登录名）")
    items: list[ItemChoice] = Field(
        default_factory=list, max_length=MOST_ITEMS, description="要判定的项"
    )
    sample_id: uuid.UUID | None = Field(None, description="不写 items 时，从这个抽样里取")
    limit: int = Field(30, ge=1, le=MOST_ITEMS, description="从抽样里取几项，命中与未命中轮流")


class OwnVerdict(BaseModel):
    """What one member says of one item."""

    model_config = {"extra": "forbid"}

    outcome: Literal["hit", "clear"]
    comment: str = Field("", max_length=2000)


class GivenVerdict(BaseModel):
    """A verdict in a calibration."""

    by: str
    outcome: Literal["hit", "clear"]
    comment: str


class CalibrationItem(BaseModel):
    """A finding to judge. What others and the machine said is null until it is closed."""

    position: int
    call_id: uuid.UUID
    rule: str
    rule_name: str
    ruleset: str
    mine: GivenVerdict | None = Field(description="我的判定")
    machine_outcome: str | None = Field(description="机器的结论；结束之前不显示")
    verdicts: list[GivenVerdict] = Field(description="全部判定；结束之前不显示")


class AgreementFigures(BaseModel):
    """How far people agree."""

    items: int = Field(description="至少两人判定的项")
    agreement: float | None = Field(description="一致的比例")
    kappa: float | None = Field(description="Cohen κ（两人）或 Fleiss κ（多人）；无法计算时为 null")


class RuleAgreement(AgreementFigures):
    """The same for one rule."""

    rule: str
    rule_name: str


class CalibrationSummary(BaseModel):
    """One line of the list."""

    id: uuid.UUID
    name: str
    state: Literal["open", "closed"]
    created_by: str
    created_at: dt.datetime
    closed_by: str | None
    closed_at: dt.datetime | None
    items: int
    progress: dict[str, int] = Field(description="每个人判了几项（不含判了什么）")


class Calibration(CalibrationSummary):
    """A calibration with its items; the results once it is closed."""

    entries: list[CalibrationItem]
    overall: AgreementFigures | None = Field(description="整体一致性；结束之前为 null")
    rules: list[RuleAgreement] | None = Field(description="各规则的一致性；结束之前为 null")
    human_machine_kappa: float | None = Field(description="多数人的判定与机器的 κ；结束之前为 null")


class CalibrationList(BaseModel):
    """All calibrations that one may see, newest first."""

    items: list[CalibrationSummary]


NEW: dict[str, Any] = {
    "name": "一月校准",
    "members": ["limin", "wangfang"],
    "sample_id": SAMPLE_ID,
    "limit": 30,
}
OWN_VERDICT = {"outcome": "clear", "comment": "在转述"}
SUMMARY: dict[str, Any] = {
    "id": CALIBRATION_ID,
    "name": "一月校准",
    "state": "open",
    "created_by": "wanggang",
    "created_at": "2025-02-02T01:00:00Z",
    "closed_by": None,
    "closed_at": None,
    "items": 1,
    "progress": {"limin": 1, "wangfang": 0},
}
_ITEM: dict[str, Any] = {
    "position": 0,
    "call_id": CALL_ID,
    "rule": "overpromise",
    "rule_name": "过度承诺",
    "ruleset": "edu-telesales@3",
    "mine": {"by": "limin", "outcome": "clear", "comment": "在转述"},
    "machine_outcome": None,
    "verdicts": [],
}
OPEN: dict[str, Any] = {
    **SUMMARY,
    "entries": [_ITEM],
    "overall": None,
    "rules": None,
    "human_machine_kappa": None,
}
CLOSED: dict[str, Any] = {
    **SUMMARY,
    "state": "closed",
    "closed_by": "wanggang",
    "closed_at": "2025-02-04T01:00:00Z",
    "progress": {"limin": 1, "wangfang": 1},
    "entries": [
        {
            **_ITEM,
            "machine_outcome": "hit",
            "verdicts": [_ITEM["mine"], {"by": "wangfang", "outcome": "hit", "comment": ""}],
        }
    ],
    "overall": {"items": 1, "agreement": 0.0, "kappa": -1.0},
    "rules": [
        {"rule": "overpromise", "rule_name": "过度承诺", "items": 1, "agreement": 0.0,
         "kappa": -1.0}
    ],
    "human_machine_kappa": None,
}  # fmt: skip
