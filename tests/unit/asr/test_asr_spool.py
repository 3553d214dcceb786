"""Long recordings in files: the same samples, no matter how large they grow or what is released."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

import asr.decode
from asr.decode import decode, decode_pair
from asr.spool import Spool, kept_small
from core.errors import AppError

CLIPS = Path(__file__).resolve().parents[3] / "fixtures" / "audio" / "clips"


def test_samples_outlive_release_and_growth() -> None:
    spool = Spool(1000)
    early = spool.samples
    early[:] = np.arange(1000)
    spool.release()
    spool.grow(50_000)
    spool.grow(10)
    assert len(spool.samples) == 50_000
    assert np.array_equal(spool.samples[:1000], np.arange(1000))
    assert not spool.samples[1000:].any()
    early[0] = 7
    assert spool.samples[0] == 7


def test_released_samples_are_not_in_memory() -> None:
    spool = Spool(20 << 20)
    spool.samples[:] = 3
    before = resident_mb()
    spool.release()
    assert before - resident_mb() > 35
    assert int(spool.samples[-1]) == 3


def resident_mb() -> float:
    status = Path("/proc/self/statm").read_text(encoding="ascii")
    return int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def test_reading_inside_kept_small_gives_the_samples() -> None:
    spool = Spool(1_000_000)
    spool.samples[:] = 5
    with kept_small([spool]):
        sums = {int(spool.samples.sum()) for _ in range(200)}
    assert sums == {5_000_000}


def test_a_full_disk_is_an_error_that_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(AppError, match="TMPDIR") as caught:
        Spool(1000)
    assert caught.value.code == "no-space"
    assert caught.value.retryable


@pytest.mark.parametrize("limit", [100, 16_000, 20_000, 40_000])
def test_files_hold_what_memory_would(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = CLIPS / "pair-agent.wav", CLIPS / "short-200ms.wav"
    in_memory = decode(CLIPS / "stereo.mp3", 60), decode_pair(*pair, 60)
    assert not in_memory[0].spools
    monkeypatch.setattr(asr.decode, "_MEMORY_SAMPLES", limit)
    in_files = decode(CLIPS / "stereo.mp3", 60), decode_pair(*pair, 60)
    assert len(in_files[0].spools) == 2
    for expected, found in zip(in_memory, in_files, strict=True):
        assert found.facts == expected.facts
        for ours, theirs in zip(found.pcm, expected.pcm, strict=True):
            assert np.array_equal(ours, theirs)
