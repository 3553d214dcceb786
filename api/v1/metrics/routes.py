"""The metric dictionary."""

from fastapi import APIRouter

from api.auth import Reader
from api.openapi import answers
from api.v1.metrics.examples import METRICS
from api.v1.metrics.schemas import MetricDictionary
from insights.dictionary import DICTIONARY, DICTIONARY_VERSION, LEVEL_NAMES

router = APIRouter(prefix="/metrics", tags=["metrics"])


@router.get(
    "",
    response_model=MetricDictionary,
    summary="指标词典",
    description="返回每个数字的名称、公式、分母、数据来源和缺失条件；页面上的任何数字都能在这里查到定义。",
    responses=answers(METRICS),
)
async def read_metrics(_principal: Reader) -> MetricDictionary:
    """The metric dictionary."""
    return MetricDictionary(
        version=DICTIONARY_VERSION,
        levels={str(level): name for level, name in LEVEL_NAMES.items()},
        metrics=list(DICTIONARY),
    )
