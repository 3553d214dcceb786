"""The network of the multilingual Universal Sentence Encoder, in numpy.

A token's embedding is projected, and three convolution branches (n-grams of 2, 3 and 5 tokens, two
layers each) read what stands around it; their normalised sum over the sentence goes through a
few dense layers (Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval",
2019). Up to the products of the first convolution layer everything depends on one token alone, and
telephone speech uses a few thousand tokens over and over: these products are kept by token. Up to
the products of the second layer it depends on one n-gram, and a sentence shares most of its n-grams
with the clauses that are encoded beside it: these are worked out once for each different n-gram of
a batch. What is left is about a third of the arithmetic.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.intp]

_BLOCKS = 17  # The table of embeddings is dealt out over so many blocks, each with its own scale.
_EMBEDDING = 512
_BRANCH = 256
_BRANCHES = ((2, 0), (3, 1), (5, 2))  # Tokens of each branch's n-gram, those before its own.
_BEFORE, _AFTER = 2, 2  # The widest of them.
_TOKENS_AT_ONCE = 512  # The working set stays in the processor's cache.
_TOKENS_KEPT = 8192  # 15 kB each; memory is only taken for those that occur.


class UseNetwork:
    """The network with its weights; `weights` are the arrays of the package's `weights.npz`.

    Not thread safe: it remembers tokens.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        blocks = [weights[f"q{block + 1}"] for block in range(_BLOCKS)]
        self._table = np.empty((_BLOCKS * len(blocks[0]), _EMBEDDING), dtype=np.uint8)
        for block, rows in enumerate(blocks):
            self._table[block::_BLOCKS] = rows
        named = {name: value for name, value in weights.items() if value.dtype == np.float32}
        self._weights: dict[str, Floats] = named  # type: ignore[assignment]
        self._epsilon = np.float32(weights["eps"])
        self._slots = np.zeros(len(self._table), dtype=np.intp)
        self._make_room(_TOKENS_KEPT)

    def encode(self, sentences: Sequence[Sequence[int]]) -> Floats:
        """Unit vectors, shape (len(sentences), 512), of sentences given as token numbers."""
        lengths = np.array([len(tokens) for tokens in sentences], dtype=np.intp)
        sums = np.empty((len(sentences), _EMBEDDING + len(_BRANCHES) * _BRANCH), dtype=np.float32)
        for first, last in _batches(lengths):
            tokens = np.fromiter(chain.from_iterable(sentences[first:last]), dtype=np.intp)
            sums[first:last] = self._sums(tokens, lengths[first:last])
        return self._dense(sums, lengths.astype(np.float32)[:, None])

    def _make_room(self, tokens: int) -> None:
        """Forget all tokens, and have room for so many. Slot 0 is what lies outside a sentence."""
        self._slots[:] = 0
        self._kept = 1
        self._room = tokens + 1
        self._embedded = np.zeros((self._room, _EMBEDDING), dtype=np.float32)
        self._projected = [np.zeros((self._room, _BRANCH), dtype=np.float32) for _ in _BRANCHES]
        self._products = [
            [np.zeros((self._room, _BRANCH), dtype=np.float32) for _ in range(size)]
            for size, _ in _BRANCHES
        ]

    def _slots_of(self, tokens: Places) -> Places:
        """Where each token's products stand; works out those that are new."""
        unique = np.unique(tokens)
        new = unique[self._slots[unique] == 0]
        if self._kept + len(new) > self._room:
            self._make_room(max(self._room - 1, len(unique)))
            new = unique
        if len(new):
            self._learn(new)
        return self._slots[tokens]

    def _learn(self, tokens: Places) -> None:
        weights, block = self._weights, tokens % _BLOCKS
        embedded = self._table[tokens].astype(np.float32)
        embedded *= weights["scale"][block, None]
        embedded += weights["lo"][block, None]
        parts = [embedded @ weights[f"proj{n}"] + weights[f"proj_b{n}"] for n, _ in _BRANCHES]
        projected = np.concatenate(parts, axis=1)
        _normalise(projected, self._epsilon)
        projected *= np.concatenate([weights[f"ln_g{n}"] for n, _ in _BRANCHES])
        projected += np.concatenate([weights[f"ln_b{n}"] for n, _ in _BRANCHES])
        kept = slice(self._kept, self._kept + len(tokens))
        self._embedded[kept] = embedded
        for at, (size, _) in enumerate(_BRANCHES):
            own = projected[:, at * _BRANCH : (at + 1) * _BRANCH]
            self._projected[at][kept] = own
            kernel = weights[f"w1_{size}"].reshape(size, _BRANCH, _BRANCH)
            for place in range(size):
                self._products[at][place][kept] = own @ kernel[place]
        self._slots[tokens] = np.arange(kept.start, kept.stop)
        self._kept = kept.stop

    def _sums(self, tokens: Places, lengths: Places) -> Floats:
        """The normalised features of each sentence's tokens, added up."""
        slots = self._slots_of(tokens)
        around = _around(np.cumsum(lengths) - lengths, lengths)
        slots_around = np.append(slots, 0)[around]
        features = np.empty((len(tokens), _EMBEDDING + len(_BRANCHES) * _BRANCH), dtype=np.float32)
        features[:, :_EMBEDDING] = self._embedded[slots]
        for at, (size, before) in enumerate(_BRANCHES):
            window = slice(_BEFORE - before, _BEFORE - before + size)
            begin = _EMBEDDING + at * _BRANCH
            features[:, begin : begin + _BRANCH] = self._branch(
                at, slots_around[:, window], around[:, window]
            )
        return _normalised_sums(features, lengths, self._epsilon)

    def _branch(self, at: int, slots_around: Places, around: Places) -> Floats:
        """What a branch makes of each token, shape (tokens, 256).

        The first layer sees one n-gram, so it and its products with the weights of the second are
        worked out once for each n-gram that occurs: a sentence is often encoded beside its
        clauses.
        """
        size, before = _BRANCHES[at]
        grams, which = _different(slots_around, self._room)
        first = np.empty((len(grams), _BRANCH), dtype=np.float32)
        first[:] = self._weights[f"b1_{size}"]
        part = np.empty_like(first)
        for place in range(size):
            np.take(self._products[at][place], grams[:, place], axis=0, out=part, mode="clip")
            first += part
        np.maximum(first, 0.0, out=first)
        np.take(self._projected[at], grams[:, before], axis=0, out=part, mode="clip")
        first += part
        weights = self._weights[f"w2_{size}"].reshape(size, _BRANCH, _BRANCH)
        product = np.zeros((len(grams) + 1, _BRANCH), dtype=np.float32)  # The last: outside.
        which_around = np.append(which, len(grams))[around]
        second = np.empty((len(which), _BRANCH), dtype=np.float32)
        second[:] = self._weights[f"b2_{size}"]
        taken = np.empty_like(second)
        for place in range(size):
            np.matmul(first, weights[place], out=product[:-1])
            np.take(product, which_around[:, place], axis=0, out=taken, mode="clip")
            second += taken
        np.maximum(second, 0.0, out=second)
        np.take(first, which, axis=0, out=taken, mode="clip")
        second += taken
        return second

    def _dense(self, sums: Floats, lengths: Floats) -> Floats:
        weights = self._weights
        # Scale and shift of the normalisation are linear: they come after the sum over tokens.
        mean = (sums * weights["ln_g"] + lengths * weights["ln_b"]) @ weights["cnn_W"]
        mean += lengths * weights["cnn_b"]
        mean /= np.sqrt(lengths)
        first = np.maximum(mean @ weights["d0"], 0.0)
        second = np.maximum(mean @ weights["p1"] + first @ weights["d1"], 0.0)
        third = np.maximum(second @ weights["d2"], 0.0)
        vectors: Floats = np.tanh(second @ weights["p3"] + third @ weights["d3"])
        squares = np.einsum("ij,ij->i", vectors, vectors)[:, None]
        vectors /= np.sqrt(np.maximum(squares, self._epsilon))
        return vectors


def _batches(lengths: Places) -> Iterator[tuple[int, int]]:
    """Half-open ranges of sentences with about as many tokens as are worked on at once."""
    first, tokens = 0, 0
    for at, length in enumerate(lengths.tolist()):
        if tokens and tokens + length > _TOKENS_AT_ONCE:
            yield first, at
            first, tokens = at, 0
        tokens += length
    if first < len(lengths):
        yield first, len(lengths)


def _around(starts: Places, lengths: Places) -> Places:
    """For each token the places of those around it; one past the last outside its sentence."""
    count = int(lengths.sum())
    places = np.arange(count)[:, None] + np.arange(-_BEFORE, _AFTER + 1)
    inside = places >= np.repeat(starts, lengths)[:, None]
    inside &= places < np.repeat(starts + lengths, lengths)[:, None]
    return np.where(inside, places, count)


def _different(rows: Places, below: int) -> tuple[Places, Places]:
    """The different rows of numbers under `below`, and which of them each row is."""
    which: Places = rows[:, 0]
    for column in rows.T[1:]:
        _, first, which = np.unique(which * below + column, return_index=True, return_inverse=True)
    return rows[first], which


def _normalise(rows: Floats, epsilon: np.float32) -> None:
    """Zero mean and unit variance for each row, in place."""
    rows -= rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / np.float32(rows.shape[1])
    rows *= (1.0 / np.sqrt(variance + epsilon)).astype(np.float32)[:, None]


def _normalised_sums(rows: Floats, lengths: Places, epsilon: np.float32) -> Floats:
    """As many rows as each length says, normalised as `_normalise` does, added up.

    The rows stay as they are: what each is scaled by is its weight in a product.
    """
    width = np.float32(rows.shape[1])
    mean = rows @ np.ones(rows.shape[1], dtype=np.float32) / width
    variance = np.einsum("ij,ij->i", rows, rows) / width - mean * mean
    scale = (1.0 / np.sqrt(variance + epsilon)).astype(np.float32)
    sums = np.empty((len(lengths), rows.shape[1]), dtype=np.float32)
    ends = np.cumsum(lengths).tolist()
    for at, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        np.matmul(scale[start:end], rows[start:end], out=sums[at])
        sums[at] -= scale[start:end] @ mean[start:end]
    return sums
