"""Metadata: what is known of a call from elsewhere, compared with what rules ask of it."""

import datetime as dt
from collections.abc import Mapping, Sequence

from qa_rules.conditions.measures import MetadataCondition, MetadataTest
from qa_rules.conditions.scope import Scalar
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.patterns import compiled
from qa_rules.verdicts.logic import Truth, conjunction
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, Verdict, Verdicts, fact, unsettled


class MetadataOperator:
    """Runs a `MetadataCondition`."""

    def __init__(self, condition: MetadataCondition) -> None:
        self._tests = condition.tests

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        truth, evidence, gap = judge_tests(self._tests, facts)
        if gap is not None:
            return unsettled(gap)
        return Verdict(truth, evidence)


def metadata_fits(tests: tuple[MetadataTest, ...], metadata: Mapping[str, object]) -> bool:
    """Whether all tests hold of the metadata; a missing field fits no test."""
    return all(_holds(test, metadata.get(test.key)) is Truth.TRUE for test in tests)


def judge_tests(
    tests: tuple[MetadataTest, ...], facts: CallFacts
) -> tuple[Truth, tuple[Found, ...], Gap | None]:
    """Whether all tests hold, the compared values as evidence, and what was missing."""
    values = {test.key: _value(test.key, facts) for test in tests}
    truths = [_holds(test, values[test.key]) for test in tests]
    truth = conjunction(truths)
    if not truth.known:
        lacking = [
            test.key for test, one in zip(tests, truths, strict=True) if one is Truth.NOT_APPLICABLE
        ]
        return truth, (), Gap(truth, f"通话缺少可比较的字段 {'、'.join(lacking)}")
    evidence = tuple(
        fact(f"{key} = {_shown(value)}", "metadata", 0, 0) for key, value in values.items()
    )
    return truth, evidence, None


def _value(key: str, facts: CallFacts) -> object:
    metadata: Mapping[str, object] = facts.call.metadata
    value = metadata.get(key)
    if value is None and key == "duration_s" and facts.transcript.audio.duration_ms:
        return facts.transcript.audio.duration_ms / 1000
    return value


def _shown(value: object) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return "、".join(sorted(str(item) for item in value))
    return str(value)


def _holds(test: MetadataTest, value: object) -> Truth:
    """Missing or incomparable values are NOT_APPLICABLE; a list holds when one member does."""
    if value is None:
        return Truth.NOT_APPLICABLE
    members = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    if test.comparator in ("=", "in", "!=", "not in"):
        same = any(_same(member, wanted) for member in members for wanted in test.values)
        return Truth.TRUE if same != (test.comparator in ("!=", "not in")) else Truth.FALSE
    if test.comparator == "matches":
        pattern = compiled(str(test.values[0]))
        held = any(pattern.search(str(member)) is not None for member in members)
        return Truth.TRUE if held else Truth.FALSE
    return _compare_ordered(test, members)


def _compare_ordered(test: MetadataTest, members: Sequence[object]) -> Truth:
    """Numbers are compared as numbers, dates (ISO 8601) as times; nothing else has an order."""
    for kind in (_as_number, _as_time):
        limit = kind(test.values[0])
        values = [value for member in members if (value := kind(member)) is not None]
        if limit is not None and values:
            return Truth.TRUE if any(_compared(test, one, limit) for one in values) else Truth.FALSE
    return Truth.NOT_APPLICABLE


def _as_time(value: object) -> float | None:
    """Seconds since the epoch of an ISO 8601 date; without a zone it is taken as UTC."""
    if isinstance(value, dt.datetime | dt.date):
        value = value.isoformat()
    if not isinstance(value, str):
        return None
    try:
        time = dt.datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _same(value: object, wanted: Scalar) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    one, other = _as_number(value), _as_number(wanted)
    if one is not None and other is not None and not isinstance(value, str):
        return one == other
    return str(value) == str(wanted)


def _as_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _compared(test: MetadataTest, value: float, limit: float) -> bool:
    match test.comparator:
        case ">":
            return value > limit
        case ">=":
            return value >= limit
        case "<":
            return value < limit
        case _:
            return value <= limit
