"""Shapes of what trees learn, with their examples."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from events.learning.proposals import Proposal as ProposalValue
from models.tables import TreeFigures, TreeHead

LINK = {"key": "promise/refund", "act": "促成/付款引导"}
NODE_REPORT = {
    "state": "ready",
    "reason": "",
    "nodes": [
        {
            "node": "承诺/退费说明",
            "key": "promise/refund",
            "examples": 5,
            "counter_examples": 2,
            "act": None,
            "threshold": 0.18,
            "automatic": True,
            "precision": 0.41,
            "recall": 0.34,
            "precision_range": [0.17, 0.84],
            "recall_range": [0.12, 0.74],
            "suggestion": {"act": "促成/付款引导", "confidence": 0.62},
        }
    ],
}
PROPOSALS = {
    "version": 2,
    "items": [
        {
            "id": "01943f60-0a00-7000-8000-000000000009",
            "key": "opening/purpose",
            "node": "开场白/来电目的",
            "kind": "example",
            "text": "打来就是跟您念叨念叨上回那个班的事儿",
        }
    ],
}
_COUNTS = {"right": 61, "wrong": 14, "missed": 25, "precision": 0.8133, "recall": 0.7093}
HEAD = {
    "tree": "我的电销流程",
    "number": 1,
    "state": "in_force",
    "tree_version": 2,
    "corrections": 100,
    "reason": "更正上的 F1 0.758 → 0.826，少判错 12 处，对照通话没有变差。",
    "figures": {
        "labels": 100,
        "calls": 9,
        "corrections": {"before": {**_COUNTS, "f1": 0.7578}, "after": {**_COUNTS, "f1": 0.8256}},
    },
    "encoder": "use-multilingual",
    "base": "1",
    "created_at": "2025-01-06T18:40:00Z",
    "created_by": "system",
    "decided_at": "2025-01-07T01:00:00Z",
    "decided_by": "limin",
}
FITTING = {
    **HEAD,
    "number": 2,
    "state": "fitting",
    "tree_version": None,
    "corrections": 0,
    "reason": "",
    "figures": {},
    "encoder": "",
    "base": "",
    "decided_at": None,
    "decided_by": None,
}
HEADS = {"corrections": {"confirmed": 61, "overturned": 14, "added": 25}, "items": [HEAD]}

HeadState = Literal["fitting", "offered", "rejected", "failed", "in_force", "retired"]


class Suggestion(BaseModel):
    """A built-in act that a node seems to mean."""

    act: str
    confidence: float = Field(description="把握，0 到 1")


class NodeFigures(BaseModel):
    """What one node with examples is expected to do."""

    node: str
    key: str = Field(description="key 路径")
    examples: int
    counter_examples: int
    act: str | None = Field(description="节点写明的内置事件")
    threshold: float = Field(description="得分（说到它的概率）达到多少算命中")
    automatic: bool = Field(description="true 表示阈值是自动选的")
    precision: float | None = Field(description="预期精确率（只看例句这一层）；例句太少为 null")
    recall: float | None = Field(description="预期召回率（只看例句这一层）；例句太少为 null")
    precision_range: tuple[float, float] | None = Field(
        description="十次里有八次，实际的精确率落在这个范围"
    )
    recall_range: tuple[float, float] | None = Field(
        description="十次里有八次，实际的召回率落在这个范围"
    )
    suggestion: Suggestion | None = Field(description="看起来对应的内置事件，接受后才生效")


class NodeReport(BaseModel):
    """The figures of a version's nodes."""

    state: Literal["missing", "measuring", "ready", "failed"]
    reason: str = Field(description="失败的原因")
    nodes: list[NodeFigures]


class ActLink(BaseModel):
    """Which node is to name which act."""

    key: str = Field(min_length=1, max_length=500, description="节点的 key 路径")
    act: str = Field(min_length=1, max_length=100, description="内置事件的路径")


class Proposal(BaseModel):
    """A sentence to add to a node."""

    id: uuid.UUID = Field(description="来自哪条更正")
    key: str
    node: str
    kind: Literal["example", "counter_example"] = Field(description="例句或反例")
    text: str


class ProposalList(BaseModel):
    """What corrections would add to the version in use."""

    version: int = Field(description="建议所针对的版本")
    items: list[Proposal]


class ProposalChoice(BaseModel):
    """Which proposals to take."""

    ids: list[uuid.UUID] = Field(
        default_factory=list, max_length=5000, description="更正的 id；空为全部"
    )


class Head(BaseModel):
    """One head of a tree: what was learned, and how it did."""

    tree: str
    number: int
    state: HeadState = Field(
        description="fitting 学习中 → offered 待启用 / rejected 没有改善 / failed 失败；"
        "in_force 使用中 → retired 已停用"
    )
    tree_version: int | None = Field(description="在哪个版本上学的")
    corrections: int = Field(description="用了多少条更正")
    reason: str
    figures: dict[str, Any] = Field(description="回测数字：更正（按通话交叉验证）与对照通话")
    encoder: str
    base: str = Field(description="内置事件模型的版本")
    created_at: dt.datetime
    created_by: str
    decided_at: dt.datetime | None
    decided_by: str | None


class HeadList(BaseModel):
    """The heads of a tree, newest first, and the corrections there are by now."""

    corrections: dict[str, int]
    items: list[Head]


def node_report(row: TreeFigures | None) -> NodeReport:
    """Stored figures as they are answered."""
    if row is None:
        return NodeReport(state="missing", reason="", nodes=[])
    nodes = [NodeFigures.model_validate(item) for item in row.nodes]
    return NodeReport.model_validate({"state": row.state, "reason": row.reason, "nodes": nodes})


def proposal_list(version: int, found: Sequence[ProposalValue]) -> ProposalList:
    """Proposals as they are answered."""
    items = [Proposal.model_validate(item, from_attributes=True) for item in found]
    return ProposalList(version=version, items=items)


def head_of(row: TreeHead) -> Head:
    """A stored head as it is answered."""
    return Head.model_validate(row, from_attributes=True)
