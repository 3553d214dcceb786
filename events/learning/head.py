"""Head: what a tree's corrections taught, as weights that move chances at match time.

For each target the head adds a number to the log odds that the other layers give. It is linear in
the features of a turn and was pulled to zero when it was fitted, so where it has learned nothing
it changes nothing. A node that names a built-in act shares the target of that act; any other
node is a target of its own, named by its key path.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import AppError
from events.acts.features import Floats
from events.acts.labels import LABELS
from events.acts.reading import ReadTurn
from events.keys import key_paths
from events.learning.features import (
    GRAM_WEIGHT,
    HEAD_SLOTS,
    TurnFeatures,
    dense_rows,
    gram_value,
    logits,
    turn_features,
)
from events.tree import EventNode, EventTree
from nlp.encoders.base import SentenceEncoder

EXACT_ODDS = 2.0
"""Log odds above the threshold that a keyword, a pattern or a sound gives."""

UNSEEN_ODDS = -4.0
"""Log odds below the threshold of a node that no layer sees anything of."""

_ACT = "act:"
_NODE = "node:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Weights of one tree's head. Immutable and thread safe.

    `dense` has shape (targets, dense features), `grams` (targets, HEAD_SLOTS). `ref` names it in
    results (`电销通用#3`); `encoder` and `base` are what its features were made with.
    """

    ref: str
    encoder: str
    base: str
    targets: tuple[str, ...]
    dense: Floats
    grams: Floats

    def fits(self, encoder: SentenceEncoder | None, base: str) -> bool:
        """Whether its features are those of this encoder and act model."""
        if encoder is None or base != self.base:
            return False
        return encoder.encoder_id.split("@")[0] == self.encoder.split("@")[0]

    def shifts(self, turns: Sequence[ReadTurn]) -> Floats:
        """What is added to the log odds, shape (len(turns), len(targets))."""
        if not turns or not self.targets:
            return np.zeros((len(turns), len(self.targets)), dtype=np.float32)
        return self.shifts_of(turn_features(turns))

    def shifts_of(self, features: Sequence[TurnFeatures]) -> Floats:
        """As `shifts`, for features."""
        added: Floats = dense_rows(features) @ self.dense.T
        for row, item in enumerate(features):
            added[row] += GRAM_WEIGHT * gram_value(item) * self.grams[:, item.slots].sum(axis=1)
        return added


@dataclass(frozen=True, slots=True)
class HeadShifts:
    """What a head says of one call: for each utterance index the shift of every target."""

    by_utterance: Mapping[int, Mapping[str, float]]

    def of(self, utterance: int, target: str) -> float:
        """The shift of a target in the turn of an utterance; 0 where nothing was learned."""
        return self.by_utterance.get(utterance, {}).get(target, 0.0)


def moved_chances(head: Head, turns: Sequence[ReadTurn], shifts: Floats) -> list[Floats]:
    """The act chances of each turn, moved by the head."""
    columns = [(at, LABELS.index(target.removeprefix(_ACT)))
               for at, target in enumerate(head.targets) if target.startswith(_ACT)]  # fmt: skip
    moved = []
    for turn, row in zip(turns, shifts, strict=True):
        chances = turn.chances.copy()
        for at, column in columns:
            if chances[column] > 0.0:
                odds = logits(chances[column]) + row[at]
                chances[column] = 1.0 / (1.0 + np.exp(-odds))
        moved.append(chances)
    return moved


def act_target(act: str) -> str:
    """The target of every node that names this act."""
    return f"{_ACT}{act}"


def targets_of(tree: EventTree, *, acts: bool) -> dict[str, str]:
    """The target of each node that can match, by path; without `acts` none is read as an act."""
    keys = key_paths(tree)
    return {
        node.path: target_of(node, keys[node.path], acts=acts)
        for node in tree.walk()
        if not node.match.empty
    }


def target_of(node: EventNode, key_path: str, *, acts: bool) -> str:
    """The target of one node."""
    return act_target(node.match.act) if acts and node.match.act else f"{_NODE}{key_path}"


def pack_head(head: Head) -> bytes:
    """The weights of a head as the bytes of an npz file, n-gram weights sparse."""
    rows, slots = np.nonzero(head.grams)
    content = io.BytesIO()
    np.savez_compressed(
        content,
        encoder=np.array(head.encoder),
        base=np.array(head.base),
        targets=np.array(head.targets, dtype=np.str_),
        dense=head.dense.astype(np.float32),
        rows=rows.astype(np.int16),
        slots=slots.astype(np.int32),
        values=head.grams[rows, slots].astype(np.float32),
    )
    return content.getvalue()


def unpack_head(payload: bytes, ref: str) -> Head:
    """The head that `pack_head` wrote.

    Raises:
        AppError: `bad-head` when the bytes are no head.
    """
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as stored:
            arrays: dict[str, NDArray[np.generic]] = {name: stored[name] for name in stored.files}
        targets = tuple(str(name) for name in arrays["targets"])
        grams = np.zeros((len(targets), HEAD_SLOTS), dtype=np.float32)
        grams[arrays["rows"], arrays["slots"]] = arrays["values"]
        return Head(
            ref=ref,
            encoder=str(arrays["encoder"]),
            base=str(arrays["base"]),
            targets=targets,
            dense=arrays["dense"].astype(np.float32),
            grams=grams,
        )
    except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise AppError(
            "bad-head", f"学习结果 {ref} 的数据已损坏。请停用它，再重新学习一次。"
        ) from error
