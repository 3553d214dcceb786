"""One pass over a call for everything that the conditions of a rule set look for.

Keywords and the literals that patterns cannot do without go through one Aho-Corasick automaton,
the sounds of keywords through another. Every place is a bit: bit n of a mask stands for the nth
utterance of the call. Most conditions find nothing in most calls; a scan says which ones may, and
in which utterances.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from asr.transcript import Role
from nlp.word_search import WordSearch
from qa_rules.conditions.scope import SaidBy

ROLES: tuple[Role, ...] = ("agent", "customer", "unknown")

Mask = int
"""A set of utterances: bit n for the nth of the call."""

Group = frozenset[str]
"""Words of which one must occur."""


class Trace(Protocol):
    """Something that conditions look for in texts, shared between them: compare by identity.

    It can only hold in an utterance where a word of each of `groups` occurs in the normalised or
    heard form, or one of each of `sound_groups` in the sound codes. Without any of the one it may
    hold anywhere, without any of the other it does not go by sound.
    """

    @property
    def groups(self) -> Sequence[Group]:
        """Rarest first."""

    @property
    def sound_groups(self) -> Sequence[Group]:
        """Rarest first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Texts of a call, one a line: `owners[i]` is the mask of line i's utterance."""

    texts: list[str] = field(default_factory=list)
    owners: list[Mask] = field(default_factory=list)

    def add(self, text: str, owner: Mask) -> None:
        """One more line."""
        self.texts.append(text)
        self.owners.append(owner)


@dataclass(slots=True)
class Said:
    """What one role says in a call: normalised and heard forms, and sound codes if they count.

    `everywhere` is the mask of the role's utterances.
    """

    lines: Lines = field(default_factory=Lines)
    sounds: Lines = field(default_factory=Lines)
    everywhere: Mask = 0


class Scanner:
    """The traces of many conditions, compiled; safe to share between threads.

    `wanted` says whose words each trace is looked for in; nobody else's are searched for it.
    """

    def __init__(self, wanted: Mapping[Trace, Set[SaidBy]]) -> None:
        self._readers = {role: _Reader(_wanted_of(role, wanted)) for role in ROLES}

    def read(self, said: Mapping[Role, Said]) -> dict[Trace, Mask]:
        """The utterances in which each trace may hold, as far as there are any."""
        found: dict[Trace, Mask] = {}
        for role, texts in said.items():
            for trace, mask in self._readers[role].read(texts):
                found[trace] = found.get(trace, 0) | mask
        return found


class _Reader:
    """What is looked for in the words of one role."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self._anywhere = tuple(trace for trace in traces if not trace.groups)
        self._in_text = _Groups([(trace, trace.groups) for trace in traces])
        self._in_sound = _Groups([(trace, trace.sound_groups) for trace in traces])

    def read(self, said: Said) -> Iterator[tuple[Trace, Mask]]:
        """The utterances in which each trace may hold; a trace may come twice."""
        for trace in self._anywhere:
            yield trace, said.everywhere
        yield from self._in_text.possible(said.lines)
        if said.sounds.texts:
            yield from self._in_sound.possible(said.sounds)


def _wanted_of(role: Role, wanted: Mapping[Trace, Set[SaidBy]]) -> list[Trace]:
    return [trace for trace, roles in wanted.items() if role in roles or "any" in roles]


class _Groups:
    """The groups of words that traces need, each different one once, and a search for all words."""

    def __init__(self, needs: Sequence[tuple[Trace, Sequence[Group]]]) -> None:
        groups = tuple(dict.fromkeys(group for _, wanted in needs for group in wanted))
        place = {group: at for at, group in enumerate(groups)}
        # A trace is thought of when the first of its groups occurs, which is its rarest.
        self._led: list[list[tuple[Trace, tuple[int, ...]]]] = [[] for _ in groups]
        for trace, wanted in needs:
            if wanted:
                first, *rest = (place[group] for group in wanted)
                self._led[first].append((trace, tuple(rest)))
        self._words = WordSearch(word for group in groups for word in sorted(group))
        of_word: dict[str, list[int]] = defaultdict(list)
        for at, group in enumerate(groups):
            for word in group:
                of_word[word].append(at)
        self._of_word = [tuple(of_word[word]) for word in self._words.words]

    def possible(self, lines: Lines) -> Iterator[tuple[Trace, Mask]]:
        """The traces all of whose groups occur in some utterance, and in which."""
        masks, of_word = [0] * len(self._led), self._of_word
        for word, mask in _occurrences(self._words, lines):
            for group in of_word[word]:
                masks[group] |= mask
        for mask, led in zip(masks, self._led, strict=True):
            if not mask:
                continue
            for trace, rest in led:
                inside = mask
                for other in rest:
                    inside &= masks[other]
                if inside:
                    yield trace, inside


def _occurrences(words: WordSearch, lines: Lines) -> Iterator[tuple[int, Mask]]:
    """Where each word occurs; all lines are read as one text, which no word can hold a break of."""
    masks: list[Mask] = [0] * len(words.words)
    owners: list[Mask] = []
    for text, owner in zip(lines.texts, lines.owners, strict=True):
        owners += [owner] * (len(text) + 1)
    places = words.places_in("\n".join(lines.texts))
    for word, start, _ in places:
        masks[word] |= owners[start]
    for word in {place[0] for place in places}:
        yield word, masks[word]
