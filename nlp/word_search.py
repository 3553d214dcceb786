"""WordSearch: all of many words in one pass over a text (Aho and Corasick, 1975)."""

from collections.abc import Iterable, Iterator, Set
from typing import Any

import ahocorasick

CharSpan = tuple[int, int]


class WordSearch:
    """Finds words as substrings. Compile once, search many texts; thread safe.

    Empty words are never found.
    """

    def __init__(self, words: Iterable[str]) -> None:
        automaton = ahocorasick.Automaton()
        for word in words:
            if word:
                automaton.add_word(word, word)
        self._automaton: Any = automaton if len(automaton) else None
        if self._automaton is not None:
            self._automaton.make_automaton()

    def ends_in(self, text: str) -> Iterator[tuple[int, str]]:
        """Place of the last character, and word, of every occurrence, by that place."""
        if self._automaton is None or not text:
            return iter(())
        found: Iterator[tuple[int, str]] = self._automaton.iter(text)
        return found

    def words_in(self, text: str) -> Set[str]:
        """The words that occur in `text`."""
        return {word for _, word in self.ends_in(text)}

    def spans_in(self, text: str) -> dict[str, tuple[CharSpan, ...]]:
        """Every occurrence of each word that occurs, overlapping ones included, sorted."""
        found: dict[str, tuple[CharSpan, ...]] = {}
        for last, word in self.ends_in(text):
            span = (last + 1 - len(word), last + 1)
            known = found.get(word)
            found[word] = (span,) if known is None else (*known, span)
        return found
