"""Selections: which utterances of a call a scope covers, as values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from asr import transcript
from asr.transcript import Utterance
from core.span import Span
from qa_rules.conditions.scope import Direction, SaidBy, Scope
from qa_rules.facts.scan import Mask
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, precedes

ROLE_NAMES = {**transcript.ROLE_NAMES, "any": "通话"}


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies on a `side` of some hits: whole utterances, and parts of the hits' `own` ones."""

    whole: frozenset[int]
    own: Mapping[int, Sequence[Found]]
    side: Direction

    def covers(self, item: Found) -> bool:
        """Whether a place in a selected utterance lies on the side."""
        if item.utterance is None or item.utterance in self.whole:
            return True
        after, before = self.side != "before", self.side != "after"
        return any(
            (after and precedes(hit, item)) or (before and precedes(item, hit))
            for hit in self.own.get(item.utterance, ())
        )


@dataclass(frozen=True)
class Selection:
    """The utterances a scope covers, the time it covers, and why something may be missing.

    `mask` says which of `said`, the utterances of the call, they are. `is_unknown` says that
    nothing can be known of what `role` said. `beside` limits what counts in the utterances to one
    side of an anchor's hits.
    """

    said: tuple[Utterance, ...]
    mask: Mask
    window: Span
    gap: Gap | None
    role: SaidBy = "any"
    unheard_ms: int = 0
    is_unknown: bool = False
    beside: Beside | None = None

    def covers(self, item: Found) -> bool:
        """Whether a place in one of the utterances belongs to the selection."""
        return self.beside is None or self.beside.covers(item)

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """The covered utterances, in order."""
        return tuple(self.among(self.mask))

    @cached_property
    def indexes(self) -> frozenset[int]:
        """The indexes of the covered utterances."""
        return frozenset(utterance.index for utterance in self.utterances)

    def among(self, mask: Mask) -> list[Utterance]:
        """The covered utterances that are also in `mask`, in order."""
        return [self.said[at] for at in bits(mask & self.mask)]


def bits(mask: Mask) -> Iterator[int]:
    """The numbers of the bits that are set, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A scope, and the speech without text in it that is put up with: compare by identity."""

    scope: Scope
    unheard_ms: int


@lru_cache(maxsize=1 << 14)
def area(scope: Scope, unheard_ms: int) -> Area:
    """The area, the same one for the same scope: hashing a scope takes longer than using it."""
    return Area(scope, unheard_ms)


def intersection(one: Span, other: Span) -> Span:
    """What both spans cover; empty at the later start when that is nothing."""
    start = max(one.start_ms, other.start_ms)
    return Span(start, max(start, min(one.end_ms, other.end_ms)))
