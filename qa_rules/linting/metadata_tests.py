"""Tests on metadata held against each other: which calls pass both, and which pass none."""

from collections.abc import Sequence

from qa_rules.conditions.measures import MetadataTest

_EQUAL = ("=", "in")
_UNEQUAL = ("!=", "not in")


def all_implied(wanted: Sequence[MetadataTest], given: Sequence[MetadataTest]) -> bool:
    """Whether every call that passes all of `given` passes all of `wanted`."""
    return all(any(_implied(test, by) for by in given) for test in wanted)


def _implied(test: MetadataTest, by: MetadataTest) -> bool:
    if test == by:
        return True
    if test.key != by.key:
        return False
    values, others = _values(test), _values(by)
    if by.comparator in _EQUAL and test.comparator in _EQUAL:
        return others <= values
    if by.comparator in _EQUAL and test.comparator in _UNEQUAL:
        return not others & values
    if by.comparator in _UNEQUAL and test.comparator in _UNEQUAL:
        return values <= others
    return _bound(test, by)


def _bound(test: MetadataTest, by: MetadataTest) -> bool:
    """`size > 3` holds wherever `size > 5` does."""
    limit, other = test.values[0], by.values[0]
    if not isinstance(limit, int | float) or not isinstance(other, int | float):
        return False
    if test.comparator[0] != by.comparator[0] or test.comparator[0] not in "<>":
        return False
    strict_only = test.comparator in ("<", ">") and by.comparator in ("<=", ">=")
    if other == limit:
        return not strict_only
    return other > limit if test.comparator[0] == ">" else other < limit


def disjoint(one: Sequence[MetadataTest], other: Sequence[MetadataTest]) -> bool:
    """Whether no call passes both, as far as equal fields tell."""
    return any(
        a.key == b.key and (_apart(a, b) or _apart(b, a) or _bounds_apart(a, b))
        for a in one
        for b in other
    )


def _apart(one: MetadataTest, other: MetadataTest) -> bool:
    if one.comparator not in _EQUAL:
        return False
    if other.comparator in _EQUAL:
        return not _values(one) & _values(other)
    return other.comparator in _UNEQUAL and _values(one) <= _values(other)


def _bounds_apart(one: MetadataTest, other: MetadataTest) -> bool:
    low, high = (one, other) if one.comparator[0] == ">" else (other, one)
    if low.comparator[0] != ">" or high.comparator[0] != "<":
        return False
    least, most = low.values[0], high.values[0]
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return False
    return least > most or (least == most and (low.comparator, high.comparator) != (">=", "<="))


def _values(test: MetadataTest) -> frozenset[str]:
    return frozenset(str(value) for value in test.values)
