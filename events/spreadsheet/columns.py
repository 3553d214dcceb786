"""Which column of the sheet holds which field of a tree, and how a bad row is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import AppError

NODES, TREE, BACKGROUND = "节点", "事件树", "背景句"
_SHOWN_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the field's place in a node document, its Chinese heading, whether it lists."""

    field: str
    heading: str
    several: bool = False
    width: int = 12

    @property
    def title(self) -> str:
        """What the heading row says."""
        return f"{self.heading} {self.field}"


PATH = Column("path", "路径", width=28)
NODE_COLUMNS = (
    PATH,
    Column("key", "标识", width=18),
    Column("role", "说话人"),
    Column("description", "说明", width=30),
    Column("sop", "SOP步骤"),
    Column("expected", "计入覆盖率"),
    Column("required", "必做"),
    Column("weight", "权重"),
    Column("match.keywords", "关键词", several=True, width=30),
    Column("match.regex", "正则", several=True, width=20),
    Column("match.examples", "例句", several=True, width=40),
    Column("match.counter_examples", "反例", several=True, width=40),
    Column("match.threshold", "阈值"),
    Column("match.pinyin", "按读音"),
    Column("match.negation", "排除否定"),
    Column("match.act", "内置事件", width=18),
    Column("match.judge", "大模型问题", width=24),
    Column("scope.first_utterances", "前几句内"),
    Column("scope.last_utterances", "最后几句内"),
    Column("scope.first_s", "前几秒内"),
    Column("scope.last_s", "最后几秒内"),
    Column("scope.after.node", "在哪些节点之后", several=True, width=20),
    Column("scope.after.within_utterances", "之后几句内"),
    Column("scope.after.within_s", "之后几秒内"),
    Column("scope.before.node", "在哪些节点之前", several=True, width=20),
    Column("scope.before.within_utterances", "之前几句内"),
    Column("scope.before.within_s", "之前几秒内"),
    Column("context.after.node", "语境：在哪些节点之后", several=True, width=20),
    Column("context.after.within_utterances", "语境：几句内"),
    Column("context.after.within_s", "语境：几秒内"),
    Column("context.bonus", "语境：加分"),
    Column("applies_after", "出现哪些节点才适用", several=True, width=20),
)
TREE_FIELDS = (
    Column("tree", "名称"),
    Column("version", "版本"),
    Column("domain", "行业"),
    Column("description", "说明"),
    Column("conversation.min_customer_utterances", "对话：客户至少几句"),
    Column("conversation.min_duration_s", "对话：至少几秒"),
)


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that cannot be read, and what to do about it. Rows count from 1, headings included."""

    sheet: str
    row: int
    message: str

    def __str__(self) -> str:
        return f"“{self.sheet}”第 {self.row} 行：{self.message}"


def flattened(document: Mapping[str, Any], above: str = "") -> dict[str, object]:
    """Nested mappings as dotted fields (`scope.after.node`)."""
    found: dict[str, object] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            found |= flattened(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found


def bad_rows(errors: Sequence[RowError]) -> AppError:
    """The error that tells of bad rows: the first few in words, all in `detail`."""
    shown = "；".join(str(error).rstrip("。") for error in errors[:_SHOWN_ERRORS])
    more = f"；另有 {len(errors) - _SHOWN_ERRORS} 处" if len(errors) > _SHOWN_ERRORS else ""
    return AppError(
        "bad-spreadsheet",
        f"{shown}{more}。",
        detail={
            "rows": [{"sheet": e.sheet, "row": e.row, "message": e.message} for e in errors[:200]]
        },
    )
