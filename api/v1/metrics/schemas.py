"""Shape of the metric dictionary."""

from pydantic import BaseModel, Field

from insights.metric import Metric


class MetricDictionary(BaseModel):
    """Every figure that the product shows, defined once."""

    version: int = Field(description="词典版本，任何条目变化都会增加")
    levels: dict[str, str] = Field(description="指标层级及其中文名")
    metrics: list[Metric] = Field(description="全部指标，按层级和阅读顺序")
