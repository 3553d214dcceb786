"""Hashed character n-grams of many texts at once.

The hash is CRC-32 of the n-gram's UTF-8 bytes. It is linear: the CRC of two strings in a row is
that of the first, moved along by the length of the second, XOR that of the second. So every
character's CRC is kept for each distance it may be moved by, and the n-grams of all texts come out
of a few array operations instead of one call for each.
"""

import threading
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.int64]

SIZES = (1, 2, 3)
"""Lengths of the n-grams, in characters."""

_MOST_BYTES = 4  # of one character
_FAR = (max(SIZES) - 1) * _MOST_BYTES + 1
_GROWTH = 4096


def gram_slots(texts: Sequence[str], bits: int) -> tuple[Slots, Slots]:
    """The slots of the n-grams of each text, each once in a text, and where each text's begin.

    A slot is the last `bits` bits of an n-gram's CRC-32. The borders of a text (`^`, `$`) are part
    of its n-grams, so that no text is without any. Slots are sorted within a text.
    """
    if not texts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    padded = [f"^{text}$" for text in texts]
    row_of = np.repeat(np.arange(len(texts)), [len(text) for text in padded])
    moved, widths = _CHARACTERS.of("".join(padded))
    keys = []
    for size in SIZES:
        count = len(row_of) - size + 1
        crc = moved[size - 1 : size - 1 + count, 0].copy()
        behind = np.zeros(count, dtype=np.int64)
        for at in range(size - 2, -1, -1):
            behind += widths[at + 1 : at + 1 + count]
            crc ^= moved[np.arange(at, at + count), behind]
        inside = row_of[:count] == row_of[size - 1 :]
        slots = (crc & np.uint32((1 << bits) - 1)).astype(np.int64)
        keys.append(((row_of[:count] << bits) | slots)[inside])
    unique = np.unique(np.concatenate(keys))
    starts = np.searchsorted(unique, np.arange(len(texts), dtype=np.int64) << bits)
    return unique & ((1 << bits) - 1), starts


class _Characters:
    """The CRCs of the characters met so far, each moved by 0 to 8 bytes. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._moved = np.zeros((_GROWTH, _FAR), dtype=np.uint32)
        self._widths = np.zeros(_GROWTH, dtype=np.int64)

    def of(self, text: str) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """For each character its moved CRCs, and its width in bytes."""
        if set(text).difference(self._numbers):
            with self._lock:
                for character in sorted(set(text).difference(self._numbers)):
                    self._add(character)
        numbers = np.fromiter(map(self._numbers.__getitem__, text), np.intp, len(text))
        return self._moved[numbers], self._widths[numbers]

    def _add(self, character: str) -> None:
        number = len(self._numbers)
        if number == len(self._widths):
            self._moved = np.concatenate([self._moved, np.zeros_like(self._moved)])
            self._widths = np.concatenate([self._widths, np.zeros_like(self._widths)])
        own = character.encode()
        for far in range(_FAR):
            zeros = bytes(far)
            self._moved[number, far] = zlib.crc32(own + zeros) ^ zlib.crc32(zeros)
        self._widths[number] = len(own)
        self._numbers[character] = number  # Last: whoever finds the number finds the rest.


_CHARACTERS = _Characters()
