"""ActModel: calibrated probabilities of the built-in dialogue acts for the turns of a call.

Kernel ridge regression on turns, with three kernels: Gaussian on the mean segment vectors of the
turn and of the turns around it, linear on hashed character and pinyin n-grams, linear on place
and length. For the Gaussian kernels a turn is compared with landmarks. Each label's margin goes
through a logistic curve that was fitted on dialogues of authors the model had not seen. A second
stage, linear, moves these chances by those of the turns around, and has its own curves.
`scripts/train_acts.py` makes the file; see docs/acts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.acts.curves import apply_curves
from events.acts.features import Floats, Turn, place_of
from events.acts.kernels import Landmarks, context_vectors, mean_vectors
from events.acts.labels import LABELS, labels_of
from events.acts.surroundings import surroundings
from nlp.encoders.base import SentenceEncoder
from nlp.threads import single_threaded_algebra

_HEAD_ARRAYS = ("place", "bias", "curves", "around", "around_curves", "thresholds")


@dataclass(frozen=True)
class RoleHead:
    """The weights for the labels of one role.

    `weights` (landmarks, labels), `grams` (n-grams known, labels; rounded to bytes, times
    `gram_scale`) and `place` (PLACE_SIZE, labels) give margins, `bias` (labels) is added;
    `curves` (labels, 2) are their slope and offset. `around` (SURROUNDINGS_SIZE, labels) and
    `around_curves` are the second stage, `thresholds` the probabilities to reach after it.
    """

    labels: tuple[str, ...]
    landmarks: Landmarks
    weights: Floats
    grams: NDArray[np.int8]
    gram_scale: Floats
    place: Floats
    bias: Floats
    curves: Floats
    around: Floats
    around_curves: Floats
    thresholds: Floats

    @property
    def columns(self) -> slice:
        """Where its labels stand among LABELS."""
        first = LABELS.index(self.labels[0])
        return slice(first, first + len(self.labels))


class ActModel:
    """The trained model. Immutable and thread safe; `encoder` names the vectors it was made for.

    `basis` (dimensions, DIRECTIONS) reduces sentence vectors, `known` are the slots of the n-grams
    that have weights, ascending, `idf` weighs them.
    """

    def __init__(
        self,
        encoder: str,
        version: str,
        basis: Floats,
        known: NDArray[np.int32],
        idf: Floats,
        heads: dict[Role, RoleHead],
    ) -> None:
        self.encoder = encoder
        self.version = version
        self.basis = basis
        self.known = known
        self.idf = idf
        self.heads = heads

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
            contexts = context_vectors(
                mean_vectors(vectors) @ self.basis, [(at, len(turns)) for at in range(len(turns))]
            )
            places = np.array([place_of(turn, at, len(turns)) for at, turn in enumerate(turns)])
            spoken = _rows_by_role(turns)
            first = np.zeros((len(turns), len(LABELS)), dtype=np.float32)
            for role, rows in spoken.items():
                picked = [turns[row] for row in rows]
                chances = self._chances(role, picked, contexts[rows], places[rows])
                first[rows, self.heads[role].columns] = chances
            around = surroundings(first)
            result = np.zeros_like(first)
            for role, rows in spoken.items():
                head = self.heads[role]
                chances = apply_curves(around[rows] @ head.around, head.around_curves)
                result[rows, head.columns] = chances
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
            result[:, self.heads[role].columns] = self._chances(role, turns, alone, places)
        return result

    def _chances(
        self, role: Role, turns: Sequence[Turn], contexts: Floats, places: Floats
    ) -> Floats:
        head = self.heads[role]
        margins = head.landmarks.kernel(contexts) @ head.weights + head.bias
        margins += places @ head.place
        margins += gram_products(turns, self.known, self.idf, head.grams) * head.gram_scale
        return apply_curves(margins, head.curves)


def gram_products(
    turns: Sequence[Turn], known: NDArray[np.int32], idf: Floats, grams: NDArray[Any]
) -> Floats:
    """What the n-grams of each turn come to, weighted and scaled to unit length; (turns, labels).

    `known` are the slots, ascending, that `idf` and the rows of `grams` belong to.
    """
    slots = np.concatenate([turn.slots for turn in turns])
    starts = np.cumsum([0, *(len(turn.slots) for turn in turns[:-1])])
    rows = np.minimum(np.searchsorted(known, slots), len(known) - 1)
    weights = np.where(known[rows] == slots, idf[rows], np.float32(0))
    norms = np.sqrt(np.add.reduceat(weights * weights, starts))
    sums = np.add.reduceat(grams[rows].astype(np.float32) * weights[:, None], starts, axis=0)
    found: Floats = (sums / np.where(norms > 0, norms, 1.0)[:, None]).astype(np.float32)
    return found


def _rows_by_role(turns: Sequence[Turn]) -> dict[Role, list[int]]:
    """Rows that each head reads; turns of unknown role are read by both."""
    rows: dict[Role, list[int]] = {}
    for role in ("agent", "customer"):
        spoken = [at for at, turn in enumerate(turns) if turn.role in (role, "unknown")]
        if spoken:
            rows[role] = spoken
    return rows


@lru_cache(maxsize=1)
def _shipped() -> ActModel:
    with (resources.files("events.acts") / "model.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return unpack({name: stored[name] for name in stored.files})


def pack(model: ActModel) -> dict[str, NDArray[Any]]:
    """The arrays of a model file."""
    arrays: dict[str, NDArray[Any]] = {
        "encoder": np.array(model.encoder),
        "version": np.array(model.version),
        "basis": model.basis.astype(np.float16),
        "gram_slots": model.known,
        "idf": model.idf.astype(np.float16),
    }
    for role, head in model.heads.items():
        arrays[f"{role}.landmarks"] = head.landmarks.codes
        arrays[f"{role}.landmark_scale"] = head.landmarks.scale
        arrays[f"{role}.weights"] = head.weights.astype(np.float16)
        arrays[f"{role}.grams"] = head.grams
        arrays[f"{role}.gram_scale"] = head.gram_scale
        for name in _HEAD_ARRAYS:
            arrays[f"{role}.{name}"] = getattr(head, name).astype(np.float32)
    return arrays


def unpack(arrays: dict[str, NDArray[Any]]) -> ActModel:
    """The model that arrays of `pack` hold."""
    heads: dict[Role, RoleHead] = {}
    for role in ("agent", "customer"):
        heads[role] = RoleHead(
            labels=labels_of(role),
            landmarks=Landmarks(arrays[f"{role}.landmarks"], arrays[f"{role}.landmark_scale"]),
            weights=arrays[f"{role}.weights"].astype(np.float32),
            grams=arrays[f"{role}.grams"],
            gram_scale=arrays[f"{role}.gram_scale"],
            **{name: arrays[f"{role}.{name}"] for name in _HEAD_ARRAYS},
        )
    return ActModel(
        str(arrays["encoder"]),
        str(arrays["version"]),
        arrays["basis"].astype(np.float32),
        arrays["gram_slots"],
        arrays["idf"].astype(np.float32),
        heads,
    )
