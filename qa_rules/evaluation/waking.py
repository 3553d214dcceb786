"""Waking: which conditions of a rule set have to be run on a call at all."""

from collections import defaultdict
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from qa_rules.conditions.searches import SemanticCondition
from qa_rules.evaluation.compilation import Operator
from qa_rules.facts.call_facts import Area, CallFacts
from qa_rules.facts.scan import Scanner, Triggers
from qa_rules.operators.meaning import ActOperator, SemanticOperator
from qa_rules.operators.relations import RelationOperator
from qa_rules.operators.searching import SearchOperator
from qa_rules.operators.utterances import EventOperator
from qa_rules.verdicts.logic import Truth

CODES = {truth.name: code for code, truth in enumerate(Truth)}
"""Truth values as small numbers, by their name: enum members are slow to hash."""


class Waking:
    """The slots of operators by what wakes them.

    A search sleeps while none of its triggers occurs and its scope has no gap, one with an anchor
    while the anchor does; a relation while what it relates does. `quiet` holds the truth codes of
    sleepers by slot; those of operators that never sleep are placeholders.
    """

    def __init__(self, operators: Sequence[Operator]) -> None:
        self.quiet = [CODES[Truth.FALSE.name]] * len(operators)
        self._always: list[int] = []
        self._relations: dict[int, RelationOperator] = {}
        self._above: dict[int, list[int]] = defaultdict(list)
        self._words: dict[str, list[int]] = defaultdict(list)
        self._nodes: dict[str, list[int]] = defaultdict(list)
        self._events: list[int] = []
        self._meanings: dict[SemanticCondition, list[int]] = defaultdict(list)
        self._acts: dict[str, list[int]] = defaultdict(list)
        self._areas: dict[Area, list[int]] = defaultdict(list)
        triggers = [
            found
            for slot, operator in enumerate(operators)
            if (found := self._place(slot, operator)) is not None
        ]
        self.scanner = Scanner(triggers)

    def _place(self, slot: int, operator: Operator) -> Triggers | None:
        if isinstance(operator, RelationOperator):
            self.quiet[slot] = CODES[operator.quiet.name]
            if operator.stirs(()):
                self._always.append(slot)
            self._relations[slot] = operator
            for lower in operator.slots:
                self._above[lower].append(slot)
            return None
        if not isinstance(operator, SearchOperator):
            self._always.append(slot)
            return None
        triggers = operator.triggers
        if operator.anchor_slot is not None:
            self._above[operator.anchor_slot].append(slot)
            return triggers
        if triggers is None:
            self._always.append(slot)
            return None
        self.quiet[slot] = CODES[operator.quiet.name]
        self._areas[operator.area].append(slot)
        for word in (*triggers.terms, *triggers.sounds, *triggers.patterns):
            self._words[word].append(slot)
        for node in triggers.nodes:
            self._nodes[node].append(slot)
        if isinstance(operator, EventOperator):
            self._events.append(slot)
        if isinstance(operator, SemanticOperator):
            self._meanings[operator.condition].append(slot)
        if isinstance(operator, ActOperator):
            self._acts[operator.condition.act].append(slot)
        return triggers

    def awake(self, facts: CallFacts) -> set[int]:
        """The slots that must be run on a call; the others have their quiet truth."""
        awake = set(self._always)
        scan = facts.scan
        for found in (scan.terms, scan.sounds):
            for word in found:
                awake.update(self._words.get(word, ()))
        for pattern in scan.patterns:
            slots = self._words.get(pattern)
            if slots is not None and scan.lines_of(pattern):
                awake.update(slots)
        for node in facts.events:
            awake.update(self._nodes.get(node, ()))
        if facts.call.hits is None:
            awake.update(self._events)
        awake.update(self._meant(facts))
        awake.update(self._acted(facts))
        heard = facts.heard_roles
        for area, slots in self._areas.items():
            if area.scope.role not in heard and facts.selected(area).gap is not None:
                awake.update(slots)
        self._stir(awake)
        return awake

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
        acts = facts.acts
        wanted = self._acts if acts is None else {name for found in acts.values() for name in found}
        return {slot for act in wanted for slot in self._acts.get(act, ())}
