"""The workers that `tingjian up` starts."""

import pytest

import cli.commands.up
from asr.gpus import Gpu
from cli.commands.up import worker_programs
from core.settings import AsrSettings, Settings


def named(device: str) -> list[tuple[str, dict[str, str]]]:
    settings = Settings(asr=AsrSettings.model_validate({"device": device}))
    return [(p.name, dict(p.environment)) for p in worker_programs(settings)]


def test_each_gpu_has_a_worker_that_sees_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    two = (Gpu("GPU-aa", 1000), Gpu("GPU-bb", 1000))
    monkeypatch.setattr(cli.commands.up, "gpus", lambda: two)
    assert named("auto") == [
        ("worker-0", {"CUDA_VISIBLE_DEVICES": "GPU-aa"}),
        ("worker-1", {"CUDA_VISIBLE_DEVICES": "GPU-bb"}),
    ]
    assert named("cpu") == [("worker", {})]


@pytest.mark.parametrize("count", [0, 1])
def test_otherwise_there_is_one_worker(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.commands.up, "gpus", lambda: (Gpu("GPU-aa", 1000),) * count)
    assert named("auto") == [("worker", {})]
