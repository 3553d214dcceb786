"""Reference pages of the documentation, generated from the code: `python -m cli.reference docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from core.settings import Settings
from insights.dictionary import DICTIONARY_VERSION, LEVEL_NAMES, metrics_at
from insights.metric import Metric


def metrics_page() -> str:
    """`docs/metrics.md`: every entry of the metric dictionary."""
    parts = [
        "# 指标字典 / Metric dictionary\n",
        "由代码生成（`insights/definitions/`），请勿手改：`python -m cli.reference docs`。"
        f"字典版本 {DICTIONARY_VERSION}，接口 `GET /api/v1/metrics`。\n",
        "没有来源数据的指标显示为“缺数据”并附原因，不会是 0。“计算”一列为“是”的指标由本版本计算；"
        "其余的定义已固定，等待相应数据接入。\n",
    ]
    for level, name in LEVEL_NAMES.items():
        parts.append(f"## {name}\n")
        parts.append("| id | 名称 | 公式 | 参数 | 单位 | 分母 | 来源 | 何时缺失 | 计算 |")
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
        "是" if metric.computed else "",
    )
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def settings_page() -> str:
    """`docs/settings.md`: every setting with its variable, default and meaning."""
    rows = [
        f"| `{variable}` | `{default}` | {description} |"
        for variable, default, description in _settings(Settings, "TINGJIAN_")
    ]
    return "\n".join(
        [
            "# 设置 / Settings\n",
            "由代码生成（`core/settings.py`），请勿手改：`python -m cli.reference docs`。"
            "设置只从环境变量读取，启动时读一次。影响结论的内容（事件、规则、阈值）不在这里，"
            "在事件树和规则集里。\n",
            "| 环境变量 | 默认值 | 含义 |",
            "|---|---|---|",
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
        return "（空）"
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_pages(directory: Path) -> None:
    """Write both pages into the documentation directory."""
    (directory / "metrics.md").write_text(metrics_page(), encoding="utf-8")
    (directory / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
