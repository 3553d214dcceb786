"""Which windows are encoded and decoded together: pure decisions, no model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")

CPU_BATCH_SIZE = 8
# So many windows at once keep a machine busy with one call; more threads than that go to each.
_MOST_LANES = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """Windows that go through the encoder together, all padded with silence to `length_ms`.

    `numbers` are their places in the caller's list.
    """

    numbers: tuple[int, ...]
    windows: tuple[NDArray[np.float32], ...]
    length_ms: int


def lanes(threads: int) -> tuple[int, int]:
    """How many windows are in work at once on a CPU, and the threads that each of them gets.

    Args:
        threads: All the threads that there are, 1 or more.
    """
    count = min(threads, _MOST_LANES)
    return count, threads // count


def pieces(
    windows: Sequence[NDArray[np.float32]],
    length_ms: Callable[[NDArray[np.float32]], int],
    limit: int,
) -> list[Piece]:
    """Every window once, in pieces of one length and at most `limit` windows, the longest first.

    Args:
        windows: Samples.
        length_ms: The length that a window is padded to.
        limit: Most windows of a piece.
    """
    by_length: dict[int, list[int]] = {}
    for number, window in enumerate(windows):
        by_length.setdefault(length_ms(window), []).append(number)
    return [
        Piece(tuple(numbers), tuple(windows[n] for n in numbers), length)
        for length, same in sorted(by_length.items(), reverse=True)
        for numbers in split(same, limit)
    ]


def batches(items: Sequence[_T], length_ms: Callable[[_T], int], limit: int) -> list[Sequence[_T]]:
    """Every item once, in batches of one length and at most `limit` items, large ones first.

    Args:
        items: Items of one length next to each other.
        length_ms: The length of an item.
        limit: Most items of a batch.
    """
    found = [
        batch for _, same in groupby(items, key=length_ms) for batch in split(list(same), limit)
    ]
    return sorted(found, key=len, reverse=True)


def split(items: Sequence[_T], limit: int) -> list[Sequence[_T]]:
    """The items in order in the fewest parts of at most `limit`, which differ by one at most."""
    parts = -(-len(items) // limit)
    return [items[len(items) * i // parts : len(items) * (i + 1) // parts] for i in range(parts)]
