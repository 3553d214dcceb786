"""Processes: steps that follow one another along the branches of a graph."""

from collections.abc import Collection, Mapping

from qa_rules.conditions.process_graph import Graph
from qa_rules.conditions.relations import ProcessCondition
from qa_rules.facts.call_facts import CallFacts
from qa_rules.operators.relations import RelationOperator, reaches
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

Place = tuple[str, Found]


class ProcessOperator(RelationOperator):
    """Runs a `ProcessCondition`; `slots` are those of its steps, in their order.

    TRUE when some chain of occurrences leads from the first step to an end. A step that may have
    gone unheard may have happened anywhere: with it the process may have been completed.
    """

    def __init__(self, condition: ProcessCondition, slots: tuple[int, ...], missing: str) -> None:
        self._graph = Graph(condition)
        self._names = tuple(step.step for step in condition.steps)
        slot = dict(zip(self._names, slots, strict=True))
        entries = tuple(slot[name] for name in self._graph.entries)
        super().__init__(slots, missing, leading=entries)
        self._timed = any(step.reach.seconds is not None for step in condition.steps)

    def stirs(self, awake: Collection[int]) -> bool:
        """Whether a step that the process may begin with has been run."""
        return any(slot in awake for slot in self.leading)

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        if self._timed and not facts.hearing.timed:
            return unsettled(Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法按秒计算距离"))
        steps = {name: verdicts[slot] for name, slot in zip(self._names, self.slots, strict=True)}
        reached = self._reached(steps)
        ends = [(name, item) for name in self._graph.order if name in self._graph.ends
                for item in reached[name]]  # fmt: skip
        gaps = [verdict.gap for verdict in steps.values() if verdict.gap is not None]
        gap = Gap(weakest([g.truth for g in gaps]), gaps[0].reason) if gaps else None
        if ends:
            places = merge_evidence(tuple(item for _, item in ends))
            chain = self._chain(reached, min(ends, key=lambda end: end[1].start_ms))
            return Verdict(Truth.TRUE, chain, places, gap)
        if gap is not None and self._may_complete(steps):
            return unsettled(gap)
        return absent(self._stopped(facts, reached))

    def _reached(self, steps: Mapping[str, Verdict]) -> dict[str, list[Found]]:
        """For each step: its occurrences to which a chain leads, in order of time."""
        reached: dict[str, list[Found]] = {name: [] for name in steps}
        for name in self._graph.order:
            for item in steps[name].occurrences:
                if name in self._graph.entries or self._before(reached, name, item):
                    reached[name].append(item)
        return reached

    def _before(self, reached: Mapping[str, list[Found]], name: str, item: Found) -> list[Place]:
        """The reached places from which a chain may go on with `item`."""
        reach = self._graph.steps[name].reach
        return [
            (earlier, place)
            for earlier, following in self._graph.following.items()
            if name in following
            for place in reached[earlier]
            if precedes(place, item) and reaches(reach, place, item)
        ]

    def _chain(self, reached: Mapping[str, list[Found]], end: Place) -> tuple[Found, ...]:
        name, item = end
        chain = [item]
        while name not in self._graph.entries:
            name, item = self._before(reached, name, item)[0]
            chain.append(item)
        return tuple(reversed(chain))

    def _may_complete(self, steps: Mapping[str, Verdict]) -> bool:
        """Whether unheard occurrences could complete a chain: they may be anywhere."""
        anywhere: set[str] = set()
        places: dict[str, list[Found]] = {name: [] for name in steps}
        for name in self._graph.order:
            before = [e for e, following in self._graph.following.items() if name in following]
            is_entry = name in self._graph.entries
            may_follow = is_entry or any(e in anywhere or places[e] for e in before)
            if may_follow and steps[name].gap is not None:
                anywhere.add(name)
            free = is_entry or any(e in anywhere for e in before)
            places[name] = [
                item for item in steps[name].occurrences if free or self._before(places, name, item)
            ]
        return any(name in anywhere or places[name] for name in self._graph.ends)

    def _stopped(self, facts: CallFacts, reached: Mapping[str, list[Found]]) -> Found:
        """How far the process came, as evidence that it was not completed."""
        last = next((name for name in reversed(self._graph.order) if reached[name]), None)
        if last is None:
            return self.searched(facts)
        place = reached[last][-1]
        awaited = "、".join(f"“{name}”" for name in self._graph.following[last])
        return fact(
            f"流程走到“{last}”后没有接着出现{awaited}", "timing",
            place.start_ms, facts.hearing.spoken.end_ms, place.role,
        )  # fmt: skip
