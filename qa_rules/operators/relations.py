"""Operators on other conditions of the same rule: order, within, not within, times, logic."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection

from qa_rules.conditions.boolean import Line
from qa_rules.conditions.relations import TimesCondition, WithinCondition
from qa_rules.conditions.scope import Reach
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.scan import Mask
from qa_rules.verdicts.judging import judge_line, occurrences_in, weigh
from qa_rules.verdicts.logic import Truth, weakest
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import (
    Gap,
    Verdict,
    Verdicts,
    absent,
    fact,
    merge_evidence,
    precedes,
    unsettled,
)

Holds = Callable[[Found, Found], bool]


class RelationOperator(ABC):
    """An operator on the verdicts of other conditions, by their slots.

    Where `stirs` says no, the conditions surely have no place in the call, and its truth is
    `quiet`. `leading` are those of the slots on which it hangs whether the others are of any
    interest.
    """

    quiet = Truth.FALSE

    def __init__(
        self, slots: tuple[int, ...], missing: str = "", leading: Collection[int] | None = None
    ) -> None:
        self.slots = slots
        self.leading = slots if leading is None else leading
        self._missing = missing

    def stirs(self, awake: Collection[int]) -> bool:
        """Whether it has to be run when those slots have been."""
        return all(slot in awake for slot in self.slots)

    @abstractmethod
    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""

    def truth(self, _facts: CallFacts, verdicts: Verdicts, slot: int) -> Truth:
        """The truth on one call of the operator at `slot`, as cheaply as it can be had."""
        return verdicts[slot].truth

    def searched(self, facts: CallFacts) -> Found:
        """Found that the whole call was searched in vain."""
        return fact(
            self._missing, "timing", facts.hearing.spoken.start_ms, facts.hearing.spoken.end_ms
        )


class OrderOperator(RelationOperator):
    """Runs an `OrderCondition`: the slots are those of `first` and `then`."""

    def __init__(self, first: int, then: int, missing: str) -> None:
        super().__init__((first, then), missing, leading=(first,))

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        first, then = (verdicts[slot] for slot in self.slots)
        return relate(first, then, precedes, self.searched(facts))


class WithinOperator(RelationOperator):
    """Runs a `WithinCondition`: the slots are those of the anchor and of what is looked for."""

    def __init__(self, condition: WithinCondition, of: int, find: int, missing: str) -> None:
        super().__init__((of, find), missing, leading=(of,))
        self._condition = condition

    def stirs(self, awake: Collection[int]) -> bool:
        """Whether it has to be run when those slots have been."""
        return self.slots[0] in awake if self._condition.lacking else super().stirs(awake)

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        if self._condition.reach.seconds is not None and not facts.hearing.timed:
            return unsettled(Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法按秒计算距离"))
        anchor = verdicts[self.slots[0]]
        if not anchor.occurrences and anchor.gap is None:
            return absent(self.searched(facts))
        wanted = verdicts.near(self.slots[1], self._around(facts, anchor))
        searched = self.searched(facts)
        if self._condition.lacking:
            return lacking(anchor, wanted, self._near, searched)
        return relate(anchor, wanted, self._near, searched)

    def _around(self, facts: CallFacts, anchor: Verdict) -> Mask:
        """The utterances in which something may be near a hit of the anchor."""
        count = self._condition.reach.utterances
        hits = [item.utterance for item in anchor.occurrences]
        if count is None or anchor.gap is not None or None in hits:
            return facts.hearing.everywhere
        places = around = facts.mask_of(hit for hit in hits if hit is not None)
        for step in range(1, min(count, len(facts.transcript.utterances)) + 1):
            if self._condition.direction != "before":
                around |= places << step
            if self._condition.direction != "after":
                around |= places >> step
        return around & facts.hearing.everywhere

    def _near(self, anchor: Found, item: Found) -> bool:
        direction, reach = self._condition.direction, self._condition.reach
        if direction == "after":
            return precedes(anchor, item) and reaches(reach, anchor, item)
        if direction == "before":
            return precedes(item, anchor) and reaches(reach, item, anchor)
        return item != anchor and (reaches(reach, anchor, item) or reaches(reach, item, anchor))


class TimesOperator(RelationOperator):
    """Runs a `TimesCondition`: the slot is that of the condition that is counted."""

    def __init__(self, condition: TimesCondition, of: int, missing: str) -> None:
        super().__init__((of,), missing)
        self._condition = condition
        if condition.at_least is None:
            self.quiet = Truth.TRUE

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        low, high = self._condition.at_least or 0, self._condition.at_most
        counted = verdicts[self.slots[0]]
        count, gap = len(counted.occurrences), counted.gap
        if high is not None and count > high:
            return absent(self.searched(facts))
        if gap is not None and (high is not None or count < low):
            return unsettled(gap)
        if count < low:
            return absent(self.searched(facts))
        evidence = counted.occurrences or (self.searched(facts),)
        return Verdict(Truth.TRUE, evidence, counted.occurrences, gap)


class LogicOperator(RelationOperator):
    """Runs a `LogicCondition`: `slots` belong to the `names` of its line."""

    def __init__(self, line: Line, names: tuple[str, ...], slots: tuple[int, ...]) -> None:
        super().__init__(slots)
        self._line = line
        self._names = names

    def stirs(self, _awake: Collection[int]) -> bool:
        """Always: what is absent may make the line true."""
        return True

    def truth(self, _facts: CallFacts, verdicts: Verdicts, _slot: int) -> Truth:
        """The truth on one call, by those of the conditions alone."""
        truths = verdicts.truths
        pairs = zip(self._names, self.slots, strict=True)
        return weigh(self._line, {name: truths[slot] for name, slot in pairs})[0]

    def __call__(self, _facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        named = {name: verdicts[slot] for name, slot in zip(self._names, self.slots, strict=True)}
        verdict = judge_line(self._line, named)
        if verdict.truth is not Truth.TRUE:
            return verdict
        gaps = [one.gap for one in named.values() if one.gap is not None]
        gap = Gap(weakest([g.truth for g in gaps]), gaps[0].reason) if gaps else None
        places = merge_evidence(occurrences_in(self._line, named))
        return Verdict(Truth.TRUE, verdict.evidence, places, gap)


def reaches(reach: Reach, earlier: Found, later: Found) -> bool:
    """Whether `later` comes soon enough after `earlier` begins; any reach when none is set."""
    if reach.seconds is not None:
        gap_ms = later.start_ms - earlier.end_ms
        return earlier.start_ms <= later.end_ms and gap_ms <= reach.seconds * 1000
    if reach.utterances is None:
        return True
    if earlier.utterance is None or later.utterance is None:
        return False
    return 0 <= later.utterance - earlier.utterance <= reach.utterances


def lacking(anchor: Verdict, wanted: Verdict, holds: Holds, searched: Found) -> Verdict:
    """TRUE with the anchors that have nothing wanted near them.

    That is only known when every occurrence of what is wanted is.
    """
    alone = tuple(
        item
        for item in anchor.occurrences
        if not any(holds(item, other) for other in wanted.occurrences)
    )
    if alone and wanted.gap is None:
        return Verdict(Truth.TRUE, alone, alone, anchor.gap)
    gaps = [gap for gap in (anchor.gap, wanted.gap if alone else None) if gap is not None]
    if gaps:
        return unsettled(Gap(weakest([g.truth for g in gaps]), gaps[0].reason))
    return absent(anchor.occurrences[0] if anchor.occurrences else searched)


def relate(anchor: Verdict, wanted: Verdict, holds: Holds, searched: Found) -> Verdict:
    """TRUE with the wanted occurrences that stand in the relation, and their anchors.

    FALSE when one side surely never occurs, or when both were heard completely.
    """
    wanted_there = tuple(
        item for item in wanted.occurrences if any(holds(a, item) for a in anchor.occurrences)
    )
    gaps = [verdict.gap for verdict in (anchor, wanted) if verdict.gap is not None]
    gap = Gap(weakest([g.truth for g in gaps]), "；".join(dict.fromkeys(g.reason for g in gaps)))
    if wanted_there:
        anchors = tuple(
            item for item in anchor.occurrences if any(holds(item, b) for b in wanted_there)
        )
        occurrences = merge_evidence(wanted_there)
        evidence = merge_evidence((*merge_evidence(anchors), *occurrences))
        return Verdict(Truth.TRUE, evidence, occurrences, gap if gaps else None)
    never = any(v.gap is None and not v.occurrences for v in (anchor, wanted))
    if gaps and not never:
        return unsettled(gap)
    return absent(searched)
