"""Shapes of reviews, verdicts and appeals."""

import datetime as dt
import uuid
from typing import Literal

from pydantic import BaseModel, Field

from core.evidence import Evidence
from models.reviews.states import ReviewAction, ReviewState
from models.reviews.verdicts import Decision, ReasonCode, VerdictStage
from qa_rules.findings import Finding, Score

AppealState = Literal["open", "upheld", "rejected", "withdrawn"]
Standing = Literal["current", "superseded", "withdrawn", "detached"]


class ScorePair(BaseModel):
    """A score with what follows from it; null where there is none."""

    score: float | None
    passed: bool | None
    vetoed: bool | None


class QueueItem(BaseModel):
    """One call of the review queue."""

    call_id: uuid.UUID
    state: ReviewState
    version: int = Field(description="复核的版本号，改动时带上；0 表示还没有人动过")
    file_name: str
    external_id: str | None
    agent: str | None
    team: str | None
    campaign: str | None
    called_at: dt.datetime
    received_at: dt.datetime
    duration_ms: int | None
    machine: ScorePair = Field(description="机器得分")
    human: ScorePair = Field(description="人工得分；判定之前为 null")
    holder: str | None = Field(description="正在复核的人")
    lock_expires_at: dt.datetime | None = Field(description="锁定到期时间；分派的没有期限")
    reviewer: str | None = Field(description="提交复核的人；提交之前为 null")
    appeal_until: dt.datetime | None
    stale: bool = Field(description="复核之后的重新分析改变了结果")
    samples: list[str] = Field(description="属于哪些抽样")
    hits: list[str] = Field(description="机器报出的问题（规则名），扣得多的在前")


class ReviewQueue(BaseModel):
    """One page of the queue."""

    items: list[QueueItem]
    next_cursor: str | None


class Verdict(BaseModel):
    """What a person said of one rule on one call."""

    id: uuid.UUID
    rule: str
    rule_name: str
    ruleset: str = Field(description="判定时的规则集版本")
    machine_outcome: str = Field(description="判定时机器的结论")
    decision: Decision
    outcome: Literal["hit", "clear"] = Field(description="人的结论")
    reason_code: ReasonCode | None
    comment: str
    evidence: list[Evidence]
    stage: VerdictStage = Field(description="review 复核，final 终审")
    standing: Standing = Field(
        description=(
            "current 有效；superseded 被后来的判定取代；withdrawn 提交之前撤销；"
            "detached 重新分析后不再对应"
        )
    )
    by: str
    at: dt.datetime


class ReviewedFinding(BaseModel):
    """A machine finding with the verdict that stands beside it."""

    finding: Finding
    verdict: Verdict | None
    sampled: bool = Field(description="被随机抽中，提交前必须判定")
    waiting: bool = Field(description="提交前还要判定")


class Appeal(BaseModel):
    """An agent's objection, and its decision."""

    id: uuid.UUID
    call_id: uuid.UUID
    state: AppealState
    rules: list[str]
    reason: str
    opened_by: str
    opened_at: dt.datetime
    decided_by: str | None
    decided_at: dt.datetime | None
    decision_comment: str | None


class Review(BaseModel):
    """The review of one call, with everything that people said of it."""

    call_id: uuid.UUID
    state: ReviewState
    version: int
    holder: str | None
    lock_expires_at: dt.datetime | None
    reviewer: str | None
    reviewed_at: dt.datetime | None
    comment: str
    appeal_until: dt.datetime | None
    final_at: dt.datetime | None
    stale: bool
    machine_score: Score
    human_score: Score | None = Field(description="按人工判定重算的得分；没有判定时为 null")
    actions: list[ReviewAction] = Field(description="当前账号现在可以做的操作")
    findings: list[ReviewedFinding]
    appeals: list[Appeal] = Field(description="全部申诉，从旧到新")
    history: list[Verdict] = Field(description="全部判定，从旧到新，含已被取代的")


class LockRequest(BaseModel):
    """Take a review, or take it over."""

    take_over: bool = Field(
        False, description="true 时从别人手里接过来（对方锁定到期，或你是主管）"
    )


class Assignment(BaseModel):
    """Give a review to somebody."""

    username: str = Field(max_length=64, description="分派给谁")


class TextSpan(BaseModel):
    """A piece of one utterance's raw text, in Unicode code points, half-open."""

    utterance: int = Field(ge=0, description="语句序号")
    char_start: int = Field(ge=0)
    char_end: int = Field(ge=1)


class NewVerdict(BaseModel):
    """A verdict on one rule."""

    model_config = {"extra": "forbid"}

    rule: str = Field(max_length=200, description="规则编号")
    decision: Decision = Field(
        description="confirm 机器对；overturn 机器报错了；add 机器漏了（要选中证据）"
    )
    reason_code: ReasonCode | None = Field(None, description="原因；推翻和补充时必填")
    comment: str = Field("", max_length=2000, description="说明；原因为 other 时必填")
    span: TextSpan | None = Field(None, description="补充命中时作为证据的一段话")
    version: int | None = Field(None, ge=0, description="看到的复核版本；不同则拒绝，不写则不检查")


class Submission(BaseModel):
    """Finish a review."""

    model_config = {"extra": "forbid"}

    comment: str = Field("", max_length=2000, description="总评")
    confirm_rest: bool = Field(False, description="true 时其余命中一并确认（抽中的仍须逐项判定）")
    version: int | None = Field(None, ge=0, description="看到的复核版本")


class Reopening(BaseModel):
    """Open a finished review again."""

    version: int | None = Field(None, ge=0, description="看到的复核版本")


class NewAppeal(BaseModel):
    """Dispute hits of a reviewed call."""

    model_config = {"extra": "forbid"}

    call_id: uuid.UUID
    rules: list[str] = Field(min_length=1, max_length=100, description="不认可的规则编号")
    reason: str = Field(min_length=1, max_length=2000, description="理由")


class AppealDecision(BaseModel):
    """The final judgement."""

    model_config = {"extra": "forbid"}

    upheld: list[str] = Field(
        default_factory=list,
        max_length=100,
        description="申诉成立的规则，命中将撤销；空表示全部驳回",
    )
    comment: str = Field(min_length=1, max_length=2000, description="裁决理由")


class AppealedCall(BaseModel):
    """An appeal in the list, with the call it is about."""

    appeal: Appeal
    agent: str | None
    team: str | None
    file_name: str


class AppealList(BaseModel):
    """One page of appeals, newest first."""

    items: list[AppealedCall]
    next_cursor: str | None
