"""Verdict: what one condition says of one call, and what speaks for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, Protocol

from core.evidence import Layer
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.place import Found, Place


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a condition cannot be settled: the kind of "don't know" and a Chinese reason."""

    truth: Truth
    reason: str


class Verdict(NamedTuple):
    """The truth of one condition on one call; made for every condition that is run.

    `evidence` speaks for the truth value, whichever it is: occurrences for TRUE, the searched
    span or the measured fact for FALSE. `occurrences` are the places where the condition holds,
    for conditions that refer to this one. `gap` says that there may be more occurrences than
    were found, and is always set when `truth` is not known.
    """

    truth: Truth
    evidence: tuple[Found, ...] = ()
    occurrences: tuple[Found, ...] = ()
    gap: Gap | None = None


class Verdicts(Protocol):
    """The verdicts of the conditions of a call, by slot, each worked out when it is asked for.

    `truths` are the truths alone, which are cheaper where a condition has nothing to find.
    """

    truths: Mapping[int, Truth]

    def __getitem__(self, slot: int) -> Verdict:
        """The verdict of the condition."""

    def near(self, slot: int, places: int) -> Verdict:
        """A verdict whose occurrences and gap are right as far as they lie in some utterances.

        `places` is their mask: bit n stands for the nth of the call.
        """


def found(occurrences: tuple[Found, ...], gap: Gap | None) -> Verdict:
    """TRUE, resting on places in the call."""
    return Verdict(Truth.TRUE, occurrences, occurrences, gap)


def unsettled(gap: Gap, occurrences: tuple[Found, ...] = ()) -> Verdict:
    """Neither true nor false, because of `gap`."""
    return Verdict(gap.truth, (), occurrences, gap)


def absent(searched: Found, occurrences: tuple[Found, ...] = ()) -> Verdict:
    """FALSE after a complete search."""
    return Verdict(Truth.FALSE, (searched,), occurrences, None)


def opposite(verdict: Verdict) -> Verdict:
    """The verdict of a condition that asks for absence: `evidence` now speaks for the reverse."""
    if verdict.truth is Truth.TRUE:
        return Verdict(Truth.FALSE, verdict.evidence, (), None)
    if verdict.truth is Truth.FALSE:
        # What is absent is so nowhere in particular: there is no place to come before or after.
        return Verdict(Truth.TRUE, verdict.evidence, (), None)
    return verdict


def fact(
    text: str,
    layer: Layer,
    start_ms: int,
    end_ms: int,
    role: str = "",
    utterance: int | None = None,
) -> Place:
    """A place that quotes no words: a measured value, or a span that was searched in vain."""
    return Place(utterance, role, 0, 0, start_ms, end_ms, layer, "none", 1.0, text)


def precedes(one: Found, other: Found) -> bool:
    """Whether `one` comes before `other`: by utterance and place in it, else by time."""
    if one.utterance is not None and other.utterance is not None:
        if one.utterance != other.utterance:
            return one.utterance < other.utterance
        if one.form != "none" and other.form != "none":
            return one.char_end <= other.char_start
    return one.end_ms <= other.start_ms and one != other


def merge_evidence(evidence: tuple[Found, ...]) -> tuple[Found, ...]:
    """Sorted by time, with one entry where several overlap in an utterance.

    Of overlapping entries the best-scored stays, then the longest.
    """
    if len(evidence) < 2:
        return evidence
    together: dict[int | None, list[Found]] = {}
    for item in evidence:
        together.setdefault(item.utterance, []).append(item)
    kept: list[Found] = []
    for items in together.values():
        kept += items if len(items) == 1 else _distinct(items)
    kept.sort(key=_place if None in together else _PLACE)
    return tuple(kept)


def _distinct(items: list[Found]) -> list[Found]:
    """Items of one utterance, the better one of each two in the same place."""
    kept: list[Found] = []
    for item in sorted(items, key=lambda e: (-e.score, e.char_start - e.char_end, e.start_ms)):
        if not any(_same_place(item, other) for other in kept):
            kept.append(item)
    return kept


_PLACE = attrgetter("start_ms", "utterance", "char_start", "text")


def _same_place(one: Found, other: Found) -> bool:
    if one.utterance is None or one.utterance != other.utterance:
        return one == other
    if one.form == "none" or other.form == "none":
        return one == other
    return one.char_start < other.char_end and other.char_start < one.char_end


def _place(item: Found) -> tuple[int, int, int, str]:
    return (
        item.start_ms,
        -1 if item.utterance is None else item.utterance,
        item.char_start,
        item.text,
    )
