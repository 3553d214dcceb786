"""One pass over a call for everything that the conditions of a rule set look for.

Keywords and sounds go through an Aho-Corasick automaton each, patterns through RE2's filter,
which names the patterns whose literals occur in a few lines; only in those lines is one of them
searched, and only when it is asked for. Most conditions find nothing in most calls; a scan says
which ones may, and in which utterances.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any

import re2

from nlp.word_search import WordSearch

_PATTERNS_AT_ONCE = 256  # Keeps the automaton of one filter well inside RE2's memory budget.
_LINES_AT_ONCE = 5  # Few enough to rule most patterns out, enough to be worth a call of RE2.


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
class _Block:
    """Some lines as one text in UTF-8: where each begins, and the index of its utterance."""

    text: bytes
    starts: tuple[int, ...]
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass over a call found: where each term and sound occurs, and which patterns may.

    `terms` and `sounds` map to the indexes of utterances, `patterns` to blocks of lines that hold
    the literals which a pattern cannot do without.
    """

    terms: Mapping[str, set[int]]
    sounds: Mapping[str, set[int]]
    patterns: Mapping[str, list[_Block]]
    _lines: dict[str, set[int]] = field(default_factory=dict)

    def lines_of(self, pattern: str) -> set[int]:
        """Indexes of the utterances in which a pattern may match; worked out once."""
        known = self._lines.get(pattern)
        if known is None:
            known = self._lines[pattern] = self._search(pattern)
        return known

    def _search(self, pattern: str) -> set[int]:
        found: set[int] = set()
        blocks = self.patterns.get(pattern)
        if blocks is None:
            return found
        searched = over_lines(pattern)
        for block in blocks:
            for match in searched.finditer(block.text):
                start, end = match.span()
                # A match over several lines may hide one inside any of them.
                first = bisect_right(block.starts, start) - 1
                last = bisect_right(block.starts, max(start, end - 1)) - 1
                found.update(block.owners[first : last + 1])
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
        self._terms = WordSearch(term for one in every for term in one.terms)
        self._sounds = WordSearch(sound for one in every for sound in one.sounds)
        self._patterns = tuple(dict.fromkeys(p for one in every for p in one.patterns))
        self._filters = [
            _filter(self._patterns[at : at + _PATTERNS_AT_ONCE])
            for at in range(0, len(self._patterns), _PATTERNS_AT_ONCE)
        ]

    def read(self, lines: Lines, sounds: Lines) -> Scan:
        """The scan of a call's texts and of its sound codes."""
        return Scan(
            _occurrences(self._terms, lines),
            _occurrences(self._sounds, sounds),
            self._possible(lines),
        )

    def _possible(self, lines: Lines) -> dict[str, list[_Block]]:
        found: dict[str, list[_Block]] = {}
        if not self._filters:
            return found
        for block in _blocks(lines):
            for number, one in enumerate(self._filters):
                for which in one.Match(block.text, True) or ():
                    pattern = self._patterns[number * _PATTERNS_AT_ONCE + which]
                    found.setdefault(pattern, []).append(block)
        return found


def _blocks(lines: Lines) -> Iterator[_Block]:
    for at in range(0, len(lines.texts), _LINES_AT_ONCE):
        encoded = [text.encode() for text in lines.texts[at : at + _LINES_AT_ONCE]]
        starts = accumulate((len(line) + 1 for line in encoded[:-1]), initial=0)
        owners = lines.owners[at : at + _LINES_AT_ONCE]
        yield _Block(b"\n".join(encoded), tuple(starts), owners)


def _occurrences(words: WordSearch, lines: Lines) -> dict[str, set[int]]:
    """Where each word occurs; all lines are read as one text, which no word can hold a break of."""
    found: dict[str, set[int]] = defaultdict(set)
    if not lines.texts:
        return found
    ends = [*accumulate(len(text) + 1 for text in lines.texts)]
    line, limit, owner = 0, ends[0], lines.owners[0]
    for at, word in words.ends_in("\n".join(lines.texts)):
        while at >= limit:
            line += 1
            limit, owner = ends[line], lines.owners[line]
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
