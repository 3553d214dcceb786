"""CachedEncoder: sentence vectors, encoded once per text."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.encoders.base import SentenceEncoder


class CachedEncoder:
    """A `SentenceEncoder` that remembers the vectors of the texts seen last.

    Holds at most `max_items` vectors, the least recently used leave first. Texts that are not
    held are encoded in one batch. Thread safe; the lock is not held while encoding.
    """

    def __init__(self, encoder: SentenceEncoder, max_items: int = 50_000) -> None:
        if max_items < 1:
            raise ValueError("max_items must be at least 1")
        self._encoder = encoder
        self._max_items = max_items
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def encoder_id(self) -> str:
        """The wrapped encoder's id: vectors are the same."""
        return self._encoder.encoder_id

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    def __len__(self) -> int:
        return len(self._vectors)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dim), in the order of `texts`."""
        found: dict[str, NDArray[np.float32]] = {}
        with self._lock:
            for text in texts:
                if text in self._vectors:
                    self._vectors.move_to_end(text)
                    found[text] = self._vectors[text]
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            fresh = self._encoder.encode(missing)
            # Copies: a row that is a view would keep its whole batch in memory.
            found.update((text, row.copy()) for text, row in zip(missing, fresh, strict=True))
            self._remember({text: found[text] for text in missing})
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = found[text]
        return vectors

    def _remember(self, fresh: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            self._vectors.update(fresh)
            while len(self._vectors) > self._max_items:
                self._vectors.popitem(last=False)
