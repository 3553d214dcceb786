import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import AppError
from core.settings import NlpSettings
from nlp.encoders.loading import load_encoder
from nlp.encoders.use import UseEncoder
from nlp.vectors import CachedEncoder, Shelf, text_key, using


class CountingEncoder:
    """Vectors from the text's own code points; remembers the batches it was asked for."""

    encoder_id = "counting@1"
    dim = 4

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        rows = [[len(t), ord(t[0]) if t else 0, hash(t) % 97, 1] for t in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), 4)


def test_only_missing_texts_are_encoded_once_each() -> None:
    inner = CountingEncoder()
    cached = CachedEncoder(inner)
    first = cached.encode(["甲", "乙", "甲"])
    second = cached.encode(["乙", "丙"])
    assert inner.batches == [["甲", "乙"], ["丙"]]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], second[0])
    assert (cached.encoder_id, cached.dim) == ("counting@1", 4)


def test_the_least_recently_used_leaves_first() -> None:
    inner = CountingEncoder()
    cached = CachedEncoder(inner, max_items=2)
    cached.encode(["甲", "乙"])
    cached.encode(["甲"])
    cached.encode(["丙"])
    assert len(cached) == 2
    cached.encode(["甲"])
    cached.encode(["乙"])
    assert inner.batches == [["甲", "乙"], ["丙"], ["乙"]]


def test_a_batch_larger_than_the_cache_is_answered_whole() -> None:
    inner = CountingEncoder()
    texts = [str(n) for n in range(10)]
    assert np.array_equal(CachedEncoder(inner, 3).encode(texts), inner.encode(texts))


def test_an_empty_batch_has_no_rows() -> None:
    assert CachedEncoder(CountingEncoder()).encode([]).shape == (0, 4)


def test_a_cache_needs_room() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        CachedEncoder(CountingEncoder(), 0)


def test_threads_get_their_own_texts() -> None:
    inner = CountingEncoder()
    cached = CachedEncoder(inner, max_items=5)
    wrong: list[str] = []

    def work(offset: int) -> None:
        for step in range(50):
            texts = [str((offset + step + k) % 12) for k in range(4)]
            if not np.array_equal(cached.encode(texts), CountingEncoder().encode(texts)):
                wrong.append(texts[0])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_default_encoder_loads_nothing_until_used() -> None:
    encoder = load_encoder(NlpSettings())
    assert isinstance(encoder, UseEncoder)
    assert encoder.encoder_id.startswith("use-m3@")
    assert encoder.encode([]).shape == (0, 512)
    assert not encoder.encode(["", "  "]).any()


def test_a_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(AppError, match=r"pip install 'tingjian\[transformers\]'") as caught:
        load_encoder(NlpSettings(encoder="some/model"), Path("/nonexistent"), offline=True)
    assert caught.value.code == "extra-missing"


def test_a_shelf_spares_encoding_and_gathers_what_was_used() -> None:
    inner = CountingEncoder()
    cached = CachedEncoder(inner)
    known = {text_key("甲"): np.array([1, 2, 3, 4], dtype=np.float32)}
    with using(Shelf(known)) as shelf:
        rows = cached.encode(["甲", "乙"])
    assert inner.batches == [["乙"]]
    assert rows[0].tolist() == [1, 2, 3, 4]
    assert set(shelf.used) == {text_key("甲"), text_key("乙")}
    cached.encode(["甲"])
    assert inner.batches[1:] == [["甲"]]
    assert set(shelf.used) == {text_key("甲"), text_key("乙")}


def test_vectors_are_the_same_whether_stored_or_encoded() -> None:
    class Fine(CountingEncoder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.full((len(texts), 4), 1 / 3, dtype=np.float32)

    with using(Shelf()) as shelf:
        fresh = CachedEncoder(Fine()).encode(["甲"])
    stored = {key: row.astype(np.float16).astype(np.float32) for key, row in shelf.used.items()}
    with using(Shelf(stored)):
        again = CachedEncoder(Fine()).encode(["甲"])
    assert np.array_equal(fresh, again)
