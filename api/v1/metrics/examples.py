"""Example of the metric dictionary, validated against the schema by a contract test."""

METRIC = {
    "id": "execution_rate",
    "name_zh": "执行率",
    "name_en": "Execution rate",
    "level": "sop",
    "unit": "ratio",
    "formula": "已执行通话数 ÷（已执行 + 未执行）",
    "formula_en": "executed / (executed + missed)",
    "denominator": "已执行与未执行的通话数",
    "source": "关键事件树与转写",
    "missing_when": "没有可判定的通话",
    "parameters": [],
    "computed": True,
    "version": 1,
}

METRICS = {"version": 1, "levels": {"sop": "SOP 与关键事件"}, "metrics": [METRIC]}
