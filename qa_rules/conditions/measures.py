"""Conditions on the call as a whole: its timing, its measures and its metadata, as values."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from qa_rules.conditions.scope import Range, SaidBy, Scalar
from qa_rules.conditions.stated import Stated

Comparator = Literal["=", "!=", ">", ">=", "<", "<=", "in", "not in", "matches"]
SpeechRateOf = Literal["call", "utterance"]
DurationOf = Literal["call", "talk"]
TurnsOf = Literal["turns", "utterances"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceCondition(Stated):
    """Nobody speaks for at least `min_s` seconds, at least `count` times.

    Only silences after speech of `after` count, unless that is `any`, and only those that begin
    inside all of `ranges`, which count the utterances of both sides.
    """

    operator: ClassVar[str] = "silence"
    min_s: float = 5.0
    count: int = 1
    after: SaidBy = "any"
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptionCondition(Stated):
    """`role` starts while the other side speaks, overlapping at least `min_overlap_ms`.

    Only utterances of `role` inside all of `ranges` count as its interruptions.
    """

    operator: ClassVar[str] = "interruption"
    role: SaidBy = "agent"
    min_overlap_ms: int = 500
    count: int = 1
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """An open interval: a value lies inside when it is above `above` and below `below`."""

    above: float | None = None
    below: float | None = None

    def contain(self, value: float) -> bool:
        """Whether `value` lies inside."""
        return (self.above is None or value > self.above) and (
            self.below is None or value < self.below
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRateCondition(Stated):
    """The role's speech rate, in 汉字 per minute of its own speech.

    Over the whole call, or (`of: utterance`) in at least `count` single utterances.
    """

    operator: ClassVar[str] = "speech_rate"
    bounds: Bounds
    role: SaidBy = "agent"
    of: SpeechRateOf = "call"
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkRatioCondition(Stated):
    """The role's share of all speech time, in [0, 1]."""

    operator: ClassVar[str] = "talk_ratio"
    bounds: Bounds
    role: SaidBy = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationCondition(Stated):
    """Seconds of the whole recording, or (`of: talk`) of the role's speech."""

    operator: ClassVar[str] = "duration"
    bounds: Bounds
    of: DurationOf = "call"
    role: SaidBy = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonologueCondition(Stated):
    """`role` speaks without the other's turn for more than `min_s` seconds, `count` times."""

    operator: ClassVar[str] = "monologue"
    min_s: float = 60.0
    count: int = 1
    role: SaidBy = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnsCondition(Stated):
    """The number of turns, or (`of: utterances`) utterances, of the role in the call.

    A turn is what one side says with nothing of the other between; 嗯 and the like are none.
    """

    operator: ClassVar[str] = "turns"
    bounds: Bounds
    of: TurnsOf = "turns"
    role: SaidBy = "any"


@dataclass(frozen=True, slots=True)
class MetadataTest:
    """One comparison with one field of the call's metadata (`in`, `not in` hold several values)."""

    key: str
    comparator: Comparator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataCondition(Stated):
    """Every test on the call's metadata holds."""

    operator: ClassVar[str] = "metadata"
    tests: tuple[MetadataTest, ...]


Measure = (
    SilenceCondition
    | InterruptionCondition
    | SpeechRateCondition
    | TalkRatioCondition
    | DurationCondition
    | MonologueCondition
    | TurnsCondition
    | MetadataCondition
)
