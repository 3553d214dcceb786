"""ActModel: calibrated probabilities of the built-in dialogue acts for the turns of a call.

Kernel ridge regression on turns, with three kernels: Gaussian on the mean segment vectors of the
turn and of the turns around it, linear on hashed character and pinyin n-grams, linear on place
and length. The Gaussian kernel is exact: the file holds the training turns, their vectors reduced
to the directions that matter. Each label's margin goes through a logistic curve that was fitted on
dialogues of authors the model had not seen. A second stage, linear, moves these chances by those
of the turns around, and has its own curves. `scripts/train_acts.py` makes the file; see
docs/acts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.acts.features import Floats, Turn, place_of
from events.acts.labels import LABELS, labels_of
from events.acts.surroundings import surroundings
from nlp.encoders.base import SentenceEncoder
from nlp.threads import single_threaded_algebra

GAMMA = 0.7
"""Width of the kernel on a turn with the turns around it."""

ALONE_WEIGHT = 0.5
ALONE_GAMMA = 1.5
"""Weight and width of the kernel on the turn alone, which is added."""

NEIGHBOURS = ((-1, 0.7), (-2, 0.4), (1, 0.5))
"""(distance, weight) of the turns around, beside 1 for the turn itself."""


_HEAD_ARRAYS = ("place", "bias", "curves", "around", "around_curves", "thresholds")
_TURN_ARRAYS = ("codes", "scale", "sizes", "by_agent")


@dataclass(frozen=True)
class TrainingTurns:
    """The turns that the model was trained on, dialogue by dialogue.

    `codes` (turns, directions) times `scale` (directions) are their reduced mean vectors;
    `sizes` are the turns of each dialogue, `by_agent` says who speaks.
    """

    codes: NDArray[np.int8]
    scale: Floats
    sizes: NDArray[np.int32]
    by_agent: NDArray[np.bool_]

    def vectors(self) -> Floats:
        """The reduced mean vectors as the bytes give them."""
        return self.codes.astype(np.float32) * self.scale

    def contexts(self, role: Role) -> Floats:
        """The context vectors of one side's turns."""
        places = [(at, int(size)) for size in self.sizes for at in range(size)]
        own = self.by_agent if role == "agent" else ~self.by_agent
        found: Floats = context_vectors(self.vectors(), places)[own]
        return found


def encode_turns(reduced: Floats, sizes: Sequence[int], by_agent: Sequence[bool]) -> TrainingTurns:
    """Training turns with their reduced vectors rounded to bytes."""
    scale = (np.abs(reduced).max(axis=0) / 127.0).astype(np.float32)
    codes = np.round(reduced / scale).astype(np.int8)
    return TrainingTurns(codes, scale, np.array(sizes, np.int32), np.array(by_agent))


@dataclass(frozen=True)
class RoleHead:
    """The weights for the labels of one role.

    `support` (training turns, reduced context), `weights` (training turns, labels), `grams`
    (slots, labels) and `place` (PLACE_SIZE, labels) give margins, `bias` (labels) is added;
    `curves` (labels, 2) are their slope and offset. `around` (SURROUNDINGS_SIZE, labels) and
    `around_curves` are the second stage, `thresholds` the probabilities to reach after it.
    """

    labels: tuple[str, ...]
    support: Floats
    weights: Floats
    grams: Floats
    place: Floats
    bias: Floats
    curves: Floats
    around: Floats
    around_curves: Floats
    thresholds: Floats

    @cached_property
    def squares(self) -> tuple[Floats, Floats]:
        """`squares_of` the support."""
        return squares_of(self.support)


class ActModel:
    """The trained model. Immutable and thread safe; `encoder` names the vectors it was made for.

    `basis` (dimensions, directions) reduces sentence vectors, `idf` weighs n-grams, `turns` are
    those it was trained on.
    """

    def __init__(
        self,
        encoder: str,
        version: str,
        basis: Floats,
        idf: Floats,
        turns: TrainingTurns,
        heads: dict[Role, RoleHead],
    ) -> None:
        self.encoder = encoder
        self.version = version
        self.basis = basis
        self.idf = idf
        self.turns = turns
        self.heads = heads
        self._column = {label: at for at, label in enumerate(LABELS)}

    @classmethod
    def load(cls) -> "ActModel":
        """The model that ships with the product; read once per process."""
        return _shipped()

    def fits(self, encoder: SentenceEncoder) -> bool:
        """Whether the encoder makes the vectors that the model was trained on."""
        return encoder.encoder_id.split("@")[0] == self.encoder.split("@")[0]

    def threshold(self, label: str) -> float:
        """The probability from which a label counts as recognised."""
        for head in self.heads.values():
            if label in head.labels:
                return float(head.thresholds[head.labels.index(label)])
        raise KeyError(label)

    def predict(self, turns: Sequence[Turn], vectors: Sequence[Floats]) -> Floats:
        """Probabilities, shape (len(turns), len(LABELS)); 0 for labels of the other role.

        `turns` are all turns of one call in order, `vectors[i]` the sentence vectors of the
        segments of `turns[i]`.
        """
        with single_threaded_algebra():
            reduced = mean_vectors(vectors) @ self.basis
        contexts = context_vectors(reduced, [(at, len(turns)) for at in range(len(turns))])
        places = np.array([place_of(turn, at, len(turns)) for at, turn in enumerate(turns)])
        spoken = _rows_by_role(turns)
        first = np.zeros((len(turns), len(LABELS)), dtype=np.float32)
        for role, rows in spoken.items():
            picked = [turns[row] for row in rows]
            chances = self._chances(role, picked, contexts[rows], places[rows])
            first[np.ix_(rows, self._columns(role))] = chances
        around = surroundings(first)
        result = np.zeros_like(first)
        for role, rows in spoken.items():
            head = self.heads[role]
            with single_threaded_algebra():
                margins = around[rows] @ head.around
            result[np.ix_(rows, self._columns(role))] = _logistic(margins, head.around_curves)
        return result

    def piece_chances(self, role: Role, turns: Sequence[Turn], vectors: Floats) -> Floats:
        """Probabilities of single segments read as turns of their own, by the first stage.

        Shape (len(turns), len(LABELS)). They say which part of a turn carries a label.
        """
        result = np.zeros((len(turns), len(LABELS)), dtype=np.float32)
        if not turns:
            return result
        places = np.array([place_of(turn, 8, 20) for turn in turns])
        with single_threaded_algebra():
            alone = vectors @ self.basis
        result[:, self._columns(role)] = self._chances(role, turns, alone, places)
        return result

    def _columns(self, role: Role) -> list[int]:
        return [self._column[label] for label in self.heads[role].labels]

    def _chances(
        self, role: Role, turns: Sequence[Turn], contexts: Floats, places: Floats
    ) -> Floats:
        head = self.heads[role]
        with single_threaded_algebra():
            margins = kernel(contexts, head.support, head.squares) @ head.weights + head.bias
            margins += places @ head.place
        for row, turn in enumerate(turns):
            weights = self.idf[turn.slots]
            norm = float(np.linalg.norm(weights)) or 1.0
            margins[row] += (weights / norm) @ head.grams[turn.slots]
        return _logistic(margins, head.curves)


def _logistic(margins: Floats, curves: Floats) -> Floats:
    logits = np.clip(margins * curves[:, 0] + curves[:, 1], -30.0, 30.0)
    chances: Floats = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    return chances


def _rows_by_role(turns: Sequence[Turn]) -> dict[Role, list[int]]:
    """Rows that each head reads; turns of unknown role are read by both."""
    rows: dict[Role, list[int]] = {}
    for role in ("agent", "customer"):
        spoken = [at for at, turn in enumerate(turns) if turn.role in (role, "unknown")]
        if spoken:
            rows[role] = spoken
    return rows


def mean_vectors(vectors: Sequence[Floats]) -> Floats:
    """The unit mean of each turn's segment vectors, shape (turns, dimensions)."""
    means = np.stack([part.mean(axis=0) for part in vectors])
    unit: Floats = means / (np.linalg.norm(means, axis=1, keepdims=True) + 1e-6)
    return unit.astype(np.float32)


def context_vectors(reduced: Floats, places: Sequence[tuple[int, int]]) -> Floats:
    """Each turn's vector beside those of the turns around it in its call, weighted.

    `places[i]` is (position in the call, turns of the call); rows of a call are adjacent.
    """
    parts = [reduced]
    for distance, weight in NEIGHBOURS:
        near = np.zeros_like(reduced)
        known = [row for row, (at, size) in enumerate(places) if 0 <= at + distance < size]
        near[known] = weight * reduced[[row + distance for row in known]]
        parts.append(near)
    return np.concatenate(parts, axis=1)


def kernel(
    contexts: Floats, support: Floats, squares: tuple[Floats, Floats] | None = None
) -> Floats:
    """How alike turns are, in their context and alone; shape (len(contexts), len(support)).

    Contexts of turns with none around may leave out all but the turn itself. `squares` are
    `squares_of(support)`, for a support that is used again and again.
    """
    own = _own(support)
    of_own, of_others = squares if squares is not None else squares_of(support)
    near = _distances(contexts[:, :own], support[:, :own], of_own)
    if contexts.shape[1] > own:
        values = _distances(contexts[:, own:], support[:, own:], of_others)
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


def squares_of(support: Floats) -> tuple[Floats, Floats]:
    """Squared lengths of the vectors of turns, and of what stands around them."""
    own = _own(support)
    return _squares(support[:, :own]), _squares(support[:, own:])


def _own(support: Floats) -> int:
    return int(support.shape[1]) // (len(NEIGHBOURS) + 1)


def _squares(rows: Floats) -> Floats:
    squares: Floats = np.einsum("ij,ij->i", rows, rows)
    return squares


def _distances(left: Floats, right: Floats, squares: Floats) -> Floats:
    distances: Floats = np.multiply(left, np.float32(-2.0)) @ right.T
    distances += squares
    distances += _squares(left)[:, None]
    return distances


@lru_cache(maxsize=1)
def _shipped() -> ActModel:
    with (resources.files("events.acts") / "model.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return unpack({name: stored[name] for name in stored.files})


def pack(model: ActModel) -> dict[str, NDArray[Any]]:
    """The arrays of a model file; n-gram weights as int8 with one scale for each label."""
    arrays: dict[str, NDArray[Any]] = {
        "encoder": np.array(model.encoder),
        "version": np.array(model.version),
        "basis": model.basis.astype(np.float16),
        "idf": model.idf.astype(np.float16),
        "turns.codes": model.turns.codes,
        "turns.scale": model.turns.scale,
        "turns.sizes": model.turns.sizes,
        "turns.by_agent": model.turns.by_agent,
    }
    for role, head in model.heads.items():
        scale = np.maximum(np.abs(head.grams).max(axis=0), 1e-9) / 127.0
        arrays[f"{role}.grams"] = np.round(head.grams / scale).astype(np.int8)
        arrays[f"{role}.scale"] = scale.astype(np.float32)
        arrays[f"{role}.weights"] = head.weights.astype(np.float16)
        for name in _HEAD_ARRAYS:
            arrays[f"{role}.{name}"] = getattr(head, name).astype(np.float32)
    return arrays


def unpack(arrays: dict[str, NDArray[Any]]) -> ActModel:
    """The model that arrays of `pack` hold."""
    turns = TrainingTurns(*(arrays[f"turns.{name}"] for name in _TURN_ARRAYS))
    heads: dict[Role, RoleHead] = {}
    for role in ("agent", "customer"):
        heads[role] = RoleHead(
            labels=labels_of(role),
            support=turns.contexts(role),
            weights=arrays[f"{role}.weights"].astype(np.float32),
            grams=arrays[f"{role}.grams"].astype(np.float32) * arrays[f"{role}.scale"],
            **{name: arrays[f"{role}.{name}"] for name in _HEAD_ARRAYS},
        )
    return ActModel(
        str(arrays["encoder"]),
        str(arrays["version"]),
        arrays["basis"].astype(np.float32),
        arrays["idf"].astype(np.float32),
        turns,
        heads,
    )
