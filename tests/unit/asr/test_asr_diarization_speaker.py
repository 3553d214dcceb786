"""The embedding network on random weights of the true shapes: what holds for any weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from asr.engines import speaker
from asr.engines.speaker import CamPlusPlus, load_embedder, speaker_weights
from core.errors import AppError


def _norm(state: dict[str, Any], name: str, size: int, *, affine: bool = True) -> None:
    state[f"{name}.running_mean"] = torch.randn(size) * 0.1
    state[f"{name}.running_var"] = torch.rand(size) + 0.5
    state[f"{name}.num_batches_tracked"] = torch.tensor(1)
    if affine:
        state[f"{name}.weight"] = torch.rand(size) + 0.5
        state[f"{name}.bias"] = torch.randn(size) * 0.1


def _weight(state: dict[str, Any], name: str, *shape: int) -> None:
    fan_in = int(np.prod(shape[1:]))
    state[f"{name}.weight"] = torch.randn(*shape) / fan_in**0.5


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    state: dict[str, Any] = {}
    for conv, norm, shape in (
        ("conv1", "bn1", (32, 1, 3, 3)),
        ("conv2", "bn2", (32, 32, 3, 3)),
    ):
        _weight(state, f"head.{conv}", *shape)
        _norm(state, f"head.{norm}", 32)
    for layer in ("head.layer1", "head.layer2"):
        for block in (0, 1):
            for number in (1, 2):
                _weight(state, f"{layer}.{block}.conv{number}", 32, 32, 3, 3)
                _norm(state, f"{layer}.{block}.bn{number}", 32)
        _weight(state, f"{layer}.0.shortcut.0", 32, 32, 1, 1)
        _norm(state, f"{layer}.0.shortcut.1", 32)
    _weight(state, "xvector.tdnn.linear", 128, 320, 5)
    _norm(state, "xvector.tdnn.nonlinear.batchnorm", 128)
    channels = 128
    for number, layers in enumerate((12, 24, 16), 1):
        for layer in range(1, layers + 1):
            name = f"xvector.block{number}.tdnnd{layer}"
            _norm(state, f"{name}.nonlinear1.batchnorm", channels)
            _weight(state, f"{name}.linear1", 128, channels, 1)
            _norm(state, f"{name}.nonlinear2.batchnorm", 128)
            _weight(state, f"{name}.cam_layer.linear_local", 32, 128, 3)
            for linear, shape in (("linear1", (64, 128, 1)), ("linear2", (32, 64, 1))):
                _weight(state, f"{name}.cam_layer.{linear}", *shape)
                state[f"{name}.cam_layer.{linear}.bias"] = torch.zeros(shape[0])
            channels += 32
        _norm(state, f"xvector.transit{number}.nonlinear.batchnorm", channels)
        _weight(state, f"xvector.transit{number}.linear", channels // 2, channels, 1)
        channels //= 2
    _norm(state, "xvector.out_nonlinear.batchnorm", channels)
    _weight(state, "xvector.dense.linear", 192, 2 * channels, 1)
    _norm(state, "xvector.dense.nonlinear.batchnorm", 192, affine=False)
    path = tmp_path_factory.mktemp("weights") / "campplus.pt"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def embedder(weights: Path) -> CamPlusPlus:
    return CamPlusPlus(weights)


def noise(seed: int, samples: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(size=samples) * 0.1).astype(np.float32)


def test_vectors_have_unit_length_one_per_window(embedder: CamPlusPlus) -> None:
    found = embedder.embed([noise(1, 24_000), noise(2, 6_400), noise(3, 40_000)])
    assert found.shape == (3, 192)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_window_does_not_depend_on_its_company(embedder: CamPlusPlus) -> None:
    alone = embedder.embed([noise(1, 24_000)])
    together = embedder.embed([noise(2, 24_000), noise(1, 24_000), noise(3, 30_000)])
    assert np.allclose(alone[0], together[1], atol=1e-5)


def test_loudness_is_no_part_of_a_voice(embedder: CamPlusPlus) -> None:
    found = embedder.embed([noise(1, 24_000), noise(1, 24_000) * 0.25])
    assert float(found[0] @ found[1]) > 0.999


def test_short_speech_is_repeated_not_padded(embedder: CamPlusPlus) -> None:
    short = noise(1, 8_000)
    found = embedder.embed([short, np.tile(short, 3)])
    assert np.allclose(found[0], found[1], atol=1e-6)


def test_silence_gives_finite_numbers(embedder: CamPlusPlus) -> None:
    assert np.isfinite(embedder.embed([np.zeros(16_000, np.float32)])).all()


def test_thread_setting_of_the_process_is_put_back(embedder: CamPlusPlus) -> None:
    before = torch.get_num_threads()
    embedder.embed([noise(1, 24_000)])
    assert torch.get_num_threads() == before


def test_a_file_of_something_else_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"layer.weight": torch.zeros(2)}, path)
    with pytest.raises(AppError) as error:
        CamPlusPlus(path)
    assert error.value.code == "weights-invalid"


def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "damaged.pt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(AppError) as error:
        CamPlusPlus(path)
    assert error.value.code == "weights-invalid"


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker, "_CARRIER", "a_wheel_that_is_not_installed")
    with pytest.raises(AppError) as error:
        speaker_weights()
    assert error.value.code == "extra-missing"
    assert "tingjian[diarization]" in error.value.message
    assert load_embedder(is_required=False) is None
    with pytest.raises(AppError):
        load_embedder(is_required=True)


def test_mel_filters_lie_side_by_side() -> None:
    filters = speaker._mel_filters()
    assert filters.shape == (257, 80)
    assert (filters >= 0).all()
    assert (np.argmax(filters, axis=0)[1:] >= np.argmax(filters, axis=0)[:-1]).all()
