"""Operators on the call as a whole: silence, interruption, rate, ratio, duration, metadata."""

from collections.abc import Mapping
from dataclasses import replace

from asr import timing
from asr.transcript import Role, Transcript, Utterance
from core.evidence import Evidence
from qa_rules.facts import ROLE_NAMES, CallFacts, quote
from qa_rules.logic import Truth, conjunction
from qa_rules.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    MetadataTest,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
)
from qa_rules.scope import SaidBy, Scalar
from qa_rules.verdict import Gap, Verdict, absent, fact, found, unsettled

_SIDES: tuple[Role, ...] = ("agent", "customer")
_NO_TIMING = Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法计算")


class SilenceOperator:
    """Runs a `SilenceCondition`."""

    def __init__(self, condition: SilenceCondition) -> None:
        self._condition = condition

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        condition = self._condition
        silences = timing.silences(facts.transcript, round(condition.min_s * 1000))
        if silences is None:
            return unsettled(_NO_TIMING)
        wanted = tuple(
            fact(
                f"静音 {silence.span.duration_ms / 1000:.1f} 秒",
                "timing",
                silence.span.start_ms,
                silence.span.end_ms,
                silence.after,
            )
            for silence in silences
            if condition.after in ("any", silence.after)
        )
        searched = fact(
            f"没有 {condition.min_s:g} 秒以上的静音", "timing",
            facts.spoken.start_ms, facts.spoken.end_ms,
        )  # fmt: skip
        if len(wanted) >= condition.count:
            return found(wanted, None)
        return absent(searched, wanted)


class InterruptionOperator:
    """Runs an `InterruptionCondition`."""

    def __init__(self, condition: InterruptionCondition) -> None:
        self._condition = condition

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        condition = self._condition
        wanted: list[Evidence] = []
        for role in _SIDES if condition.role == "any" else (condition.role,):
            starts = timing.interruptions(facts.transcript, role, condition.min_overlap_ms)
            if starts is None:
                return unsettled(Gap(Truth.NOT_APPLICABLE, "听不出双方是否同时说话，无法判断抢话"))
            wanted += [_interruption(start, facts.by_index[start.utterance]) for start in starts]
        occurrences = tuple(sorted(wanted, key=lambda item: item.start_ms))
        if len(occurrences) >= condition.count:
            return found(occurrences, None)
        whole = facts.spoken
        return absent(fact("没有抢话", "timing", whole.start_ms, whole.end_ms), occurrences)


def _interruption(start: timing.Interruption, utterance: Utterance) -> Evidence:
    return replace(
        quote(utterance, 0, len(utterance.text), "timing", "raw"),
        start_ms=start.overlap.start_ms,
        text=f"与对方重叠 {start.overlap.duration_ms / 1000:.1f} 秒：{utterance.text}",
    )


class _Measured:
    """A number inside bounds: what rate, ratio and duration share."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    def judge(self, facts: CallFacts, value: float | None, said: str, role: str) -> Verdict:
        """TRUE when the value lies inside the bounds; the evidence states the value."""
        if value is None:
            return unsettled(_NO_TIMING)
        whole = facts.spoken
        evidence = (fact(said, "timing", whole.start_ms, whole.end_ms, role),)
        # A measure of the whole call happens nowhere in it, so it has no occurrences.
        return Verdict(Truth.TRUE if self._bounds.contain(value) else Truth.FALSE, evidence)


class SpeechRateOperator(_Measured):
    """Runs a `SpeechRateCondition`."""

    def __init__(self, condition: SpeechRateCondition) -> None:
        super().__init__(condition.bounds)
        self._role = condition.role

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        value = _rate(facts.transcript, self._role)
        said = f"{ROLE_NAMES[self._role]}语速 {value or 0:.0f} 字/分钟"
        return self.judge(facts, value, said, self._role)


class TalkRatioOperator(_Measured):
    """Runs a `TalkRatioCondition`."""

    def __init__(self, condition: TalkRatioCondition) -> None:
        super().__init__(condition.bounds)
        self._role = condition.role

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        value = _ratio(facts.transcript, self._role)
        said = f"{ROLE_NAMES[self._role]}说话占比 {100 * (value or 0):.0f}%"
        return self.judge(facts, value, said, self._role)


class DurationOperator(_Measured):
    """Runs a `DurationCondition`."""

    def __init__(self, condition: DurationCondition) -> None:
        super().__init__(condition.bounds)
        self._of = condition.of
        self._role = condition.role

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        if self._of == "call":
            length = facts.transcript.audio.duration_ms
            return self.judge(facts, length / 1000 or None, f"通话 {length / 1000:.0f} 秒", "")
        spoken = _talk_ms(facts.transcript, self._role)
        said = f"{ROLE_NAMES[self._role]}说话 {(spoken or 0) / 1000:.0f} 秒"
        return self.judge(facts, None if spoken is None else spoken / 1000, said, self._role)


def _talk_ms(transcript: Transcript, role: SaidBy) -> int | None:
    if role != "any":
        return timing.talk_ms(transcript, role)
    sides = [timing.talk_ms(transcript, side) for side in _SIDES]
    known = [ms for ms in sides if ms is not None]
    return sum(known) if known else None


def _ratio(transcript: Transcript, role: SaidBy) -> float | None:
    sides = {side: timing.talk_ms(transcript, side) for side in _SIDES}
    agent, customer = sides["agent"], sides["customer"]
    if agent is None or customer is None or not agent + customer or role == "any":
        return None
    return (agent if role == "agent" else customer) / (agent + customer)


def _rate(transcript: Transcript, role: SaidBy) -> float | None:
    return None if role == "any" else timing.speech_rate(transcript, role)


class MetadataOperator:
    """Runs a `MetadataCondition`."""

    def __init__(self, condition: MetadataCondition) -> None:
        self._tests = condition.tests

    def __call__(self, facts: CallFacts, _verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        truth, evidence, gap = judge_tests(self._tests, facts)
        if gap is not None:
            return unsettled(gap)
        return Verdict(truth, evidence)


def judge_tests(
    tests: tuple[MetadataTest, ...], facts: CallFacts
) -> tuple[Truth, tuple[Evidence, ...], Gap | None]:
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
    if test.comparator in ("=", "in", "!="):
        same = any(_same(member, wanted) for member in members for wanted in test.values)
        return Truth.TRUE if same != (test.comparator == "!=") else Truth.FALSE
    limit = _as_number(test.values[0])
    numbers = [number for member in members if (number := _as_number(member)) is not None]
    if limit is None or not numbers:
        return Truth.NOT_APPLICABLE
    return Truth.TRUE if any(_compared(test, one, limit) for one in numbers) else Truth.FALSE


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
