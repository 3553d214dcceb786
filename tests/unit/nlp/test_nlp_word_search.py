"""One pass over a text finds what searching for each word would."""

from hypothesis import given
from hypothesis import strategies as st

from nlp.word_search import WordSearch

_TEXT = st.text(alphabet="加微信a😀", max_size=14)


def _spans(word: str, text: str) -> tuple[tuple[int, int], ...]:
    return tuple(
        (at, at + len(word)) for at in range(len(text)) if word and text.startswith(word, at)
    )


@given(st.lists(st.text(alphabet="加微信a😀", max_size=4), max_size=6), _TEXT)
def test_finds_every_occurrence_of_every_word(words: list[str], text: str) -> None:
    search = WordSearch(words)
    wanted = {word: spans for word in words if (spans := _spans(word, text))}
    assert search.spans_in(text) == wanted
    assert search.words_in(text) == wanted.keys()
