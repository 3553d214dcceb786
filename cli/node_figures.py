"""Figures of tree nodes on the command line: thresholds, what to expect, acts that fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import LintIssue
from core.settings import Settings
from events.tree import EventTree

if TYPE_CHECKING:
    from events.nodes.figures import NodeFigures

WEAK = 0.3
"""Expected precision or recall below which a node is warned about."""


def measured(tree: EventTree, settings: Settings) -> "tuple[NodeFigures, ...]":
    """The figures of a tree's nodes with examples; loads the sentence encoder.

    Raises:
        AppError: `bad-tree`, `weights-missing`.
    """
    from events.nodes.figures import node_figures
    from nlp.encoders.loading import load_encoder

    encoder = load_encoder(settings.nlp, settings.data_dir, offline=settings.offline)
    return node_figures(tree, encoder)


def told(item: "NodeFigures") -> str:
    """`阈值 0.18（自动），预期精确率 0.41（0.17 到 0.84）、召回率 0.34（0.12 到 0.74）`."""
    how = "自动" if item.automatic else "手写"
    text = f"阈值 {item.threshold:g}（{how}），"
    if item.precision is None or item.recall is None:
        text += "例句太少，无法预期精确率与召回率"
    else:
        text += f"预期精确率 {_figure(item.precision, item.precision_range)}"
        text += f"、召回率 {_figure(item.recall, item.recall_range)}"
    if item.suggestion:
        text += f"；建议 act: {item.suggestion.act}（把握 {item.suggestion.confidence:.2f}）"
    return text


def _figure(value: float, around: tuple[float, float] | None) -> str:
    return f"{value:.2f}" + (f"（{around[0]:.2f} 到 {around[1]:.2f}）" if around else "")


def figure_issues(figures: "Sequence[NodeFigures]", source: str) -> tuple[LintIssue, ...]:
    """Warnings about nodes whose examples alone will not do, and acts that fit."""
    issues = []
    for item in figures:
        if item.act is None and item.suggestion is not None:
            message = f"节点 {item.node} 看起来就是内置事件 {item.suggestion.act}。"
            fix = f"若同意，请写 act: {item.suggestion.act}。"
            issues.append(LintIssue("warning", "act-fits", message, fix, source, 0, 0))
        elif item.act is None and min(item.precision or 0.0, item.recall or 0.0) < WEAK:
            message = f"节点 {item.node} 的例句单独不够可靠：{told(item)}。"
            fix = "请补充不同说法的例句与容易混淆的反例，或加关键词。"
            issues.append(LintIssue("warning", "weak-node", message, fix, source, 0, 0))
    return tuple(issues)
