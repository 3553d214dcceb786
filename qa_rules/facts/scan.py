"""One pass over a call for everything that the conditions of a rule set look for.

Keywords and the literals that patterns cannot do without go through one Aho-Corasick automaton,
the sounds of keywords through another. Every place is a bit: bit n of a mask stands for the nth
utterance of the call. Most conditions find nothing in most calls; a scan says which ones may, and
in which utterances.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from asr.transcript import Role
from nlp.word_search import WordSearch
from qa_rules.conditions.scope import SaidBy

ROLES: tuple[Role, ...] = ("agent", "customer", "unknown")

Mask = int
"""A set of utterances: bit n for the nth of the call."""

Signs = frozenset[str]
"""Words of which one must occur."""

Line = tuple[bytes | None, bytes | None]
"""The normalised form of an utterance in UTF-8, and the heard one; None where it says no more."""


class Trace(Protocol):
    """Something that conditions look for in texts, shared between them: compare by identity.

    It can only hold in an utterance where one of `signs` occurs in the normalised or heard form,
    or one of `sound_signs` in the sound codes. Without any signs it may hold anywhere, without
    sound signs it does not go by sound.
    """

    @property
    def holds_in(self) -> Callable[[Line], bool] | None:
        """Whether it holds somewhere in an utterance that has a sign of it.

        None where a sign says all that can be known without looking for evidence.
        """

    @property
    def signs(self) -> Signs:
        """Words in folded characters."""

    @property
    def sound_signs(self) -> Signs:
        """Words in sound codes."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Texts of a call, one a line: `owners[i]` is the mask of line i's utterance."""

    texts: list[str] = field(default_factory=list)
    owners: list[Mask] = field(default_factory=list)


@dataclass(slots=True)
class Said:
    """What one role says in a call: normalised forms, heard ones that differ, and sound codes.

    `everywhere` is the mask of the role's utterances. Without `sounds`, nothing goes by sound.
    """

    normalised: Lines = field(default_factory=Lines)
    heard: Lines = field(default_factory=Lines)
    sounds: Lines = field(default_factory=Lines)
    everywhere: Mask = 0


Found = dict[Trace, Mask]
"""The utterances in which each trace may hold, as far as there are any."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """Where each trace may hold, by the form of the text that shows a sign of it."""

    normalised: Found = field(default_factory=dict)
    heard: Found = field(default_factory=dict)
    sounds: Found = field(default_factory=dict)

    def together(self) -> Found:
        """The utterances in which each trace may hold in some form."""
        found = dict(self.normalised)
        for others in (self.heard, self.sounds):
            for trace, mask in others.items():
                found[trace] = found.get(trace, 0) | mask
        return found


class Scanner:
    """The traces of many conditions, compiled; safe to share between threads.

    `wanted` says whose words each trace is looked for in; nobody else's are searched for it.
    """

    def __init__(self, wanted: Mapping[Trace, Set[SaidBy]]) -> None:
        self._readers = {role: _Reader(_wanted_of(role, wanted)) for role in ROLES}

    def read(self, said: Mapping[Role, Said]) -> Sightings:
        """What may be where in a call."""
        seen = Sightings()
        for role, texts in said.items():
            self._readers[role].read(texts, seen)
        return seen


class _Reader:
    """What is looked for in the words of one role."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self._anywhere = tuple(trace for trace in traces if not trace.signs)
        self._in_text = _Signposts({trace: trace.signs for trace in traces})
        self._in_sound = _Signposts({trace: trace.sound_signs for trace in traces})

    def read(self, said: Said, seen: Sightings) -> None:
        """Adds the utterances in which each trace may hold."""
        for trace in self._anywhere:
            for found in (seen.normalised, seen.heard):
                found[trace] = found.get(trace, 0) | said.everywhere
        self._in_text.read(said.normalised, seen.normalised)
        self._in_text.read(said.heard, seen.heard)
        self._in_sound.read(said.sounds, seen.sounds)


def _wanted_of(role: Role, wanted: Mapping[Trace, Set[SaidBy]]) -> list[Trace]:
    return [trace for trace, roles in wanted.items() if role in roles or "any" in roles]


class _Signposts:
    """A search for the signs of all traces, and which traces each of them points to."""

    def __init__(self, signs: Mapping[Trace, Signs]) -> None:
        pointing: dict[str, list[Trace]] = defaultdict(list)
        for trace, words in signs.items():
            for word in sorted(words):
                pointing[word].append(trace)
        self._words = WordSearch(pointing)
        self._traces = [tuple(pointing[word]) for word in self._words.words]

    def read(self, lines: Lines, found: Found) -> None:
        """Adds the utterances in which a sign of each trace occurs.

        All lines are read as one text, which no word can hold a break of.
        """
        places = self._words.places_in("\n".join(lines.texts))
        if not places:
            return
        owners: list[Mask] = []
        for text, owner in zip(lines.texts, lines.owners, strict=True):
            owners += [owner] * (len(text) + 1)
        masks: dict[int, Mask] = {}
        for word, start, _ in places:
            masks[word] = masks.get(word, 0) | owners[start]
        for word, mask in masks.items():
            for trace in self._traces[word]:
                found[trace] = found.get(trace, 0) | mask
