"""Reference pages of the documentation, generated from the code: `python -m cli.reference docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cli.setting_meanings import MEANINGS
from core.settings import Settings
from insights.dictionary import DICTIONARY_VERSION, LEVEL_NAMES, metrics_at
from insights.metric import Level, Metric

LEVELS_EN: dict[Level, str] = {
    "call": "One call, from its recording",
    "sop": "SOP and key events, by agent, team, campaign, period",
    "qa": "Quality checks",
    "kpi": "Business figures, from imported call records, CRM, agent states and costs",
}


def metrics_page() -> str:
    """`docs/metrics.md`: every entry of the metric dictionary."""
    parts = [
        "# 指标字典 / Metric dictionary\n",
        "由代码生成（`insights/definitions/`），请勿手改：`python -m cli.reference docs`。"
        f"字典版本 {DICTIONARY_VERSION}，接口 `GET /api/v1/metrics`。\n",
        "Generated from the code, do not edit by hand. "
        f"Dictionary version {DICTIONARY_VERSION}, served at `GET /api/v1/metrics`.\n",
        "没有来源数据的指标显示为“缺数据”并附原因，不会是 0。“计算”一列为“是”的指标由本版本计算；"
        "其余的定义已固定，等待相应数据接入。\n",
        "A figure without its data is shown as missing, with the reason, never as 0. Figures with "
        "“是 yes” in the last column are computed by this version; the others are defined and wait "
        "for their data.\n",
    ]
    for level, name in LEVEL_NAMES.items():
        parts.append(f"## {name} / {LEVELS_EN[level]}\n")
        parts.append(
            "| id | 名称<br>Name | 公式<br>Formula | 参数<br>Parameters | 单位<br>Unit "
            "| 分母<br>Denominator | 来源<br>Source | 何时缺失<br>Missing when | 计算<br>Computed |"
        )
        parts.append("|---|---|---|---|---|---|---|---|---|")
        parts.extend(_metric_row(metric) for metric in metrics_at(level))
        parts.append("")
    return "\n".join(parts)


def _metric_row(metric: Metric) -> str:
    parameters = "，".join(f"{p.name} = {p.default} {p.unit}" for p in metric.parameters)
    cells = (
        f"`{metric.id}`",
        f"{metric.name_zh}<br>{metric.name_en}",
        f"{metric.formula}<br>{metric.formula_en}",
        parameters,
        metric.unit,
        metric.denominator,
        metric.source,
        metric.missing_when,
        "是 yes" if metric.computed else "",
    )
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def settings_page() -> str:
    """`docs/settings.md`: every setting with its variable, default and meaning."""
    rows = [
        f"| `{variable}` | {_code(default)} | {MEANINGS.get(variable, '')} | {description} |"
        for variable, default, description in _settings(Settings, "TINGJIAN_")
    ]
    return "\n".join(
        [
            "# 设置 / Settings\n",
            "由代码生成（`core/settings.py`），请勿手改：`python -m cli.reference docs`。"
            "设置只从环境变量读取，启动时读一次。影响结论的内容（事件、规则、阈值）不在这里，"
            "在事件树和规则集里。\n",
            "Generated from the code, do not edit by hand. Settings are read from environment "
            "variables alone, once, at the start. What changes a verdict (events, rules, "
            "thresholds) is not here but in event trees and rule sets.\n",
            "| 环境变量 Variable | 默认值 Default | 含义 | Meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    nested: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            nested.append((name, kind))
            continue
        yield f"{prefix}{name.upper()}", _default(name, field.default), field.description or ""
    for name, kind in nested:
        yield from _settings(kind, f"{prefix}{name.upper()}__")


def _default(name: str, value: Any) -> str:
    if name == "data_dir":
        # The real default depends on the machine.
        return "$XDG_DATA_HOME/tingjian"
    if value is PydanticUndefined or value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else "（空 empty）"


def write_pages(directory: Path) -> None:
    """Write both pages into the documentation directory."""
    (directory / "metrics.md").write_text(metrics_page(), encoding="utf-8")
    (directory / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
