"""Conditions that look at other conditions of the rule, or at other rules, as values."""

from dataclasses import dataclass, field
from typing import ClassVar

from qa_rules.conditions.boolean import Line
from qa_rules.conditions.scope import Direction, Reach, SaidBy
from qa_rules.conditions.stated import Stated


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCondition(Stated):
    """Condition `then` occurs after some occurrence of condition `first`."""

    operator: ClassVar[str] = "order"
    first: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinCondition(Stated):
    """Condition `find` occurs near condition `of`, on the given side of it.

    At most so many utterances (of anybody) or seconds away. `lacking` turns it round: some
    occurrence of `of` has no `find` near it.
    """

    find: str
    of: str
    reach: Reach
    direction: Direction = "after"
    lacking: bool = False

    @property
    def operator(self) -> str:
        """`within` or `not_within`, as documents spell it."""
        return "not_within" if self.lacking else "within"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesCondition(Stated):
    """Condition `of` occurs at least `at_least` and at most `at_most` times; one may be None."""

    operator: ClassVar[str] = "times"
    of: str
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredCondition(Stated):
    """Some question of `role` gets no answer from the other side.

    Questions are the occurrences of condition `question`, or sentences that ask something when
    it is empty. An answer is an occurrence of condition `answer` after the question, or any
    utterance of the other side that says more than 嗯; it counts within `reach`.
    """

    operator: ClassVar[str] = "unanswered"
    reach: Reach
    role: SaidBy = "customer"
    question: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a process: condition `step` occurs after the step before, within `reach`.

    `next` are the steps that may follow; () means that the process may end here. An `optional`
    step may be left out.
    """

    step: str
    next: tuple[str, ...] = ()
    reach: Reach = field(default_factory=Reach)
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCondition(Stated):
    """The steps occur in order, from the first one along some branch to an end.

    `steps` has at least two, each with another condition, and no way back to an earlier one.
    """

    operator: ClassVar[str] = "process"
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicCondition(Stated):
    """The boolean line over other conditions of the rule is true."""

    operator: ClassVar[str] = "logic"
    of: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCondition(Stated):
    """Another rule of the rule set, by its id, hits the call."""

    operator: ClassVar[str] = "rule"
    rule: str


Relation = (
    OrderCondition
    | WithinCondition
    | TimesCondition
    | UnansweredCondition
    | ProcessCondition
    | LogicCondition
    | RuleCondition
)
