"""GPUs as the driver lists them, and how many windows one takes."""

import pytest

from asr.gpus import Gpu, batch_size_for, gpus

TWO = "0, GPU-aa, 80000\n1, GPU-bb, 24000\n"


def test_every_gpu_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus(lambda: TWO) == (Gpu("GPU-aa", 80_000), Gpu("GPU-bb", 24_000))
    assert gpus(lambda: "") == ()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [("1", ["GPU-bb"]), ("GPU-bb,0", ["GPU-bb", "GPU-aa"]), ("", []), ("-1", [])],
)
def test_only_visible_gpus_are_listed(
    visible: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.uuid for gpu in gpus(lambda: TWO)] == expected


def test_without_the_drivers_tool_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert gpus() == ()


@pytest.mark.parametrize(
    ("free_mb", "weights_mb", "least", "most"),
    [(80_000, 1_600, 64, 64), (24_000, 3_100, 30, 40), (4_000, 1_600, 5, 8), (500, 1_600, 1, 1)],
)
def test_batches_grow_with_free_memory(
    free_mb: int, weights_mb: int, least: int, most: int
) -> None:
    assert least <= batch_size_for(free_mb, weights_mb) <= most
