"""The metric dictionary: every figure the product shows, defined once."""

from functools import lru_cache

from core.errors import AppError
from insights.definitions.call import CALL_METRICS
from insights.definitions.kpi import KPI_METRICS
from insights.definitions.qa import QA_METRICS
from insights.definitions.sop import SOP_METRICS
from insights.metric import Level, Metric

DICTIONARY_VERSION = 2
"""Grows with every change of an entry; stored with every result."""

DICTIONARY: tuple[Metric, ...] = (*CALL_METRICS, *SOP_METRICS, *QA_METRICS, *KPI_METRICS)
"""All entries, by level, in the order in which people read them. Ids are unique."""

LEVEL_NAMES: dict[Level, str] = {
    "call": "单通通话（来自录音）",
    "sop": "SOP 与关键事件（按坐席、团队、活动、周期）",
    "qa": "质检",
    "kpi": "经营指标（来自导入的话单、CRM、坐席状态与成本）",
}


@lru_cache(maxsize=1)
def _by_id() -> dict[str, Metric]:
    return {metric.id: metric for metric in DICTIONARY}


def metric(identifier: str) -> Metric:
    """The entry with that id.

    Raises:
        AppError: `not-found` for an id that the dictionary does not have.
    """
    try:
        return _by_id()[identifier]
    except KeyError:
        raise AppError(
            "not-found",
            f"没有指标 {identifier!r}。全部指标见 docs/metrics.md。",
        ) from None


def metrics_at(level: Level) -> tuple[Metric, ...]:
    """The entries of one level, in dictionary order."""
    return tuple(entry for entry in DICTIONARY if entry.level == level)
