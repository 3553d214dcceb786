"""What a head reads of a turn: its vectors, its n-grams, and what the act model thinks of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.acts.features import Floats
from events.acts.reading import ReadTurn

PREVIOUS_WEIGHT = 0.4
HEAD_SLOTS = 1 << 15
"""Slots of a head's n-grams: those of the act model, folded."""

ACT_WEIGHT = 0.08
GRAM_WEIGHT = 1.0
_EDGE = 0.003


@dataclass(frozen=True, slots=True)
class TurnFeatures:
    """One turn as numbers: `dense` of unit scale, and the n-gram slots that occur in it."""

    dense: Floats
    slots: NDArray[np.int32]


def turn_features(turns: Sequence[ReadTurn]) -> list[TurnFeatures]:
    """The features of all turns of one call, in order.

    `dense` is the turn's mean vector, that of the turn before, the logits of all acts and 1.
    """
    means = [_unit(turn.vectors.mean(axis=0)) for turn in turns]
    found = []
    for at, turn in enumerate(turns):
        before = means[at - 1] if at else np.zeros_like(means[at])
        acts = ACT_WEIGHT * (logits(turn.chances) - logits(np.float32(0.0)))
        dense = np.concatenate([means[at], PREVIOUS_WEIGHT * before, acts, np.ones(1)])
        found.append(
            TurnFeatures(dense.astype(np.float32), np.unique(turn.turn.slots % HEAD_SLOTS))
        )
    return found


def dense_rows(features: Sequence[TurnFeatures]) -> Floats:
    """The dense parts as rows."""
    return np.stack([item.dense for item in features])


def gram_products(left: Sequence[TurnFeatures], right: Sequence[TurnFeatures]) -> Floats:
    """How alike turns are in n-grams: cosines, shape (len(left), len(right))."""
    flags = np.zeros((len(right), HEAD_SLOTS), dtype=np.float32)
    for row, item in enumerate(right):
        flags[row, item.slots] = gram_value(item)
    products = np.empty((len(left), len(right)), dtype=np.float32)
    for row, item in enumerate(left):
        products[row] = gram_value(item) * flags[:, item.slots].sum(axis=1)
    return products


def gram_value(item: TurnFeatures) -> np.float32:
    """What each n-gram of a turn counts, so that the turn has unit length."""
    return np.float32(1.0 / np.sqrt(max(len(item.slots), 1)))


def logits(chances: Floats | np.float32) -> Floats:
    """Log odds; chances near 0 and 1 are cut so that they stay finite."""
    cut = np.clip(chances, _EDGE, 1.0 - _EDGE)
    result: Floats = np.log(cut / (1.0 - cut)).astype(np.float32)
    return result


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / (float(np.linalg.norm(vector)) + 1e-6)
    return unit
