"""Wear: which limit ends a worker, and when none does."""

import asyncio

import pytest

from core.settings import WorkerSettings
from pipeline.recycling import Wear, resident_mb, stop_when_worn


def wear(memory_mb: float = 100.0) -> Wear:
    return Wear(memory_mb=lambda: memory_mb)


def test_without_limits_nothing_wears_out() -> None:
    used = wear(1e9)
    used.after_call(WorkerSettings(), 10**12)
    assert not used.worn.is_set()


def test_audio_adds_up_to_the_limit() -> None:
    used, settings = wear(), WorkerSettings(recycle_audio_hours=1)
    used.after_call(settings, 3_599_999)
    assert not used.worn.is_set()
    used.after_call(settings, 1)
    assert used.worn.is_set()
    assert used.reason == "1.00 hours of audio, limit 1"


@pytest.mark.parametrize(("memory_mb", "is_worn"), [(500.0, False), (501.0, True)])
def test_memory_above_the_limit(memory_mb: float, is_worn: bool) -> None:
    used = wear(memory_mb)
    used.after_call(WorkerSettings(recycle_memory_mb=500), 1)
    assert used.worn.is_set() is is_worn


def test_the_process_knows_its_memory() -> None:
    assert 10 < resident_mb() < 100_000


async def test_a_stop_from_elsewhere_is_no_wear() -> None:
    used, stopped = wear(), asyncio.Event()
    stopped.set()
    await asyncio.wait_for(stop_when_worn(used, stopped), 5)
    assert used.reason == ""


async def test_a_worn_worker_is_stopped() -> None:
    used, stopped = wear(), asyncio.Event()
    waiting = asyncio.create_task(stop_when_worn(used, stopped))
    used.after_call(WorkerSettings(recycle_audio_hours=0.5), 1_800_000)
    await asyncio.wait_for(waiting, 5)
    assert stopped.is_set()
