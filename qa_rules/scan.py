"""One pass over a call for everything that the conditions of a rule set look for.

Keywords and sounds go through an Aho-Corasick automaton each, patterns through RE2's filter,
which tries a pattern only where the literals that it cannot do without occur. Most conditions
find nothing in most calls; a scan says which ones may, and in which utterances.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import ahocorasick
import re2

_PATTERNS_AT_ONCE = 256  # Keeps the automaton of one filter well inside RE2's memory budget.


@dataclass(frozen=True, slots=True)
class Triggers:
    """What must occur in a call, one of them at least, for a condition to hold anywhere in it.

    `terms` are substrings of the normalised or heard form, `sounds` of the sound codes, `nodes`
    are paths of the event tree. `patterns` may be matched against many lines at once.
    """

    terms: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """The texts of a call, one a line: `owners[i]` is the index of line i's utterance."""

    texts: tuple[str, ...]
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass over a call found: where each term and sound occurs, and which patterns do.

    `terms` and `sounds` map to the indexes of utterances.
    """

    terms: dict[str, set[int]]
    sounds: dict[str, set[int]]
    patterns: frozenset[str]
    _joined: bytes
    _starts: tuple[int, ...]
    _owners: tuple[int, ...]
    _lines: dict[str, set[int]] = field(default_factory=dict)

    def lines_of(self, pattern: str) -> set[int]:
        """Indexes of the utterances in which a pattern may match; worked out once."""
        known = self._lines.get(pattern)
        if known is None:
            known = self._lines[pattern] = self._search(pattern)
        return known

    def _search(self, pattern: str) -> set[int]:
        found: set[int] = set()
        for match in over_lines(pattern).finditer(self._joined):
            # A match over several lines may hide one inside any of them.
            first = bisect_right(self._starts, match.start()) - 1
            last = bisect_right(self._starts, max(match.start(), match.end() - 1)) - 1
            found.update(self._owners[first : last + 1])
        return found


@lru_cache(maxsize=1 << 14)
def over_lines(pattern: str) -> Any:
    """A pattern for the UTF-8 bytes of many texts, one a line."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(f"(?m){pattern}".encode(), options)  # Bytes need no offsets.


class Scanner:
    """The triggers of many conditions, compiled; safe to share between threads."""

    def __init__(self, triggers: Iterable[Triggers]) -> None:
        every = list(triggers)
        self._terms = _automaton(term for one in every for term in one.terms)
        self._sounds = _automaton(sound for one in every for sound in one.sounds)
        self._patterns = tuple(dict.fromkeys(p for one in every for p in one.patterns))
        self._filters = [
            _filter(self._patterns[at : at + _PATTERNS_AT_ONCE])
            for at in range(0, len(self._patterns), _PATTERNS_AT_ONCE)
        ]

    def read(self, lines: Lines, sounds: Lines) -> Scan:
        """The scan of a call's texts and of its sound codes."""
        encoded = [text.encode() for text in lines.texts]
        starts, at = [], 0
        for line in encoded:
            starts.append(at)
            at += len(line) + 1
        joined = b"\n".join(encoded)
        found = [
            self._patterns[number * _PATTERNS_AT_ONCE + which]
            for number, one in enumerate(self._filters)
            for which in one.Match(joined) or ()
        ]
        return Scan(
            _occurrences(self._terms, lines),
            _occurrences(self._sounds, sounds),
            frozenset(found),
            joined,
            tuple(starts),
            lines.owners,
        )


def _automaton(words: Iterable[str]) -> Any:
    automaton = ahocorasick.Automaton()
    for word in words:
        if word:
            automaton.add_word(word, word)
    if not len(automaton):
        return None
    automaton.make_automaton()
    return automaton


def _occurrences(automaton: Any, lines: Lines) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    if automaton is not None:
        for text, owner in zip(lines.texts, lines.owners, strict=True):
            for _, word in automaton.iter(text):
                found[word].add(owner)
    return found


def _filter(patterns: Sequence[str]) -> Any:
    options = re2.Options()
    options.log_errors = False
    chosen = re2.Filter()
    for pattern in patterns:
        chosen.Add(f"(?m){pattern}", options)
    chosen.Compile()
    return chosen
