"""Recognition against faster-whisper's own batched pipeline: same files, weights, one process.

    python tests/bench/bench_asr.py DIR [--calls N] [--json] [--ablate]

DIR holds `NAME.flac` + `NAME.json` (ground truth). Every call is recognised by all, one after
the other, in turn first, so that a busy machine slows both alike. The pipeline recognises each
channel apart (batch 8, beam 1, its own VAD). `tingjian` is the profile `fast`, `tingjian_best`
the profile `best`; ratios are of `fast`. CER: character errors per reference character by
role, punctuation removed, both sides simplified and number-normalised.

Where the time of `fast` goes is told in seconds of all threads together; the floor is what the
encoder alone would take if it kept every thread busy. With `--ablate`, the CER of each step of
recognition added to the ones before it, and nothing else.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ctranslate2
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio

import asr.engines.faster_whisper
import asr.listening
import asr.transcriber
from asr.decode import decode
from asr.engines.faster_whisper import FasterWhisperEngine
from asr.engines.silero import SileroVad
from asr.listening import segments_of
from asr.recognition import PassOptions, recognise
from asr.text import normalise_numbers, to_simplified
from asr.transcriber import PROMPT, Transcriber
from asr.transcript import EngineInfo, Role, Transcript
from asr.vad import VadOptions
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
    parser.add_argument("--ablate", action="store_true", help="CER step by step instead")
    arguments = parser.parse_args()
    names = sorted(p.with_suffix("") for p in arguments.directory.glob("*.flac"))
    names = names[: arguments.calls or None]
    report = ablate(names) if arguments.ablate else compare(names)
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
        audio_seconds, starts, stages = 0.0, list[int](), Stages()
        for number, name in enumerate(names):
            truth = json.loads(name.with_suffix(".json").read_text(encoding="utf-8"))
            audio_seconds += truth["duration_ms"] / 1000
            for system in sorted(systems, reverse=bool(number % 2)):
                began, cpu_began = time.perf_counter(), time.process_time()
                with stages.timed() if system == "tingjian" else nullcontext():
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
        "tingjian thread_seconds": {k: round(v, 1) for k, v in stages.seconds.items()},
        "floor x_realtime": round(audio_seconds * threads() / stages.seconds["encode"], 1),
        "start_error_ms": {
            "median": float(np.median(starts)),
            "p90": float(np.percentile(starts, 90)),
        },
    }


class Stages:
    """Thread seconds by stage: wall time that the threads in a stage spend there, added up."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Times every stage of what runs inside."""
        with ExitStack() as stack:
            for stage, owner, name in (
                ("file", asr.transcriber, "decode"),
                ("listen", SileroVad, "probabilities"),
                ("listen", asr.listening, "frame_levels"),
                ("listen", asr.listening, "line_sounds"),
                ("listen", asr.transcriber, "check_audio"),
                ("log-mel", asr.engines.faster_whisper, "log_mel"),
                ("encode", ctranslate2.models.Whisper, "encode"),
                ("decode", ctranslate2.models.Whisper, "generate"),
                ("align", WhisperModel, "find_alignment"),
            ):
                timed = self._timed(stage, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, timed))
            yield

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                with self._lock:
                    self.seconds[stage] += time.perf_counter() - began

        return run


def ablate(names: list[Path]) -> dict[str, object]:
    """CER by role, each step of recognition added to the ones before it."""
    registry = WeightsRegistry(default_data_dir(), offline=True)
    weights = registry.resolve(AsrSettings().weights)
    engine = FasterWhisperEngine(weights.directory, weights.name, weights.sha256, AsrSettings())
    never = 1 << 40  # milliseconds: nothing is tried again
    fast = PassOptions(PROMPT, beam_size=1, window_ms=15_000)
    prompted = replace(fast, hole_least_ms=never)
    cut = replace(prompted, prompt="")
    whole = replace(cut, window_ms=engine.window_ms)
    steps = {
        "29 s windows": (whole, digits_kept),
        "+ windows of 15 s": (cut, digits_kept),
        "+ prompt": (prompted, digits_kept),
        "+ unheard speech again": (fast, digits_kept),
        "+ numbers as digits": (fast, plain),
        "+ weak windows again": (replace(fast, profile="best"), plain),
    }
    return {
        step: cers(tally_of(names, engine, options, as_scored))
        for step, (options, as_scored) in steps.items()
    }


def tally_of(
    names: list[Path],
    engine: FasterWhisperEngine,
    options: PassOptions,
    as_scored: Callable[[str], str],
) -> Tally:
    vad, tally = SileroVad(), Tally()
    for name in names:
        truth = json.loads(name.with_suffix(".json").read_text(encoding="utf-8"))
        audio = decode(name.with_suffix(".flac"), 3600)
        hearing = VadOptions(max_speech_ms=options.window_ms)
        heard = asr.listening.listen(vad, audio, len(audio.pcm), hearing)
        segments = segments_of(heard.speech, hearing.pad_ms, audio.duration_ms)
        placed = recognise(engine, audio, segments, options, lambda _share: None)
        texts = dict.fromkeys(truth["channels"], "")
        for segment, words in zip(segments, placed.words, strict=True):
            texts[truth["channels"][segment.channel]] += "".join(word.text for word in words)
        score(tally, truth, texts, as_scored)
    return tally


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
        cpu_threads=threads(),
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


def score(
    tally: Tally,
    truth: dict[str, Any],
    texts: TextByRole,
    as_scored: Callable[[str], str] | None = None,
) -> None:
    """Adds the errors of one call; texts are compared after `as_scored`, or `plain`."""
    scored = as_scored or plain
    for role in SIDES:
        turns = [t["text"] for t in truth["turns"] if t["role"] == role]
        reference, heard = scored("".join(turns)), scored(texts.get(role, ""))
        tally.errors[role] += edit_distance(reference, heard)
        tally.length[role] += len(reference)


def cers(tally: Tally) -> dict[str, float]:
    return {"all": round(tally.cer(*SIDES), 3)} | {r: round(tally.cer(r), 3) for r in SIDES}


def plain(text: str) -> str:
    return digits_kept(normalise_numbers(to_simplified(text)).text)


def digits_kept(text: str) -> str:
    """Letters and digits of the text, numbers as they are written."""
    return "".join(c for c in to_simplified(text).lower() if c.isalnum())


def threads() -> int:
    return len(os.sched_getaffinity(0))


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
