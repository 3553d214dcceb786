"""Operators that relate two other conditions of the same rule: order and within."""

from collections.abc import Callable, Mapping

from core.evidence import Evidence
from qa_rules.facts import CallFacts
from qa_rules.logic import Truth, weakest
from qa_rules.relations import WithinCondition
from qa_rules.verdict import Gap, Verdict, absent, fact, merge_evidence, unsettled

Relation = Callable[[Evidence, Evidence], bool]


class OrderOperator:
    """Runs an order: `first` and `then` are the slots of its two conditions."""

    def __init__(self, first: int, then: int, missing: str) -> None:
        self._missing = missing
        self.slots = (first, then)

    def __call__(self, facts: CallFacts, verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        first, then = (verdicts[slot] for slot in self.slots)
        searched = fact(
            self._missing, "timing",
            facts.spoken.start_ms, facts.spoken.end_ms,
        )  # fmt: skip
        return relate(first, then, precedes, searched)


class WithinOperator:
    """Runs a `WithinCondition`: `of` is the slot of the anchor, `find` of what is looked for."""

    def __init__(self, condition: WithinCondition, of: int, find: int, missing: str) -> None:
        self._condition = condition
        self._missing = missing
        self.slots = (of, find)

    def __call__(self, facts: CallFacts, verdicts: Mapping[int, Verdict]) -> Verdict:
        """The verdict on one call."""
        anchor, wanted = (verdicts[slot] for slot in self.slots)
        condition = self._condition
        if condition.reach.seconds is not None and not facts.timed:
            return unsettled(Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法按秒计算距离"))
        searched = fact(
            self._missing, "timing",
            facts.spoken.start_ms, facts.spoken.end_ms,
        )  # fmt: skip
        return relate(anchor, wanted, self._near, searched)

    def _near(self, anchor: Evidence, item: Evidence) -> bool:
        direction = self._condition.direction
        if direction == "after":
            return precedes(anchor, item) and self._close(anchor, item)
        if direction == "before":
            return precedes(item, anchor) and self._close(item, anchor)
        return item != anchor and (self._close(anchor, item) or self._close(item, anchor))

    def _close(self, earlier: Evidence, later: Evidence) -> bool:
        if self._condition.reach.seconds is not None:
            gap_ms = later.start_ms - earlier.end_ms
            return -(later.end_ms - earlier.start_ms) <= gap_ms <= self._condition.reach.seconds * 1000
        if earlier.utterance is None or later.utterance is None:
            return False
        return 0 <= later.utterance - earlier.utterance <= (self._condition.reach.utterances or 0)


def precedes(one: Evidence, other: Evidence) -> bool:
    """Whether `one` comes before `other`: by utterance and place in it, else by time."""
    if one.utterance is not None and other.utterance is not None:
        if one.utterance != other.utterance:
            return one.utterance < other.utterance
        if one.form != "none" and other.form != "none":
            return one.char_end <= other.char_start
    return one.end_ms <= other.start_ms and one != other


def relate(anchor: Verdict, wanted: Verdict, holds: Relation, searched: Evidence) -> Verdict:
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
