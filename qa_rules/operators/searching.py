"""What all operators share that look for something in what was said: where, and the verdict."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from core.evidence import Layer
from qa_rules.conditions.scope import Scope
from qa_rules.conditions.searches import Mode
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.scan import Mask, Trace
from qa_rules.facts.selection import Selection, area
from qa_rules.operators.anchoring import anchored
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.place import Found, Place
from qa_rules.verdicts.verdict import (
    Gap,
    Verdict,
    Verdicts,
    absent,
    fact,
    found,
    merge_evidence,
    opposite,
    unsettled,
)

_OPPOSITE = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}

Searched = Callable[[], Found]
Group = tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a rule adds to a condition of its own.

    `unheard_ms` is the speech without text that the rule puts up with, `missing` says in Chinese
    that nothing was found, `anchor` is the slot of the condition that the scope's anchor names.
    """

    unheard_ms: int
    missing: str
    anchor: int | None = None


@dataclass(frozen=True, slots=True)
class Triggers:
    """What must occur in a call, one of them at least, for a condition to hold anywhere in it.

    `traces` are looked for in texts; an operator finds the places of the nth of them in
    `CallFacts.found`, as far as they lie in its area. `nodes` are paths of the event tree.
    """

    traces: tuple[Trace, ...] = ()
    nodes: tuple[str, ...] = ()


class SearchOperator(ABC):
    """An operator that finds nothing in most calls, and is only run where it may.

    Where none of `triggers` occurs and the scope has no gap, its truth is `quiet`. Triggers of
    None mean that it must always be run. One with an anchor is run only where the anchor is. One
    that `counts`, or that asks for absence, needs all of its scope; others hold wherever they
    find something.
    """

    def __init__(
        self,
        scope: Scope,
        setting: Setting,
        triggers: Triggers | None,
        *,
        asks_absence: bool = False,
        counts: bool = False,
        layer: Layer,
    ) -> None:
        self.triggers = triggers
        self.quiet = Truth.TRUE if asks_absence and setting.anchor is None else Truth.FALSE
        self.area = area(replace(scope, anchor=None), setting.unheard_ms)
        self.anchor_slot = setting.anchor
        self._anchor = scope.anchor
        self._missing = setting.missing
        self._counts = counts or asks_absence
        self._layer = layer

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        selection = facts.hearing.selected(self.area)
        if self._anchor is not None and self.anchor_slot is not None:
            narrowed = anchored(facts, selection, self._anchor, verdicts[self.anchor_slot])
            if isinstance(narrowed, Verdict):
                return narrowed
            selection = narrowed
        if selection.gap is not None and selection.gap.truth is Truth.NOT_APPLICABLE:
            return unsettled(selection.gap)
        return self.judge(facts, selection)

    def truth(self, facts: CallFacts, verdicts: Verdicts, slot: int) -> Truth:
        """The truth on one call of the operator at `slot`, as cheaply as it can be had."""
        if self.anchor_slot is None:
            selection = facts.hearing.selected(self.area)
            if selection.gap is None:
                occurs = self.occurs(facts, selection)
                if occurs is not None:
                    return _OPPOSITE[self.quiet] if occurs else self.quiet
        return verdicts[slot].truth

    def among(self, facts: CallFacts, places: Mask) -> Verdict | None:
        """The verdict on some of the utterances alone.

        None where what is found in others has a say in it.
        """
        selection = facts.hearing.selected(self.area)
        if self._counts or self.anchor_slot is not None or selection.is_unknown:
            return None
        return self.judge(facts, replace(selection, mask=selection.mask & places))

    def occurs(self, _facts: CallFacts, _selection: Selection) -> bool | None:
        """Whether what is looked for occurs at all in a part of a call that has no gap.

        None where that takes the whole verdict.
        """
        return None

    def in_vain(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on a call in which nothing wakes the operator, without a search."""
        if self._anchor is not None:
            return self(facts, verdicts)
        verdict = absent(self.searched(facts.hearing.selected(self.area)))
        return opposite(verdict) if self.quiet is Truth.TRUE else verdict

    @abstractmethod
    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""

    def verdict(self, occurrences: Sequence[Found], selection: Selection) -> Verdict:
        """TRUE with occurrences; without any, FALSE only when all of the scope was heard."""
        return settle(tuple(occurrences), selection.gap, partial(self.searched, selection))

    def searched(self, selection: Selection) -> Place:
        """Found that the scope was searched in vain."""
        window, role = selection.window, self.area.scope.role
        return fact(
            self._missing, self._layer, window.start_ms, window.end_ms,
            "" if role == "any" else role,
        )  # fmt: skip


def entries_needed(mode: Mode, entries: int, at_least: int) -> int:
    """How many entries must occur, in the modes `all` and `at_least`."""
    return entries if mode == "all" else at_least


def settle(occurrences: Group, gap: Gap | None, searched: Searched) -> Verdict:
    """TRUE with occurrences, FALSE without any and without a gap, else what the gap says."""
    if occurrences:
        return found(occurrences, gap)
    return unsettled(gap) if gap else absent(searched())


def combine(
    mode: Mode, at_least: int, groups: Sequence[Group], gap: Gap | None, searched: Searched
) -> Verdict:
    """The verdict of any / all / none / at least n over the occurrences of several entries.

    `groups` are those of the entries that occur; `at_least` is how many must in both other modes.
    """
    merged = merge_evidence(tuple([item for group in groups for item in group]))
    if mode in ("any", "none"):
        verdict = settle(merged, gap, searched)
        return opposite(verdict) if mode == "none" else verdict
    if sum(bool(group) for group in groups) >= at_least:
        return found(merged, gap)
    return unsettled(gap) if gap else absent(searched())


def combine_in_one(
    mode: Mode, at_least: int, groups: Sequence[Group], gap: Gap | None, searched: Searched
) -> Verdict:
    """As `combine`, for all / at least n of the entries within a single utterance."""
    if mode in ("any", "none"):
        return combine(mode, at_least, groups, gap, searched)
    held: dict[int | None, set[int]] = {}
    for which, group in enumerate(groups):
        for item in group:
            held.setdefault(item.utterance, set()).add(which)
    full = {utterance for utterance, entries in held.items() if len(entries) >= at_least}
    kept = tuple(item for group in groups for item in group if item.utterance in full)
    return settle(merge_evidence(kept), gap, searched)
