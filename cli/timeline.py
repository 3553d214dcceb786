"""One call in the terminal: key events in the order of time, SOP steps, findings, score."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from asr.transcript import ROLE_NAMES
from cli.subtitles import clock

STATE_NAMES = {
    "executed": "✓ 已执行",
    "missed": "✗ 漏执行",
    "undecidable": "? 无法判定",
    "not_applicable": "– 不适用",
}


def call_timeline(
    name: str, timeline: Mapping[str, Any], findings: Mapping[str, Any]
) -> RenderableType:
    """What a terminal shows of one call, from the service's answers for it.

    `timeline` and `findings` are the objects of `/calls/{id}/timeline` and `/calls/{id}/findings`.
    """
    return Group(_events(name, timeline["entries"]), _steps(timeline["sop"]), _verdict(findings))


def _events(name: str, entries: list[dict[str, Any]]) -> Table:
    table = Table(
        "时间", "谁", "事件", "依据", title=escape(f"{name} 的关键事件"), title_justify="left"
    )
    for entry in entries:
        table.add_row(
            clock(entry["start_ms"]),
            ROLE_NAMES.get(entry["role"], entry["role"]),
            escape(entry["node"]),
            escape(entry["text"]),
        )
    return table


def _steps(sop: Mapping[str, Any] | None) -> Table:
    coverage = sop["coverage"] if sop else None
    title = "SOP 执行" + ("" if coverage is None else f"（覆盖度 {coverage:.0%}）")
    table = Table("步骤", "状态", "说明", title=title, title_justify="left")
    for step in sop["steps"] if sop else ():
        table.add_row(escape(step["node"]), STATE_NAMES[step["state"]], escape(step["reason"]))
    return table


def _verdict(findings: Mapping[str, Any]) -> Table:
    score = findings["score"]
    passed = {True: "，合格", False: "，不合格", None: ""}[score["passed"] if score else None]
    title = f"质检得分 {score['value']:g}{passed}" if score else "质检"
    table = Table("命中的规则", "影响", "依据", title=title, title_justify="left")
    for finding in findings["findings"]:
        if finding["outcome"] == "hit":
            effect = "否决" if finding["veto"] else f"{finding['score_effect']:+g}"
            table.add_row(escape(finding["rule_name"]), effect, escape(finding["reason"]))
    return table
