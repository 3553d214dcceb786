"""CachedEncoder: sentence vectors, encoded once per text; shelves of vectors that are stored."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nlp.encoders.base import SentenceEncoder

_KEY_BYTES = 16


def text_key(text: str) -> bytes:
    """The 16 bytes that a text's vector is stored under."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=_KEY_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Vectors of one piece of work, by `text_key`.

    `known` are those that are there already and need no encoding; `used` gathers every vector
    that was asked for, so that it can be stored.
    """

    known: Mapping[bytes, NDArray[np.float32]] = field(default_factory=dict)
    used: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)


_shelf: ContextVar[Shelf | None] = ContextVar("shelf", default=None)


@contextmanager
def using(shelf: Shelf) -> Iterator[Shelf]:
    """Within the block, cached encoders take vectors from `shelf` and leave theirs there.

    Holds for this thread or task only. The shelf's vectors must be of the same encoder.
    """
    token = _shelf.set(shelf)
    try:
        yield shelf
    finally:
        _shelf.reset(token)


class CachedEncoder:
    """A `SentenceEncoder` that remembers the vectors of the texts seen last.

    Holds at most `max_items` vectors, the least recently used leave first. Texts that are not
    held are encoded in one batch. Vectors are rounded to half precision, as they are stored: what
    is found must not depend on whether a vector was stored. Thread safe; the lock is not held
    while encoding.
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
        shelf = _shelf.get()
        keys = {} if shelf is None else {text: text_key(text) for text in dict.fromkeys(texts)}
        if shelf is not None:
            for text, key in keys.items():
                if text not in found and key in shelf.known:
                    found[text] = shelf.known[key]
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            fresh = self._encoder.encode(missing)
            # Copies: a row that is a view would keep its whole batch in memory.
            rounded = fresh.astype(np.float16).astype(np.float32)
            found.update((text, row.copy()) for text, row in zip(missing, rounded, strict=True))
            self._remember({text: found[text] for text in missing})
        if shelf is not None:
            shelf.used.update((keys[text], row) for text, row in found.items())
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = found[text]
        return vectors

    def _remember(self, fresh: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            self._vectors.update(fresh)
            while len(self._vectors) > self._max_items:
                self._vectors.popitem(last=False)
