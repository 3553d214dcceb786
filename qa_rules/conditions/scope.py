"""Where a condition looks: who says it, which part of the call, near which other condition."""

from dataclasses import dataclass, field
from typing import Literal

SaidBy = Literal["agent", "customer", "any"]
Edge = Literal["first", "last", "between"]
Unit = Literal["utterances", "s"]
Direction = Literal["after", "before", "around"]
Scalar = str | int | float | bool

EVERY_HIT = 0
LAST_HIT = -1


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the call, by utterances of the condition's role or by seconds.

    `first n` and `last n` count from the first and the last speech of the call; `between`
    runs from `low` to `high`, both counted from 1 for utterances and inclusive, or seconds since
    the first speech. For `first` and `last`, `low` is 0 and `high` is n.
    """

    edge: Edge
    low: float
    high: float
    unit: Unit

    def __str__(self) -> str:
        if self.edge == "between":
            return f"{self.unit} {number(self.low)} to {number(self.high)}"
        return f"{self.edge} {number(self.high)} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far from a place something may be: so many utterances, or seconds, or any distance.

    At most one of the two is set.
    """

    utterances: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        if self.utterances is not None:
            return f"{self.utterances} utterances"
        return "" if self.seconds is None else f"{number(self.seconds)} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A part of the call beside the hits of another condition of the rule, named `of`.

    `reach` counts utterances of the condition's own role. `hit` is the number of the hit that
    counts, from 1; `LAST_HIT`, or `EVERY_HIT` for the parts beside all of them. Without any hit
    there is no such part, and the condition is false.
    """

    of: str
    side: Direction = "after"
    reach: Reach = field(default_factory=Reach)
    hit: int = EVERY_HIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who says it and where in the call. Several ranges mean their intersection."""

    role: SaidBy = "any"
    ranges: tuple[Range, ...] = ()
    anchor: Anchor | None = None


def number(value: float) -> str:
    """The number without a needless fraction: `3`, `2.5`."""
    return str(int(value)) if value == int(value) else str(value)
