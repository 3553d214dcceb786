"""What the act model thinks of a sentence, as features of a node that is none of its acts.

A node of a user's own is often a finer or a coarser act, or one that goes along with some: what
the model finds in a sentence says something about it. Chances below `_EDGE` count as nothing.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from asr.transcript import Role
from events.acts.features import Floats, Turn, piece_turns
from events.acts.labels import LABELS, labels_of

_EDGE = 0.01
_WEIGHT = 0.02


class ActChances(Protocol):
    """The act model, as far as it is asked here."""

    def piece_chances(self, role: Role, turns: Sequence[Turn], vectors: Floats) -> Floats:
        """Probabilities of all labels for segments read alone, shape (turns, labels)."""
        ...


def chance_features(role: Role, chances: Floats) -> Floats:
    """Log odds over the edge of the labels of a role; their products are a kernel."""
    columns = [LABELS.index(label) for label in labels_of(role)]
    cut = np.clip(chances[:, columns], _EDGE, 1.0 - _EDGE)
    odds = np.log(cut / (1.0 - cut)) - np.log(_EDGE / (1.0 - _EDGE))
    features: Floats = (np.sqrt(_WEIGHT) * np.maximum(odds, 0.0)).astype(np.float32)
    return features


def sentence_features(
    acts: ActChances | None, role: Role, texts: Sequence[str], vectors: Floats
) -> Floats:
    """The features of sentences that stand alone; zeros without an act model."""
    if acts is None:
        return np.zeros((len(texts), len(labels_of(role))), dtype=np.float32)
    return chance_features(role, acts.piece_chances(role, piece_turns(role, texts), vectors))
