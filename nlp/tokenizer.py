"""Words of Chinese text, by a jieba tokenizer of our own."""

import threading
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

import jieba

_OWN_WORD_FREQUENCY = 2000


class Tokenizer:
    """Splits text into words with jieba, a dictionary of telesales terms, and user words.

    It never touches jieba's module-level tokenizer, so two of them with different words live in
    one process, and it writes no cache file. The dictionary loads on first use (about a second).
    Thread safe.
    """

    def __init__(self, user_words: Iterable[str] = ()) -> None:
        self._user_words = tuple(user_words)
        self._lock = threading.Lock()
        self._jieba: jieba.Tokenizer | None = None

    def words(self, text: str) -> tuple[str, ...]:
        """The words of `text` in order; joined they are `text` again."""
        return tuple(self._loaded().cut(text)) if text else ()

    def boundaries(self, text: str) -> frozenset[int]:
        """Code point offsets at which a word of `text` starts or ends, 0 and the end included."""
        offset = 0
        found = {0}
        for word in self.words(text):
            offset += len(word)
            found.add(offset)
        return frozenset(found)

    def frequency(self, word: str) -> int:
        """How often the dictionary says `word` occurs; 0 for one it does not have."""
        return int(self._loaded().FREQ.get(word) or 0)

    def _loaded(self) -> jieba.Tokenizer:
        with self._lock:
            if self._jieba is None:
                self._jieba = _build(self._user_words)
            return self._jieba


def domain_words() -> tuple[str, ...]:
    """The telesales terms that come with the product (`nlp/telesales.txt`)."""
    text = (resources.files("nlp") / "telesales.txt").read_text(encoding="utf-8")
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


@lru_cache(maxsize=1)
def default_tokenizer() -> Tokenizer:
    """The tokenizer with the domain dictionary only, shared in this process."""
    return Tokenizer()


def _build(user_words: tuple[str, ...]) -> jieba.Tokenizer:
    tokenizer = jieba.Tokenizer()
    # jieba's own initialize() leaves a cache file in the shared temporary folder, which another
    # user may own or have written; reading its dictionary directly needs no file at all.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word in (*domain_words(), *user_words):
        tokenizer.add_word(word, _OWN_WORD_FREQUENCY)
    return tokenizer
