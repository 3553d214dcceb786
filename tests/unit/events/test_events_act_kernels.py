"""Kernels, landmarks and n-grams of the act model."""

import numpy as np
import pytest

from events.acts.features import piece_turns, read_turns
from events.acts.kernels import (
    CONTEXT_SIZE,
    DIRECTIONS,
    NEIGHBOUR_DIRECTIONS,
    Landmarks,
    context_vectors,
    mean_vectors,
)
from events.acts.landmarks import Projection, choose_landmarks
from events.acts.model import gram_products
from nlp.normalise import forms


def _contexts(count: int) -> np.ndarray:
    drawn = np.random.default_rng(3).normal(size=(count, CONTEXT_SIZE)).astype(np.float32)
    return drawn / np.float32(2 * np.sqrt(CONTEXT_SIZE))


def test_mean_vectors_are_unit_means_of_each_turn() -> None:
    first, second = np.eye(2, 4, dtype=np.float32), np.full((1, 4), 2.0, np.float32)
    found = mean_vectors([first, second])
    np.testing.assert_allclose(found, [[0.7071, 0.7071, 0, 0], [0.5] * 4], atol=1e-3)


def test_contexts_hold_the_turns_around_but_none_of_another_call() -> None:
    reduced = np.arange(1, 6, dtype=np.float32)[:, None] * np.ones((1, DIRECTIONS), np.float32)
    places = [(0, 3), (1, 3), (2, 3), (0, 2), (1, 2)]
    found = context_vectors(reduced, places)
    assert found.shape == (5, CONTEXT_SIZE)
    np.testing.assert_array_equal(found[:, :DIRECTIONS], reduced)
    before, earlier, after = (
        found[:, DIRECTIONS + part * NEIGHBOUR_DIRECTIONS] for part in range(3)
    )
    np.testing.assert_allclose(before, [0, 0.7, 1.4, 0, 2.8], rtol=1e-6)
    np.testing.assert_allclose(earlier, [0, 0, 0.4, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(after, [1.0, 1.5, 0, 2.5, 0], rtol=1e-6)


def test_a_turn_alone_is_a_turn_with_nothing_around() -> None:
    landmarks = Landmarks.of(_contexts(20))
    alone = np.zeros((1, CONTEXT_SIZE), np.float32)
    alone[0, :DIRECTIONS] = _contexts(1)[0, :DIRECTIONS]
    np.testing.assert_allclose(
        landmarks.kernel(alone[:, :DIRECTIONS]), landmarks.kernel(alone), rtol=1e-5
    )


def test_weights_of_landmarks_say_what_weights_of_turns_say() -> None:
    contexts, asked = _contexts(60), _contexts(80)[60:]
    projection = Projection(choose_landmarks(contexts, 25))
    weights = np.random.default_rng(5).normal(size=(60, 3)).astype(np.float32)
    of_turns = projection.features(asked) @ (projection.features(contexts).T @ weights)
    of_landmarks = projection.landmarks.kernel(asked) @ projection.weights(contexts, weights)
    np.testing.assert_allclose(of_landmarks, of_turns, atol=2e-3)


def test_with_a_landmark_at_every_turn_the_kernel_is_exact() -> None:
    contexts = _contexts(30)
    projection = Projection(choose_landmarks(contexts, 100))
    assert len(projection.landmarks.codes) == 30
    features = projection.features(contexts)
    exact = Landmarks.of(contexts).kernel(contexts)
    np.testing.assert_allclose(features @ features.T, exact, atol=0.02)


def test_turns_read_together_are_read_as_alone() -> None:
    spoken = [("agent", [forms("您好，我是小李")]), ("customer", [forms("太贵了"), forms("不要")])]
    for whole, one in zip(read_turns(spoken), spoken, strict=True):
        (alone,) = read_turns([one])
        np.testing.assert_array_equal(whole.slots, alone.slots)
        assert (whole.role, whole.pieces, whole.cues) == (alone.role, alone.pieces, alone.cues)
        assert (np.diff(whole.slots) > 0).all()
    assert read_turns([]) == []
    assert piece_turns("agent", []) == []


@pytest.mark.parametrize(("left", "right"), [("太贵了", "了贵太"), ("一二", "一二一二")])
def test_other_words_have_other_slots(left: str, right: str) -> None:
    one, other = piece_turns("customer", [left, right])
    assert set(one.slots.tolist()) != set(other.slots.tolist())


def test_unknown_n_grams_add_nothing_and_known_ones_their_weight() -> None:
    (turn, other) = piece_turns("customer", ["太贵了", "嗯"])
    known, idf = turn.slots[1:3], np.array([3.0, 4.0], np.float32)
    found = gram_products([turn, other], known, idf, np.array([[10], [0]], np.int8))
    np.testing.assert_allclose(found, [[6.0], [0.0]], rtol=1e-6)
