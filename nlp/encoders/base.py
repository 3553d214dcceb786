"""SentenceEncoder: the Protocol that every sentence encoder fulfils."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class SentenceEncoder(Protocol):
    """Turns sentences into unit vectors whose dot product is their similarity.

    `encoder_id` names weights and version (`use-m3@0.2.1`): vectors are stored and cached
    under it, so it must change whenever the vectors would. `dim` is the vector length.
    """

    @property
    def encoder_id(self) -> str:
        """Names weights and version."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dim), float32, C order, in the order of `texts`.

        An empty sequence gives shape (0, dim); an empty text gives the zero vector.
        """
        ...
