"""ActModel: calibrated probabilities of the built-in dialogue acts for the turns of a call.

Kernel ridge regression on turns, with three kernels: Gaussian on the mean segment vector of the
turn and of the turns before it (as random Fourier features, Rahimi and Recht, "Random features for
large-scale kernel machines", 2007), linear on hashed character and pinyin n-grams, linear on
place and length. Each label's margin goes through a logistic curve that was fitted on dialogues
of authors the model had not seen. `scripts/train_acts.py` makes the file; see docs/acts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.acts.features import Floats, Turn, place_of
from events.acts.labels import LABELS, labels_of
from nlp.encoders.base import SentenceEncoder
from nlp.threads import single_threaded_algebra

HISTORY_WEIGHTS = (0.6, 0.4)
"""Weights of the vectors of the turn before and the one before that, beside 1 for the turn."""

_SEED = 20_250_101


@dataclass(frozen=True)
class RoleHead:
    """The weights for the labels of one role.

    `fourier` (features, labels), `grams` (slots, labels) and `place` (PLACE_SIZE, labels) give
    margins; `curves` (labels, 2) their slope and offset, `thresholds` the probabilities to reach.
    """

    labels: tuple[str, ...]
    fourier: Floats
    grams: Floats
    place: Floats
    bias: Floats
    curves: Floats
    thresholds: Floats


class ActModel:
    """The trained model. Immutable and thread safe; `encoder` names the vectors it was made for."""

    def __init__(
        self,
        encoder: str,
        version: str,
        frequencies: Floats,
        idf: Floats,
        heads: dict[Role, RoleHead],
    ) -> None:
        self.encoder = encoder
        self.version = version
        self.heads = heads
        self._frequencies = frequencies
        self._idf = idf
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
        means = mean_vectors(vectors)
        contexts = context_vectors(means, [(at, len(turns)) for at in range(len(turns))])
        places = np.array([place_of(turn, at, len(turns)) for at, turn in enumerate(turns)])
        result = np.zeros((len(turns), len(LABELS)), dtype=np.float32)
        for role, rows in _rows_by_role(turns).items():
            picked = [turns[row] for row in rows]
            chances = self._chances(role, picked, contexts[rows], places[rows])
            columns = [self._column[label] for label in self.heads[role].labels]
            result[np.ix_(rows, columns)] = chances
        return result

    def piece_chances(self, role: Role, turns: Sequence[Turn], vectors: Floats) -> Floats:
        """Probabilities of single segments read as turns of their own, without a place.

        Shape (len(turns), len(LABELS)). They say which part of a turn carries a label.
        """
        result = np.zeros((len(turns), len(LABELS)), dtype=np.float32)
        if not turns:
            return result
        places = np.array([place_of(turn, 8, 20) for turn in turns])
        columns = [self._column[label] for label in self.heads[role].labels]
        result[:, columns] = self._chances(role, turns, vectors, places)
        return result

    def _chances(
        self, role: Role, turns: Sequence[Turn], contexts: Floats, places: Floats
    ) -> Floats:
        head = self.heads[role]
        with single_threaded_algebra():
            margins = fourier(contexts, self._frequencies) @ head.fourier + head.bias
            margins += places @ head.place
        for row, turn in enumerate(turns):
            weights = self._idf[turn.slots]
            norm = float(np.linalg.norm(weights)) or 1.0
            margins[row] += (weights / norm) @ head.grams[turn.slots]
        logits = np.clip(margins * head.curves[:, 0] + head.curves[:, 1], -30.0, 30.0)
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


def context_vectors(means: Floats, places: Sequence[tuple[int, int]]) -> Floats:
    """Each turn's vector beside those of the turns before it in its call.

    `places[i]` is (position in the call, turns of the call); rows of a call are adjacent.
    """
    parts = [means]
    for back, weight in enumerate(HISTORY_WEIGHTS, 1):
        earlier = np.zeros_like(means)
        known = [row for row, (at, _) in enumerate(places) if at >= back]
        earlier[known] = weight * means[[row - back for row in known]]
        parts.append(earlier)
    return np.concatenate(parts, axis=1)


def fourier(contexts: Floats, frequencies: Floats) -> Floats:
    """Random Fourier features whose products approximate the Gaussian kernel.

    Contexts without history may leave its zeros out.
    """
    angles = contexts @ frequencies[: contexts.shape[1]]
    scale = np.float32(1.0 / np.sqrt(frequencies.shape[1]))
    features: Floats = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * scale
    return features


def draw_frequencies(dimensions: int, count: int, gamma: float) -> Floats:
    """The frequencies of the Gaussian kernel exp(-gamma d²), shape (dimensions, count).

    RandomState is frozen by numpy: the same numbers in every version.
    """
    draws = np.random.RandomState(_SEED).standard_normal((dimensions, count))
    result: Floats = (draws * np.sqrt(2.0 * gamma)).astype(np.float32)
    return result


@lru_cache(maxsize=1)
def _shipped() -> ActModel:
    with (resources.files("events.acts") / "model.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return unpack({name: stored[name] for name in stored.files})


def pack(model: ActModel, frequencies: tuple[int, int, float]) -> dict[str, NDArray[Any]]:
    """The arrays of a model file; n-gram weights as int8 with one scale for each label."""
    arrays: dict[str, NDArray[Any]] = {
        "encoder": np.array(model.encoder),
        "version": np.array(model.version),
        "frequencies": np.array(frequencies, dtype=np.float64),
        "idf": model._idf.astype(np.float16),
    }
    for role, head in model.heads.items():
        scale = np.maximum(np.abs(head.grams).max(axis=0), 1e-9) / 127.0
        arrays[f"{role}.grams"] = np.round(head.grams / scale).astype(np.int8)
        arrays[f"{role}.scale"] = scale.astype(np.float32)
        arrays[f"{role}.fourier"] = head.fourier.astype(np.float16)
        for name in ("place", "bias", "curves", "thresholds"):
            arrays[f"{role}.{name}"] = getattr(head, name).astype(np.float32)
    return arrays


def unpack(arrays: dict[str, NDArray[Any]]) -> ActModel:
    """The model that arrays of `pack` hold."""
    dimensions, count, gamma = arrays["frequencies"]
    heads: dict[Role, RoleHead] = {}
    for role in ("agent", "customer"):
        heads[role] = RoleHead(
            labels=labels_of(role),
            fourier=arrays[f"{role}.fourier"].astype(np.float32),
            grams=arrays[f"{role}.grams"].astype(np.float32) * arrays[f"{role}.scale"],
            place=arrays[f"{role}.place"],
            bias=arrays[f"{role}.bias"],
            curves=arrays[f"{role}.curves"],
            thresholds=arrays[f"{role}.thresholds"],
        )
    return ActModel(
        str(arrays["encoder"]),
        str(arrays["version"]),
        draw_frequencies(int(dimensions), int(count), float(gamma)),
        arrays["idf"].astype(np.float32),
        heads,
    )
