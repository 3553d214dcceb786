"""Recognition against faster-whisper's own batched pipeline: same files, weights, one process.

    python tests/bench/bench_asr.py DIR [--calls N] [--json]

DIR holds `NAME.flac` + `NAME.json` (ground truth). Every call is recognised by all, one after
the other, in turn first, so that a busy machine slows both alike. The pipeline recognises each
channel apart (batch 8, beam 1, its own VAD). `tingjian` is the profile `fast`, `tingjian_best`
the profile `best`; ratios are of `fast`. CER: character errors per reference character by
role, punctuation removed, both sides simplified and number-normalised.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio

from asr.text import normalise_numbers, to_simplified
from asr.transcriber import Transcriber
from asr.transcript import EngineInfo, Role, Transcript
from asr.weights import WeightsRegistry
from core.settings import AsrSettings, default_data_dir

SIDES: tuple[Role, ...] = ("agent", "customer")
TextByRole = dict[str, str]


@dataclass
class Tally:
    """What one system did: time spent (wall, and CPU of all threads), errors and length by role."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    length: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))

    def cer(self, *roles: str) -> float:
        return sum(self.errors[r] for r in roles) / max(1, sum(self.length[r] for r in roles))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--calls", type=int, default=0, help="first N calls only")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = sorted(p.with_suffix("") for p in arguments.directory.glob("*.flac"))
    report = compare(names[: arguments.calls or None])
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for key, value in report.items():
            print(f"{key:24} {value}")


def compare(names: list[Path]) -> dict[str, object]:
    settings = AsrSettings(profile="fast")
    with tempfile.TemporaryDirectory() as scratch:
        data = default_data_dir() if default_data_dir().exists() else Path(scratch)
        registry = WeightsRegistry(data, offline=True)
        ours = Ours(Transcriber(settings, registry))
        theirs = pipeline(registry, ours.transcriber.engine_info)
        best = Ours(Transcriber(AsrSettings(profile="best"), registry))
        systems: dict[str, Callable[[Path, list[str]], TextByRole]] = {
            "tingjian": ours,
            "tingjian_best": best,
            "pipeline": theirs,
        }
        tallies = {name: Tally() for name in systems}
        audio_seconds, starts = 0.0, list[int]()
        for number, name in enumerate(names):
            truth = json.loads(name.with_suffix(".json").read_text(encoding="utf-8"))
            audio_seconds += truth["duration_ms"] / 1000
            for system in sorted(systems, reverse=bool(number % 2)):
                began, cpu_began = time.perf_counter(), time.process_time()
                texts = systems[system](name.with_suffix(".flac"), truth["channels"])
                tallies[system].seconds += time.perf_counter() - began
                tallies[system].cpu_seconds += time.process_time() - cpu_began
                score(tallies[system], truth, texts)
            assert ours.last is not None
            starts += start_errors(ours.last, truth)
    return {
        "calls": len(names),
        "audio_seconds": round(audio_seconds, 1),
        **{f"{n} x_realtime": round(audio_seconds / t.seconds, 1) for n, t in tallies.items()},
        "speed_ratio": round(tallies["pipeline"].seconds / tallies["tingjian"].seconds, 2),
        **{f"{n} cpu_seconds": round(t.cpu_seconds, 1) for n, t in tallies.items()},
        "cpu_ratio": round(tallies["pipeline"].cpu_seconds / tallies["tingjian"].cpu_seconds, 2),
        **{f"{n} cer": cers(t) for n, t in tallies.items()},
        "start_error_ms": {
            "median": float(np.median(starts)),
            "p90": float(np.percentile(starts, 90)),
        },
    }


class Ours:
    """Our recogniser; keeps the last transcript for the timing figures."""

    def __init__(self, transcriber: Transcriber) -> None:
        self.transcriber = transcriber
        self.last: Transcript | None = None

    def __call__(self, path: Path, roles: list[str]) -> TextByRole:
        channel_map = tuple(role for name in roles for role in SIDES if role == name)
        self.last = self.transcriber.transcribe([path], channel_map)
        utterances = self.last.utterances
        return {r: "".join(u.text for u in utterances if u.role == r) for r in SIDES}


def pipeline(
    registry: WeightsRegistry, info: EngineInfo
) -> Callable[[Path, list[str]], TextByRole]:
    """The pipeline with the same weights, device, compute type and threads."""
    options = info.options
    model = WhisperModel(
        str(registry.resolve(info.weights).directory),
        device=str(options["device"]),
        compute_type=str(options["compute_type"]),
        cpu_threads=len(os.sched_getaffinity(0)),
    )
    batched = BatchedInferencePipeline(model)

    def run(path: Path, roles: list[str]) -> TextByRole:
        texts = {}
        for role, samples in zip(roles, decode_audio(str(path), split_stereo=True), strict=True):
            segments, _ = batched.transcribe(samples, language="zh", batch_size=8, beam_size=1)
            texts[role] = "".join(segment.text for segment in segments)
        return texts

    return run


def start_errors(found: Transcript, truth: dict[str, Any]) -> list[int]:
    """How far off the start of the first utterance over each labelled turn is, in ms."""
    errors = []
    for turn in truth["turns"]:
        over = [
            u.start_ms
            for u in found.utterances
            if u.role == turn["role"]
            and u.start_ms < turn["end_ms"]
            and turn["start_ms"] < u.end_ms
        ]
        if over:
            errors.append(abs(over[0] - turn["start_ms"]))
    return errors


def score(tally: Tally, truth: dict[str, Any], texts: TextByRole) -> None:
    for role in SIDES:
        turns = [t["text"] for t in truth["turns"] if t["role"] == role]
        reference, heard = plain("".join(turns)), plain(texts.get(role, ""))
        tally.errors[role] += edit_distance(reference, heard)
        tally.length[role] += len(reference)


def cers(tally: Tally) -> dict[str, float]:
    return {"all": round(tally.cer(*SIDES), 3)} | {r: round(tally.cer(r), 3) for r in SIDES}


def plain(text: str) -> str:
    normalised = normalise_numbers(to_simplified(text)).text
    return "".join(c for c in normalised.lower() if c.isalnum())


def edit_distance(reference: str, heard: str) -> int:
    row = list(range(len(heard) + 1))
    for i, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, found in enumerate(heard, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (expected != found))
            diagonal, row[j] = row[j], best
    return row[-1]


if __name__ == "__main__":
    main()
