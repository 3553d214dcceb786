"""The encoder's network with weights drawn at random: what is kept of tokens changes nothing."""

import numpy as np
import pytest

from nlp.encoders import use_network
from nlp.encoders.use_network import UseNetwork

_ROWS = 3


def _weights() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(5)

    def normal(*shape: int) -> np.ndarray:
        return (draw.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)

    weights = {f"q{at}": draw.integers(0, 255, (_ROWS, 512), dtype=np.uint8) for at in range(1, 18)}
    weights |= {"scale": np.full(17, 0.01, np.float32), "lo": np.full(17, -1.2, np.float32)}
    for size in (2, 3, 5):
        weights |= {f"proj{size}": normal(512, 256), f"proj_b{size}": normal(256)}
        weights |= {f"ln_g{size}": normal(256), f"ln_b{size}": normal(256)}
        for layer in ("1", "2"):
            weights[f"w{layer}_{size}"] = normal(256 * size, 256)
            weights[f"b{layer}_{size}"] = normal(256)
    weights |= {"ln_g": normal(1280), "ln_b": normal(1280), "eps": np.array(1e-6)}
    weights |= {"cnn_W": normal(1280, 512), "cnn_b": normal(512)}
    weights |= {"d0": normal(512, 320), "p1": normal(512, 320), "d1": normal(320, 320)}
    return weights | {"d2": normal(320, 512), "p3": normal(320, 512), "d3": normal(512, 512)}


SENTENCES = [[1, 7, 9, 2], [1, 2], [1, 7, 9, 30, 41, 12, 5, 2], [1, 50, 2]]


def test_sentences_do_not_see_each_other() -> None:
    together = UseNetwork(_weights()).encode(SENTENCES)
    alone = [UseNetwork(_weights()).encode([one])[0] for one in SENTENCES]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-4)


def test_order_of_tokens_matters() -> None:
    one, other = UseNetwork(_weights()).encode([[1, 7, 9, 2], [1, 9, 7, 2]])
    assert np.abs(one - other).max() > 1e-3


def test_forgotten_tokens_are_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = UseNetwork(_weights()).encode(SENTENCES)
    monkeypatch.setattr(use_network, "_TOKENS_KEPT", 4)
    monkeypatch.setattr(use_network, "_TOKENS_AT_ONCE", 5)
    cramped = UseNetwork(_weights())
    for _ in range(2):
        np.testing.assert_allclose(cramped.encode(SENTENCES), wanted, atol=1e-5)


def test_n_grams_that_occur_again_change_nothing() -> None:
    clauses = [[1, 7, 9, 30, 41, 2], [1, 12, 5, 50, 7, 2]]
    whole = [1, 7, 9, 30, 41, 12, 5, 50, 7, 2]
    together = UseNetwork(_weights()).encode([*clauses, whole, clauses[0], whole])
    alone = [UseNetwork(_weights()).encode([one])[0] for one in (*clauses, whole)]
    np.testing.assert_allclose(together, [*alone, alone[0], alone[2]], atol=1e-5)
