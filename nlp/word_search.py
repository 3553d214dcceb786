"""WordSearch: all of many words in one pass over a text (Aho and Corasick, 1975)."""

from collections.abc import Iterable, Set

from ahocorasick_rs import AhoCorasick

CharSpan = tuple[int, int]


class WordSearch:
    """Finds words as substrings. Compile once, search many texts; thread safe.

    `words` are the different ones that are looked for, in the order they were given in; empty
    words are never found.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(dict.fromkeys(word for word in words if word))
        self._automaton = AhoCorasick(self.words) if self.words else None

    def places_in(self, text: str) -> list[tuple[int, int, int]]:
        """Number of the word in `words`, start and end of every occurrence, by their ends."""
        if self._automaton is None or not text:
            return []
        return self._automaton.find_matches_as_indexes(text, overlapping=True)

    def words_in(self, text: str) -> Set[str]:
        """The words that occur in `text`."""
        return {self.words[number] for number in {place[0] for place in self.places_in(text)}}

    def spans_in(self, text: str) -> dict[str, tuple[CharSpan, ...]]:
        """Every occurrence of each word that occurs, overlapping ones included, sorted."""
        found: dict[str, tuple[CharSpan, ...]] = {}
        for number, start, end in self.places_in(text):
            word = self.words[number]
            found[word] = (*found.get(word, ()), (start, end))
        return found
