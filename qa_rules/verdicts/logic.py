"""Logic with two kinds of "don't know": the truth table that every rule is judged by.

`TRUE` and `FALSE` are known. `UNDECIDABLE` means that the data exists but was not heard or not
understood (speech without text, no encoder); `NOT_APPLICABLE` means that this call cannot have
it (no such channel, no timing, no such metadata). Both behave as Kleene's third value; where
both meet, `UNDECIDABLE` wins, because a better hearing could still decide. The full table is in
docs/rules.md.
"""

from collections.abc import Sequence
from enum import Enum


class Truth(Enum):
    """A truth value of the rule language."""

    TRUE = "true"
    FALSE = "false"
    UNDECIDABLE = "undecidable"
    NOT_APPLICABLE = "not_applicable"

    __hash__ = object.__hash__  # Members are single objects: no need to hash their names.

    @property
    def known(self) -> bool:
        """Whether the value is TRUE or FALSE."""
        return self is Truth.TRUE or self is Truth.FALSE


def negate(value: Truth) -> Truth:
    """TRUE and FALSE exchanged; what is not known stays so."""
    if value is Truth.TRUE:
        return Truth.FALSE
    return Truth.TRUE if value is Truth.FALSE else value


def at_least(count: int, values: Sequence[Truth]) -> Truth:
    """Whether `count` or more of `values` are true.

    TRUE as soon as enough are; FALSE once even all unknown ones could not make it; otherwise
    the stronger kind of "don't know" among them.
    """
    true = sum(value is Truth.TRUE for value in values)
    if true >= count:
        return Truth.TRUE
    unknown = sum(not value.known for value in values)
    if true + unknown < count:
        return Truth.FALSE
    return weakest(values)


def conjunction(values: Sequence[Truth]) -> Truth:
    """`and` over `values`; TRUE for none."""
    return at_least(len(values), values)


def disjunction(values: Sequence[Truth]) -> Truth:
    """`or` over `values`; FALSE for none."""
    return at_least(1, values)


def weakest(values: Sequence[Truth]) -> Truth:
    """UNDECIDABLE when one of `values` is, else NOT_APPLICABLE."""
    return Truth.UNDECIDABLE if Truth.UNDECIDABLE in values else Truth.NOT_APPLICABLE
