"""The bodies of runs."""

import datetime as dt
import uuid
from typing import Any, Literal, cast

from pydantic import BaseModel, Field

from models.tables import BacktestCall, BacktestChange, BulkRun

RunKind = Literal["trial", "backtest", "reanalysis"]
RunState = Literal["queued", "running", "done", "failed", "cancelled"]


class RunSummary(BaseModel):
    """A run without its result."""

    id: uuid.UUID
    kind: RunKind = Field(description="trial 试用，backtest 回测，reanalysis 重新分析历史")
    document_kind: Literal["tree", "ruleset"]
    name: str
    version: int
    revision: int = Field(description="开始时草稿是第几次保存；之后的修改不影响本次任务")
    state: RunState
    calls: int | None = Field(description="要处理的通话数；排好之前为 null")
    calls_done: int
    calls_failed: int
    progress: float | None = Field(description="完成的比例，0 到 1")
    request: dict[str, Any] = Field(description="发起时的条件")
    error_code: str | None
    error_message: str | None
    created_by: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class Run(RunSummary):
    """A run with its result.

    Of a back-test the figures, of a trial everything; a re-analysis has none beside its counts.
    """

    result: dict[str, Any] | None = Field(description="结果；完成之前为 null")
    failures: list[dict[str, str]] = Field(description="没能处理的通话及原因（最多 50 条）")


class RunList(BaseModel):
    """One page of runs, newest first."""

    items: list[RunSummary]
    next_cursor: str | None


class Change(BaseModel):
    """One hit or finding that is gained or lost, with its evidence."""

    call_id: uuid.UUID
    subject: Literal["node", "rule"]
    key: str = Field(description="节点路径或规则编号")
    name: str
    change: Literal["gained", "lost"]
    utterance: int | None
    start_ms: int
    quote: str = Field(description="证据原文；没有说的话时为空")
    sentence: str = Field(description="证据所在的整句")
    layer: str
    score: float = Field(description="节点为匹配分，规则为扣分")
    reason: str


class ChangeList(BaseModel):
    """One page of changes."""

    items: list[Change]
    next_cursor: str | None


class ComparedCall(BaseModel):
    """One call as things are, and with the tested version."""

    call_id: uuid.UUID
    agent: str | None
    called_at: dt.datetime
    score_before: float
    score_after: float
    passed_before: bool | None
    passed_after: bool | None
    vetoed_before: bool
    vetoed_after: bool
    gained: int
    lost: int


class ComparedList(BaseModel):
    """One page of compared calls, newest first."""

    items: list[ComparedCall]
    next_cursor: str | None


def run_summary(row: BulkRun) -> RunSummary:
    """A run as it is listed."""
    return RunSummary(**_values(row))


def full_run(row: BulkRun, failures: list[dict[str, str]]) -> Run:
    """A run as it is read alone."""
    return Run(**_values(row), result=row.result, failures=failures)


def change_of(row: BacktestChange) -> Change:
    """A stored change as it is answered."""
    return Change(**{name: getattr(row, name) for name in Change.model_fields})


def compared_of(row: BacktestCall) -> ComparedCall:
    """A stored comparison as it is answered."""
    return ComparedCall(**{name: getattr(row, name) for name in ComparedCall.model_fields})


def progress_of(row: BulkRun) -> float | None:
    """The share that is done, None while it is not known how much there is."""
    if row.state == "done":
        return 1.0
    return row.calls_done / row.calls if row.calls else None


def _values(row: BulkRun) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in RunSummary.model_fields if name != "progress"}
    own["kind"] = cast(RunKind, row.kind)
    limits = ("teams", "own_agent", "reader")
    own["request"] = {
        key: value for key, value in row.request.items() if value is not None and key not in limits
    }
    return {**own, "progress": progress_of(row)}
