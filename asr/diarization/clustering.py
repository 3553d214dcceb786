"""Two voices among many embeddings: spectral bisection, refined by means."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of each window's likenesses the strongest share is kept: what two windows of one voice have in
# common is sure, what windows of two voices have in common is noise.
_KEPT_SHARE = 0.2
_LEAST_KEPT = 6
# An affinity matrix is quadratic; beyond this many windows an even sample finds the two voices.
_MOST_COMPARED = 800
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class TwoVoices:
    """The mean of each voice.

    `centroids` has shape (2, dimensions), rows of unit length. `likeness` is the cosine between
    them: near 1 when one voice was split in two.
    """

    centroids: NDArray[np.float32]
    likeness: float


def two_voices(
    embeddings: NDArray[np.float32], weights: NDArray[np.float32] | None = None
) -> TwoVoices:
    """The two voices that most embeddings belong to, the one with the earliest window first.

    Spectral clustering on the pruned cosine graph (as in Park et al., "Auto-Tuning Spectral
    Clustering for Speaker Diarization", 2020, with a fixed share), then two-means on the sphere.

    Args:
        embeddings: Unit vectors, shape (windows, dimensions), at least two.
        weights: What each window counts, e.g. its length; None = all the same.

    Raises:
        ValueError: with fewer than two embeddings.
    """
    count = len(embeddings)
    if count < 2:
        raise ValueError(f"two voices need two windows or more, got {count}")
    counted = np.ones(count, np.float32) if weights is None else weights
    sample = np.unique(np.linspace(0, count - 1, min(count, _MOST_COMPARED)).astype(int))
    sides = _bisected(embeddings[sample])
    centroids = _means(embeddings[sample], sides, counted[sample])
    for _ in range(_ROUNDS):
        sides = _nearest(embeddings, centroids)
        refined = _means(embeddings, sides, counted)
        if np.allclose(refined, centroids, atol=1e-5):
            break
        centroids = refined
    if _nearest(embeddings, centroids)[0] == 1:
        centroids = centroids[::-1]
    return TwoVoices(centroids, float(centroids[0] @ centroids[1]))


def means_of(
    embeddings: NDArray[np.float32], sides: NDArray[np.int64], weights: NDArray[np.float32]
) -> TwoVoices:
    """The two voices, given which window is whose; a voice without a window stays all zero."""
    centroids = _means(embeddings, sides, weights)
    return TwoVoices(centroids, float(centroids[0] @ centroids[1]))


def _bisected(embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
    """Side 0 or 1 of each embedding, by the second eigenvector of the graph Laplacian."""
    count = len(embeddings)
    likeness = (1.0 + embeddings.astype(np.float64) @ embeddings.T.astype(np.float64)) / 2.0
    np.fill_diagonal(likeness, 0.0)
    kept = min(count - 1, max(_LEAST_KEPT, int(count * _KEPT_SHARE)))
    floor = np.partition(likeness, count - kept, axis=1)[:, count - kept][:, None]
    pruned = np.where(likeness >= floor, likeness, 0.0)
    graph = (pruned + pruned.T) / 2.0 + 1e-6  # never in pieces
    degree = 1.0 / np.sqrt(graph.sum(axis=1))
    _values, vectors = np.linalg.eigh(graph * degree[:, None] * degree[None, :])
    return _split(vectors[:, -2] * degree)


def _split(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cut of numbers on a line that leaves the least variance on both sides."""
    order = np.argsort(values, kind="stable")
    ordered = values[order] - values.mean()
    sums = np.cumsum(ordered)[:-1]
    left = np.arange(1, len(values))
    between = sums**2 / left + (ordered.sum() - sums) ** 2 / (len(values) - left)
    sides = np.ones(len(values), np.int64)
    sides[order[: int(np.argmax(between)) + 1]] = 0
    return sides


def _means(
    embeddings: NDArray[np.float32], sides: NDArray[np.int64], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    rows = []
    for side in (0, 1):
        mean = (embeddings * weights[:, None])[sides == side].sum(axis=0)
        length = float(np.linalg.norm(mean))
        rows.append(mean / length if length > 1e-9 else np.zeros_like(mean))
    return np.asarray(np.stack(rows), np.float32)


def _nearest(embeddings: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.asarray(np.argmax(embeddings @ centroids.T, axis=1), np.int64)
