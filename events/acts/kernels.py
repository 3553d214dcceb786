"""How alike two turns are: the Gaussian kernels of the act model, on landmarks.

A turn is compared with a fixed number of landmarks, typical turns, not with all that the model
was trained on (Nyström's method; Williams and Seeger 2001).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from events.acts.features import Floats

GAMMA = 0.7
"""Width of the kernel on a turn with the turns around it."""

ALONE_WEIGHT = 0.5
ALONE_GAMMA = 1.5
"""Weight and width of the kernel on the turn alone, which is added."""

NEIGHBOURS = ((-1, 0.7), (-2, 0.4), (1, 0.5))
"""(distance, weight) of the turns around, beside 1 for the turn itself."""

DIRECTIONS = 96
"""Directions that sentence vectors are reduced to; 512 gave 0.001 more."""

NEIGHBOUR_DIRECTIONS = 40
"""The first ones of them, which are read of the turns around."""

CONTEXT_SIZE = DIRECTIONS + len(NEIGHBOURS) * NEIGHBOUR_DIRECTIONS


@dataclass(frozen=True)
class Landmarks:
    """Typical contexts: `codes` (landmarks, CONTEXT_SIZE) times `scale` (CONTEXT_SIZE)."""

    codes: NDArray[np.int8]
    scale: Floats

    @classmethod
    def of(cls, contexts: Floats) -> "Landmarks":
        """Landmarks at these context vectors, rounded to bytes."""
        scale = np.maximum(np.abs(contexts).max(axis=0), 1e-9).astype(np.float32) / np.float32(127)
        return cls(np.round(contexts / scale).astype(np.int8), scale)

    @cached_property
    def vectors(self) -> Floats:
        """The context vectors as the bytes give them."""
        return self.codes.astype(np.float32) * self.scale

    @cached_property
    def _squares(self) -> tuple[Floats, Floats]:
        own, others = self.vectors[:, :DIRECTIONS], self.vectors[:, DIRECTIONS:]
        return np.einsum("ij,ij->i", own, own), np.einsum("ij,ij->i", others, others)

    def kernel(self, contexts: Floats) -> Floats:
        """How alike turns are to the landmarks, in their context and alone.

        Shape (len(contexts), landmarks). Contexts of turns with none around may leave out all
        but the turn itself.
        """
        of_own, of_others = self._squares
        near = _distances(contexts[:, :DIRECTIONS], self.vectors[:, :DIRECTIONS], of_own)
        if contexts.shape[1] > DIRECTIONS:
            values = _distances(contexts[:, DIRECTIONS:], self.vectors[:, DIRECTIONS:], of_others)
            values += near
        else:
            values = near + of_others
        values *= np.float32(-GAMMA)
        np.exp(values, out=values)
        near *= np.float32(-ALONE_GAMMA)
        np.exp(near, out=near)
        near *= np.float32(ALONE_WEIGHT)
        values += near
        return values


def mean_vectors(vectors: Sequence[Floats]) -> Floats:
    """The unit mean of each turn's segment vectors, shape (turns, dimensions)."""
    starts = np.cumsum([0, *(len(part) for part in vectors[:-1])])
    sums = np.add.reduceat(np.concatenate(vectors), starts, axis=0)
    means = sums / np.array([[len(part)] for part in vectors], dtype=np.float32)
    unit: Floats = means / (np.linalg.norm(means, axis=1, keepdims=True) + 1e-6)
    return unit.astype(np.float32)


def context_vectors(reduced: Floats, places: Sequence[tuple[int, int]]) -> Floats:
    """Each turn's reduced vector beside those of the turns around it in its call, weighted.

    `places[i]` is (position in the call, turns of the call); rows of a call are adjacent. Shape
    (turns, CONTEXT_SIZE).
    """
    at, size = np.array(places).T
    rows = np.arange(len(reduced))
    found = np.zeros((len(reduced), CONTEXT_SIZE), dtype=np.float32)
    found[:, :DIRECTIONS] = reduced
    for part, (distance, weight) in enumerate(NEIGHBOURS):
        known = rows[(at + distance >= 0) & (at + distance < size)]
        start = DIRECTIONS + part * NEIGHBOUR_DIRECTIONS
        columns = slice(start, start + NEIGHBOUR_DIRECTIONS)
        found[known, columns] = weight * reduced[known + distance, :NEIGHBOUR_DIRECTIONS]
    return found


def _distances(left: Floats, right: Floats, squares: Floats) -> Floats:
    distances: Floats = np.multiply(left, np.float32(-2.0)) @ right.T
    distances += squares
    distances += np.einsum("ij,ij->i", left, left)[:, None]
    return distances
