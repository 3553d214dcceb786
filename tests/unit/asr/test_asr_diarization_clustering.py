import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asr.diarization.clustering import two_voices


def voices(counts: tuple[int, int], noise: float, seed: int) -> tuple[NDArray[np.float32], ...]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(2, 64))
    sides = np.repeat([0, 1], counts)
    order = random.permutation(len(sides))
    sides = sides[order]
    points = centres[sides] + noise * random.normal(size=(len(sides), 64))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit.astype(np.float32), sides


@settings(deadline=None, max_examples=30)
@given(st.integers(8, 120), st.integers(8, 120), st.integers(0, 10_000))
def test_two_voices_are_told_apart_however_uneven(first: int, second: int, seed: int) -> None:
    embeddings, sides = voices((first, second), 0.6, seed)
    found = two_voices(embeddings)
    answer = np.argmax(embeddings @ found.centroids.T, axis=1)
    assert (answer == sides).mean() in (0.0, 1.0)
    assert answer[0] == 0
    assert found.likeness < 0.9


def test_one_voice_shows_by_its_likeness() -> None:
    embeddings, _ = voices((200, 0), 0.5, 1)
    assert two_voices(embeddings).likeness > 0.9


def test_thousands_of_windows_stay_affordable() -> None:
    embeddings, sides = voices((2_400, 800), 0.6, 2)
    found = two_voices(embeddings, np.ones(3_200, np.float32))
    answer = np.argmax(embeddings @ found.centroids.T, axis=1)
    assert (answer == sides).mean() in (0.0, 1.0)


def test_same_input_same_answer() -> None:
    embeddings, _ = voices((50, 20), 0.8, 3)
    assert np.array_equal(two_voices(embeddings).centroids, two_voices(embeddings).centroids)


@pytest.mark.parametrize("count", [0, 1])
def test_two_voices_need_two_windows(count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        two_voices(np.ones((count, 4), np.float32))
