"""Where recognition runs, with a fake count of GPUs."""

import ctranslate2
import pytest

from asr.engines.faster_whisper import device_for
from core.errors import AppError
from core.settings import AsrSettings


@pytest.mark.parametrize(
    ("device", "compute_type", "gpus", "expected"),
    [
        ("auto", "auto", 0, ("cpu", "int8")),
        ("auto", "auto", 2, ("cuda", "float16")),
        ("cpu", "auto", 1, ("cpu", "int8")),
        ("cuda", "int8_float16", 1, ("cuda", "int8_float16")),
        ("auto", "float32", 0, ("cpu", "float32")),
    ],
)
def test_the_best_device_is_taken(
    device: str,
    compute_type: str,
    gpus: int,
    expected: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: gpus)
    settings = AsrSettings.model_validate({"device": device, "compute_type": compute_type})
    assert device_for(settings) == expected


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    with pytest.raises(AppError) as caught:
        device_for(AsrSettings(device="cuda"))
    assert caught.value.code == "device-unavailable"
