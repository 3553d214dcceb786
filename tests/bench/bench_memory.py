"""Peak memory of one long two-channel call, made of the calls of DIR in a loop.

    python tests/bench/bench_memory.py DIR [--hours H] [--profile fast|best]

DIR holds `NAME.flac` recordings of two channels. The long call is written to a temporary folder,
recognised once by the default weights, and the process's peak resident memory is printed next to
what it was with the weights loaded and a minute recognised.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ, decode
from asr.transcriber import Transcriber
from asr.weights import WeightsRegistry
from core.settings import AsrSettings, default_data_dir

_RATE_HZ = 8000
_HOUR_S = 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--profile", choices=("fast", "best"), default="fast")
    arguments = parser.parse_args()
    calls = sorted(arguments.directory.glob("*.flac"))
    if not calls:
        parser.error(f"no .flac recordings in {arguments.directory}")
    profile = cast('Literal["fast", "best"]', arguments.profile)
    with tempfile.TemporaryDirectory() as folder:
        report = measure(calls, arguments.hours, profile, Path(folder))
    for key, value in report.items():
        print(f"{key:24} {value}")


def measure(
    calls: list[Path], hours: float, profile: Literal["fast", "best"], folder: Path
) -> dict[str, object]:
    """Memory in MB and the size of what was recognised."""
    registry = WeightsRegistry(default_data_dir(), offline=True)
    transcriber = Transcriber(AsrSettings(profile=profile), registry)
    minute, whole = folder / "minute.flac", folder / "whole.flac"
    write_looped(minute, calls, 60)
    write_looped(whole, calls, int(hours * _HOUR_S))
    transcriber.transcribe([minute], ("agent", "customer"))
    before = peak_mb()
    began = time.perf_counter()
    found = transcriber.transcribe([whole], ("agent", "customer"))
    return {
        "hours": hours,
        "peak_mb_of_a_minute": before,
        "peak_mb": peak_mb(),
        "x_realtime": round(hours * _HOUR_S / (time.perf_counter() - began), 1),
        "utterances": len(found.utterances),
        "characters": sum(len(u.text) for u in found.utterances),
    }


def write_looped(path: Path, calls: list[Path], seconds: int) -> None:
    """`seconds` of the calls, one after the other and again, as a two-channel 8 kHz FLAC."""
    left = seconds * _RATE_HZ
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=_RATE_HZ, layout="stereo", format="s16")
        for block in _blocks(calls):
            part = block[:left]
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(part).reshape(1, -1), format="s16", layout="stereo"
            )
            frame.sample_rate = _RATE_HZ
            frame.pts = seconds * _RATE_HZ - left
            container.mux(stream.encode(frame))
            left -= len(part)
            if not left:
                break
        container.mux(stream.encode(None))


def _blocks(calls: list[Path]) -> Iterator[NDArray[np.int16]]:
    """Blocks of shape (samples, 2) without end; the codec's largest block is 4,096."""
    for path in cycle(calls):
        pcm = decode(path, _HOUR_S).pcm
        both = np.stack([channel[:: SAMPLE_RATE_HZ // _RATE_HZ] for channel in pcm], axis=1)
        for first in range(0, len(both), 4096):
            yield both[first : first + 4096]


def peak_mb() -> int:
    """The most memory that this process ever held, in MB of 2^20 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
