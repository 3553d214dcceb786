"""Shapes and examples of the accuracy ledger."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, Field

from insights.ledger import Ledger, LedgerEntry
from insights.qa_figures import QaFigures
from insights.rule_accuracy import Estimate


class Share(BaseModel):
    """A share in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float
    judged: int = Field(description="依据的人工判定数")
    effective: float = Field(description="加权后相当于多少个不加权的判定")


class RuleEntry(BaseModel):
    """One rule as long as it looked for the same thing."""

    ruleset: str
    rule: str
    rule_name: str
    fingerprint: str = Field(description="规则查找内容的指纹；内容变了就是另一条")
    versions: list[str] = Field(description="内容相同的规则集版本，从旧到新")
    verdicts: int = Field(description="全部人工判定")
    sampled: int = Field(description="其中来自随机抽样的")
    waiting: int = Field(description="抽中而还没判定的")
    is_sampled: bool = Field(description="false 表示精确率来自碰巧被看的通话，可能有偏")
    precision: Share | None = Field(description="精确率，判定视为正确")
    recall: Share | None = Field(description="召回率，判定视为正确；没有抽样未命中时为 null")
    corrected_precision: Share | None = Field(
        description="扣除质检员误差后的精确率；未校准时为 null"
    )
    corrected_recall: Share | None = Field(description="扣除质检员误差后的召回率；未校准时为 null")
    kappa_human_machine: float | None
    kappa_human_human: float | None
    min_precision: float | None = Field(description="规则要求的最低精确率")
    below_minimum: bool = Field(description="低于要求：采用账本后只提示不扣分")


class ReviewerErrorRates(BaseModel):
    """How often one judgement is wrong, from closed calibrations."""

    false_hit: float = Field(description="没有违反却判违反的概率")
    false_clear: float = Field(description="违反了却判没有的概率")


class AccuracyLedger(BaseModel):
    """Every rule that anybody judged or sampled."""

    entries: list[RuleEntry]
    reviewer_error: ReviewerErrorRates | None
    kappa_human_human: float | None = Field(description="全部校准合并的人–人 κ")
    in_use: str | None = Field(description="评分正在采用的快照（所选团队的）")


class CoverageFigures(BaseModel):
    """How much was checked, by the machine and by people."""

    checkable: int
    checked: int
    reviewed: int
    qa_coverage: float | None
    review_coverage: float | None
    appeal_rate: float | None
    appeal_success_rate: float | None


class NewSnapshot(BaseModel):
    """Whose calls the figures are for."""

    model_config = {"extra": "forbid"}

    team: str | None = Field(
        None, min_length=1, max_length=200, description="只用于这个团队的通话；不写则用于全部"
    )


class Snapshot(BaseModel):
    """Frozen figures."""

    reference: str
    team: str | None = Field(description="只用于这个团队的通话；null 为全部")
    created_by: str
    created_at: dt.datetime
    rules: int = Field(description="有精确率的规则数")


class SnapshotList(BaseModel):
    """All snapshots, newest first."""

    items: list[Snapshot]


def ledger_of(ledger: Ledger, in_use: str) -> AccuracyLedger:
    """The ledger as it is shown."""
    error = ledger.error
    return AccuracyLedger(
        entries=[_entry(entry) for entry in ledger.entries],
        reviewer_error=ReviewerErrorRates(false_hit=error.false_hit, false_clear=error.false_clear)
        if error
        else None,
        kappa_human_human=ledger.human_human.kappa,
        in_use=in_use or None,
    )


def coverage_of(figures: QaFigures) -> CoverageFigures:
    """The figures as they are shown."""
    return CoverageFigures(
        checkable=figures.checkable,
        checked=figures.checked,
        reviewed=figures.reviewed,
        qa_coverage=figures.qa_coverage,
        review_coverage=figures.review_coverage,
        appeal_rate=figures.appeal_rate,
        appeal_success_rate=figures.appeal_success_rate,
    )


def _entry(entry: LedgerEntry) -> RuleEntry:
    accuracy = entry.accuracy
    return RuleEntry(
        ruleset=entry.ruleset,
        rule=entry.rule,
        rule_name=entry.rule_name,
        fingerprint=entry.fingerprint,
        versions=list(entry.versions),
        verdicts=entry.verdicts,
        sampled=entry.sampled,
        waiting=entry.waiting,
        is_sampled=entry.is_sampled,
        precision=_share(accuracy.precision),
        recall=_share(accuracy.recall),
        corrected_precision=_share(accuracy.corrected_precision),
        corrected_recall=_share(accuracy.corrected_recall),
        kappa_human_machine=accuracy.kappa,
        kappa_human_human=entry.human_human.kappa,
        min_precision=entry.min_precision,
        below_minimum=entry.below_minimum,
    )


def _share(estimate: Estimate | None) -> Share | None:
    if estimate is None:
        return None
    return Share(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        judged=estimate.judged,
        effective=estimate.effective,
    )


def _example(value: float, low: float, high: float, judged: int) -> dict[str, Any]:
    return {
        "value": value, "low": low, "high": high, "judged": judged, "effective": float(judged),
    }  # fmt: skip


LEDGER: dict[str, Any] = {
    "entries": [
        {
            "ruleset": "edu-telesales",
            "rule": "overpromise",
            "rule_name": "过度承诺",
            "fingerprint": "9a3f5c1e7b2d4860",
            "versions": ["edu-telesales@2", "edu-telesales@3"],
            "verdicts": 252,
            "sampled": 240,
            "waiting": 0,
            "is_sampled": True,
            "precision": _example(0.81, 0.718, 0.876, 100),
            "recall": _example(0.402, 0.297, 0.547, 240),
            "corrected_precision": _example(0.842, 0.737, 0.925, 100),
            "corrected_recall": _example(0.78, 0.55, 1.0, 240),
            "kappa_human_machine": 0.52,
            "kappa_human_human": 0.88,
            "min_precision": 0.8,
            "below_minimum": False,
        }
    ],
    "reviewer_error": {"false_hit": 0.04, "false_clear": 0.05},
    "kappa_human_human": 0.87,
    "in_use": "accuracy@3",
}
COVERAGE: dict[str, Any] = {
    "checkable": 1200,
    "checked": 1188,
    "reviewed": 240,
    "qa_coverage": 0.99,
    "review_coverage": 0.202,
    "appeal_rate": 0.03,
    "appeal_success_rate": 0.25,
}
SNAPSHOT: dict[str, Any] = {
    "reference": "accuracy@3",
    "team": None,
    "created_by": "wanggang",
    "created_at": "2025-02-05T01:00:00Z",
    "rules": 12,
}
NEW_SNAPSHOT: dict[str, Any] = {"team": None}
