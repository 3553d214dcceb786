"""Windows in pieces and batches: each once, of one length, shares of about one size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from asr.engines.batches import Piece, batches, lanes, pieces, split


def to_second(window: NDArray[np.float32]) -> int:
    return -(-len(window) // 16_000) * 1000


def lengths(found: Piece) -> int:
    return found.length_ms


@given(st.lists(st.integers(1, 80_000), max_size=40), st.integers(1, 9))
def test_every_window_is_in_one_piece_of_its_length(sizes: list[int], limit: int) -> None:
    windows = [np.zeros(size, np.float32) for size in sizes]
    found = pieces(windows, to_second, limit)
    assert sorted(n for piece in found for n in piece.numbers) == list(range(len(windows)))
    for piece in found:
        assert 1 <= len(piece.numbers) <= limit
        for number, window in zip(piece.numbers, piece.windows, strict=True):
            assert window is windows[number]
            assert to_second(window) == piece.length_ms
    assert [p.length_ms for p in found] == sorted((p.length_ms for p in found), reverse=True)


@given(st.lists(st.integers(1, 4), max_size=40), st.integers(1, 9))
def test_every_piece_is_in_one_batch_of_its_length(seconds: list[int], limit: int) -> None:
    windows = [np.zeros(16_000 * size, np.float32) for size in seconds]
    single = pieces(windows, to_second, 1)
    found = batches(single, lengths, limit)
    assert sorted(n for batch in found for piece in batch for n in piece.numbers) == list(
        range(len(windows))
    )
    assert all(len({piece.length_ms for piece in batch}) == 1 for batch in found)
    assert [len(b) for b in found] == sorted((len(b) for b in found), reverse=True)


@given(st.lists(st.integers(), max_size=60), st.integers(1, 9))
def test_parts_are_few_and_about_equal(items: list[int], limit: int) -> None:
    parts = split(items, limit)
    assert [item for part in parts for item in part] == items
    assert len(parts) == -(-len(items) // limit)
    assert all(1 <= len(part) <= limit for part in parts)
    assert not parts or max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("threads", "expected"), [(1, (1, 1)), (2, (2, 1)), (8, (8, 1)), (16, (8, 2)), (20, (8, 2))]
)
def test_a_thread_works_on_a_window_of_its_own(threads: int, expected: tuple[int, int]) -> None:
    assert lanes(threads) == expected
