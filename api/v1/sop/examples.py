"""Example of SOP execution rates, validated against the schema by a contract test."""

from api.v1.metrics.examples import METRIC

EXECUTION_RATES = {
    "groups": [
        {
            "group": {"agent": "张敏"},
            "calls": 40,
            "steps": [
                {
                    "node": "开场白/自我介绍",
                    "name": "自我介绍",
                    "executed": 34,
                    "missed": 4,
                    "undecidable": 2,
                    "not_applicable": 0,
                    "execution_rate": 0.8947,
                    "interval": [0.7587, 0.9583],
                }
            ],
            "calls_query": {"agent": "张敏", "started_from": "2025-01-01T00:00:00+08:00"},
        }
    ],
    "definition": METRIC,
}
