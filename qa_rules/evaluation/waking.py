"""Waking: which conditions of a rule set have to be run on a call at all."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from qa_rules.conditions.searches import SemanticCondition
from qa_rules.evaluation.compilation import Operator
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.scan import Mask, Scanner, Trace
from qa_rules.facts.selection import Area
from qa_rules.operators.meaning import ActOperator, SemanticOperator
from qa_rules.operators.relations import RelationOperator
from qa_rules.operators.searching import SearchOperator, Triggers
from qa_rules.operators.utterances import EventOperator
from qa_rules.verdicts.logic import Truth

User = tuple[int, SearchOperator, int]
"""A slot, its operator, and which of its traces is meant."""


@dataclass(slots=True)
class _Users:
    """Those who look for a trace in one area; `is_wanted` says that it must be known at once."""

    each: list[User] = field(default_factory=list)
    is_wanted: bool = False


class Waking:
    """The slots of operators by what wakes them.

    A search sleeps while none of its triggers occurs in its area and its scope has no gap, one
    with an anchor while the anchor sleeps too; a relation while what it relates does. `quiet`
    holds the truths of sleepers by slot; those of operators that never sleep are placeholders.
    `measures` are the slots of what is measured of every call: timing, counts, metadata. What
    `leading` slots look for is searched for at once; what others do when they are asked.
    """

    def __init__(self, operators: Sequence[Operator], leading: Collection[int]) -> None:
        self.quiet = [Truth.FALSE] * len(operators)
        self.measures: list[int] = []
        self._always: list[int] = []
        self._relations: dict[int, RelationOperator] = {}
        self._above: dict[int, list[int]] = defaultdict(list)
        self._traces: dict[Trace, dict[Area, _Users]] = {}
        self._anchored: set[int] = set()
        self._nodes: dict[str, list[int]] = defaultdict(list)
        self._events: list[int] = []
        self._meanings: dict[SemanticCondition, list[int]] = defaultdict(list)
        self._acts: dict[str, list[int]] = defaultdict(list)
        self._areas: dict[Area, list[int]] = defaultdict(list)
        self._wanted = _with_those_below(leading, operators)
        for slot, operator in enumerate(operators):
            self._place(slot, operator)
        self.scanner = Scanner(
            {trace: {area.scope.role for area in users} for trace, users in self._traces.items()}
        )

    def _place(self, slot: int, operator: Operator) -> None:
        if isinstance(operator, RelationOperator):
            self.quiet[slot] = operator.quiet
            if operator.stirs(()):
                self._always.append(slot)
            self._relations[slot] = operator
            for lower in operator.slots:
                self._above[lower].append(slot)
            return
        if not isinstance(operator, SearchOperator):
            self._always.append(slot)
            self.measures.append(slot)
            return
        for which, trace in enumerate(operator.triggers.traces if operator.triggers else ()):
            users = self._traces.setdefault(trace, {}).setdefault(operator.area, _Users())
            users.each.append((slot, operator, which))
            users.is_wanted |= slot in self._wanted and operator.anchor_slot is None
        if operator.anchor_slot is not None:
            self._anchored.add(slot)
            self._above[operator.anchor_slot].append(slot)
            self._areas[operator.area].append(slot)
        elif operator.triggers is None:
            self._always.append(slot)
        else:
            self._trigger(slot, operator, operator.triggers)

    def _trigger(self, slot: int, operator: SearchOperator, triggers: Triggers) -> None:
        self.quiet[slot] = operator.quiet
        self._areas[operator.area].append(slot)
        for node in triggers.nodes:
            self._nodes[node].append(slot)
        if isinstance(operator, EventOperator):
            self._events.append(slot)
        if isinstance(operator, SemanticOperator):
            self._meanings[operator.condition].append(slot)
        if isinstance(operator, ActOperator):
            self._acts[operator.condition.act].append(slot)

    def awake(self, facts: CallFacts) -> set[int]:
        """The slots that must be run on a call; the others have their quiet truth.

        Tells the operators where in the call their traces may be.
        """
        awake = set(self._always)
        awake.update(self._occurring(facts))
        for node in facts.events:
            awake.update(self._nodes.get(node, ()))
        if facts.call.hits is None:
            awake.update(self._events)
        awake.update(self._meant(facts))
        awake.update(self._acted(facts))
        heard = facts.hearing.heard_roles
        for area, slots in self._areas.items():
            if area.scope.role not in heard and facts.hearing.selected(area).gap is not None:
                awake.update(slots)
        self._stir(awake)
        return awake

    def _occurring(self, facts: CallFacts) -> set[int]:
        """The slots whose traces may be in their area."""
        found: dict[object, list[tuple[int, Mask]]] = {}
        inside: dict[Area, Mask] = {}
        woken: set[int] = set()
        for trace, mask in facts.scan().items():
            for area, users in self._traces[trace].items():
                covered = inside.get(area)
                if covered is None:
                    covered = inside[area] = facts.hearing.inside(area)
                places = mask & covered
                if places and users.is_wanted:
                    places = facts.matched(trace, places)
                if places:
                    for slot, operator, which in users.each:
                        woken.add(slot)
                        known = found.get(operator)
                        if known is None:
                            found[operator] = [(which, places)]
                        else:
                            known.append((which, places))
        facts.found = found
        return woken - self._anchored

    def _stir(self, awake: set[int]) -> None:
        """Adds what is awake because of others; what a condition refers to has a lower slot."""
        above = self._above
        waiting = [slot for lower in awake if lower in above for slot in above[lower]]
        heapify(waiting)
        while waiting:
            slot = heappop(waiting)
            if slot in awake:
                continue
            relation = self._relations.get(slot)
            if relation is None or relation.stirs(awake):
                awake.add(slot)
                for higher in above.get(slot, ()):
                    heappush(waiting, higher)

    def _meant(self, facts: CallFacts) -> set[int]:
        if not self._meanings:
            return set()
        meanings = facts.meanings
        wanted = self._meanings if meanings is None else meanings.conditions
        return {slot for condition in wanted for slot in self._meanings.get(condition, ())}

    def _acted(self, facts: CallFacts) -> set[int]:
        if not self._acts:
            return set()
        wanted: Mapping[str, object] = self._acts if facts.acts is None else facts.acts_by_name
        return {slot for act in wanted for slot in self._acts.get(act, ())}


def _with_those_below(leading: Collection[int], operators: Sequence[Operator]) -> set[int]:
    """The slots, with those on which their relations hang."""
    wanted: set[int] = set()
    waiting = [*leading]
    while waiting:
        slot = waiting.pop()
        if slot not in wanted:
            wanted.add(slot)
            operator = operators[slot]
            if isinstance(operator, RelationOperator):
                waiting += operator.leading
    return wanted
