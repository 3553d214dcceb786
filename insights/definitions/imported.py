"""What figures from imported data have in common: the sources, and when they are missing."""

from insights.metric import Metric, Parameter

CDR, CRM, STATE, COST = "话单", "CRM", "坐席状态", "成本"


def imported(
    identifier: str,
    zh: str,
    en: str,
    unit: str,
    formula: str,
    formula_en: str,
    denominator: str,
    source: str,
    parameters: tuple[Parameter, ...] = (),
    missing: str = "",
) -> Metric:
    """A figure of imported data; unless told, it is missing without `source` or denominator."""
    return Metric(
        id=identifier,
        name_zh=zh,
        name_en=en,
        level="kpi",
        unit=unit,
        formula=formula,
        formula_en=formula_en,
        denominator=denominator,
        source=source,
        missing_when=missing
        or (f"没有{source}数据" + ("" if denominator == "无" else "，或分母为 0")),
        parameters=parameters,
    )
