"""One entry of the metric dictionary, and one measured figure."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["call", "sop", "qa", "kpi"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a definition depends on, with its default and unit."""

    name: str
    default: float | int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How one figure is made. Two figures with different denominators are two entries.

    `formula`, `denominator`, `source` and `missing_when` are Chinese sentences for people,
    `formula_en` the English one. `unit` is `ratio` for shares in [0, 1]. `missing_when` says when
    the figure is null. `computed` tells whether this version of the product computes the figure;
    an entry that is not computed yet is still defined, so that its name cannot come to mean
    something else. `version` grows when the meaning changes.
    """

    id: str
    name_zh: str
    name_en: str
    level: Level
    unit: str
    formula: str
    formula_en: str
    denominator: str
    source: str
    missing_when: str
    parameters: tuple[Parameter, ...] = ()
    computed: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, or None with the reason why it is missing (Chinese, for people)."""

    value: float | int | None
    unit: str
    missing_reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.missing_reason):
            raise ValueError("a figure has either a value or a reason why it has none")
