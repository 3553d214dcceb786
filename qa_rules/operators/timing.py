"""Operators on the timing of a call: silence, interruption, monologue, turns, rate, ratio."""

from asr.timing import CallTiming, Interruption, is_backchannel
from asr.transcript import Role, Transcript, Utterance
from qa_rules.conditions.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.scope import SaidBy, Scope
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.facts.selection import ROLE_NAMES, Selection, area
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, Verdict, Verdicts, absent, fact, found, unsettled

_SIDES: tuple[Role, ...] = ("agent", "customer")
_NO_TIMING = Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法计算")


class SilenceOperator:
    """Runs a `SilenceCondition`."""

    def __init__(self, condition: SilenceCondition) -> None:
        self._condition = condition
        self._area = area(Scope(ranges=condition.ranges), 0)

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        condition = self._condition
        selection = facts.hearing.selected(self._area)
        if selection.is_unknown:
            return unsettled(selection.gap or _NO_TIMING)
        silences = facts.timing.silences(round(condition.min_s * 1000))
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
            and (not condition.ranges or _begins_in(selection, silence.span.start_ms))
        )
        searched = fact(
            f"没有超过 {condition.min_s:g} 秒的静音", "timing",
            selection.window.start_ms, selection.window.end_ms,
        )  # fmt: skip
        if len(wanted) >= condition.count:
            return found(wanted, None)
        return absent(searched, wanted)


class InterruptionOperator:
    """Runs an `InterruptionCondition`."""

    def __init__(self, condition: InterruptionCondition) -> None:
        self._condition = condition
        self._area = area(Scope(role=condition.role, ranges=condition.ranges), 0)

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        condition = self._condition
        selection = facts.hearing.selected(self._area)
        if condition.ranges and selection.is_unknown:
            return unsettled(selection.gap or _NO_TIMING)
        wanted: list[Found] = []
        for role in _SIDES if condition.role == "any" else (condition.role,):
            starts = facts.timing.interruptions(role, condition.min_overlap_ms)
            if starts is None:
                return unsettled(Gap(Truth.NOT_APPLICABLE, "听不出双方是否同时说话，无法判断抢话"))
            wanted += [
                _interruption(start, facts.utterance(start.utterance))
                for start in starts
                if start.utterance in selection.indexes
            ]
        occurrences = tuple(sorted(wanted, key=lambda item: item.start_ms))
        if len(occurrences) >= condition.count:
            return found(occurrences, None)
        window = selection.window
        return absent(fact("没有抢话", "timing", window.start_ms, window.end_ms), occurrences)


def _begins_in(selection: Selection, start_ms: int) -> bool:
    """Whether something that begins then lies in the time that a range covers."""
    return selection.window.start_ms <= start_ms < selection.window.end_ms


def _interruption(start: Interruption, utterance: Utterance) -> Found:
    return quote(utterance, 0, len(utterance.text), "timing", "raw")._replace(
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
        whole = facts.hearing.spoken
        evidence = (fact(said, "timing", whole.start_ms, whole.end_ms, role),)
        # A measure of the whole call happens nowhere in it, so it has no occurrences.
        return Verdict(Truth.TRUE if self._bounds.contain(value) else Truth.FALSE, evidence)


class SpeechRateOperator(_Measured):
    """Runs a `SpeechRateCondition`."""

    def __init__(self, condition: SpeechRateCondition) -> None:
        super().__init__(condition.bounds)
        self._condition = condition
        self._role = condition.role

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        if self._condition.of == "utterance":
            return self._single(facts)
        value = _rate(facts.timing, self._role)
        said = f"{ROLE_NAMES[self._role]}语速 {value or 0:.0f} 字/分钟"
        return self.judge(facts, value, said, self._role)

    def _single(self, facts: CallFacts) -> Verdict:
        selection = facts.hearing.select(Scope(role=self._role), 0)
        if selection.is_unknown or not facts.hearing.timed:
            return unsettled(_NO_TIMING)
        wanted: list[Found] = []
        for utterance in selection.utterances:
            rate = facts.timing.utterance_rate(utterance)
            if rate is not None and self._bounds.contain(rate):
                quoted = quote(utterance, 0, len(utterance.text), "timing", "raw")
                wanted.append(quoted._replace(text=f"{rate:.0f} 字/分钟：{utterance.text}"))
        return _so_many(facts, wanted, self._condition.count, selection.gap, "没有这样语速的话")


class TalkRatioOperator(_Measured):
    """Runs a `TalkRatioCondition`."""

    def __init__(self, condition: TalkRatioCondition) -> None:
        super().__init__(condition.bounds)
        self._role = condition.role

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        value = _ratio(facts.timing, self._role)
        said = f"{ROLE_NAMES[self._role]}说话占比 {100 * (value or 0):.0f}%"
        return self.judge(facts, value, said, self._role)


class DurationOperator(_Measured):
    """Runs a `DurationCondition`."""

    def __init__(self, condition: DurationCondition) -> None:
        super().__init__(condition.bounds)
        self._of = condition.of
        self._role = condition.role

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        if self._of == "call":
            length = facts.transcript.audio.duration_ms
            return self.judge(facts, length / 1000 or None, f"通话 {length / 1000:.0f} 秒", "")
        spoken = _talk_ms(facts.timing, self._role)
        said = f"{ROLE_NAMES[self._role]}说话 {(spoken or 0) / 1000:.0f} 秒"
        return self.judge(facts, None if spoken is None else spoken / 1000, said, self._role)


def _talk_ms(timing: CallTiming, role: SaidBy) -> int | None:
    if role != "any":
        return timing.talk_ms(role)
    sides = [timing.talk_ms(side) for side in _SIDES]
    known = [ms for ms in sides if ms is not None]
    return sum(known) if known else None


def _ratio(timing: CallTiming, role: SaidBy) -> float | None:
    sides = {side: timing.talk_ms(side) for side in _SIDES}
    agent, customer = sides["agent"], sides["customer"]
    if agent is None or customer is None or not agent + customer or role == "any":
        return None
    return (agent if role == "agent" else customer) / (agent + customer)


def _rate(timing: CallTiming, role: SaidBy) -> float | None:
    return None if role == "any" else timing.speech_rate(role)


class MonologueOperator:
    """Runs a `MonologueCondition`."""

    def __init__(self, condition: MonologueCondition) -> None:
        self._condition = condition

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        condition = self._condition
        found_ones: list[Found] = []
        doubtful: Gap | None = facts.hearing.unheard(condition.role, [facts.hearing.spoken], 0)
        for role in _SIDES if condition.role == "any" else (condition.role,):
            at_least_ms = int(condition.min_s * 1000)
            runs = facts.timing.monologues(role, at_least_ms=at_least_ms)
            if runs is None:
                return unsettled(_NO_TIMING)
            other: SaidBy = "customer" if role == "agent" else "agent"
            for run in runs:
                if run.speech_ms <= condition.min_s * 1000:
                    continue
                if gap := facts.hearing.unheard(other, [run.span], 0):
                    doubtful = gap  # The other side may have had its turn in between.
                    continue
                text = f"连续说了 {run.speech_ms / 1000:.0f} 秒"
                span = run.span
                found_ones.append(fact(text, "timing", span.start_ms, span.end_ms, role))
        return _so_many(facts, found_ones, condition.count, doubtful, "没有这样长的独白")


class TurnsOperator:
    """Runs a `TurnsCondition`."""

    def __init__(self, condition: TurnsCondition) -> None:
        self._condition = condition

    def __call__(self, facts: CallFacts, _verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        role, bounds = self._condition.role, self._condition.bounds
        selection = facts.hearing.select(Scope(role=role), 0)
        if selection.gap is not None:
            return unsettled(selection.gap)
        if self._condition.of == "utterances":
            count, unit = len(selection.utterances), "句"
        else:
            gap = facts.hearing.unheard("any", [facts.hearing.spoken], 0)
            if gap is not None:
                return unsettled(gap)
            count, unit = _turns(facts.transcript, role), "轮"
        whole = facts.hearing.spoken
        name = "双方" if role == "any" else ROLE_NAMES[role]
        said = fact(f"{name}共说了 {count} {unit}", "timing", whole.start_ms, whole.end_ms)
        return Verdict(Truth.TRUE if bounds.contain(count) else Truth.FALSE, (said,))


def _turns(transcript: Transcript, role: SaidBy) -> int:
    """Turns of the role: runs of one side's utterances, those that only listen left out."""
    spoken = [u.role for u in transcript.utterances if not is_backchannel(u.text)]
    starts = [
        speaker
        for before, speaker in zip([None, *spoken], spoken, strict=False)
        if speaker != before
    ]
    return sum(role in ("any", speaker) for speaker in starts)


def _so_many(
    facts: CallFacts, wanted: list[Found], count: int, gap: Gap | None, missing: str
) -> Verdict:
    """TRUE with `count` or more places, FALSE with fewer unless a gap may hide the others."""
    occurrences = tuple(sorted(wanted, key=lambda item: item.start_ms))
    if len(occurrences) >= count:
        return found(occurrences, gap)
    if gap is not None:
        return unsettled(gap, occurrences)
    whole = facts.hearing.spoken
    return absent(fact(missing, "timing", whole.start_ms, whole.end_ms), occurrences)
