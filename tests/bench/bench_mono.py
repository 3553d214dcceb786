"""Mono calls: diarization error and role accuracy, on two-channel calls mixed down.

    python tests/bench/bench_mono.py DIR [--calls N] [--json]

DIR holds `NAME.flac` + `NAME.json` (ground truth) with two channels. Each call is mixed to one
channel, recognised and diarized. `der_turns`: against the labelled turns, hypothesis = what was
recognised (so speech without text is missed). `der_speech`: against the VAD speech of the separate
channels, hypothesis = all speech with its role; both with a collar of 250 ms, names not mattering.
`role_accuracy`: share of time and of utterances with the right role. Needs the extra
`diarization`; without it the bench says so and measures nothing.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from asr.channel_map import parse_channel_map
from asr.decode import DecodedAudio, decode
from asr.diarization.mono import diarize, mixed_down
from asr.diarization.scoring import (
    DiarizationErrors,
    Labelled,
    RoleAccuracy,
    diarization_error_rate,
    role_accuracy,
)
from asr.engines.silero import FRAME_MS, FRAME_SAMPLES, SileroVad
from asr.engines.speaker import CamPlusPlus
from asr.transcriber import Transcriber
from asr.transcript import Role, Transcript
from asr.vad import VadOptions, frame_levels, speech_spans, weigh
from asr.weights import WeightsRegistry
from core.errors import AppError
from core.settings import AsrSettings, default_data_dir
from core.span import Span


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--calls", type=int, default=0, help="first N calls only")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        embedder = CamPlusPlus()
    except AppError as error:
        print(f"bench_mono: {error.message}")
        return
    paths = sorted(arguments.directory.glob("*.flac"))[: arguments.calls or None]
    report = measure(paths, embedder)
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for key, value in report.items():
            print(f"{key:24} {value}")


def measure(paths: list[Path], embedder: CamPlusPlus) -> dict[str, Any]:
    """The figures of all calls together, and of each."""
    transcriber = Transcriber(AsrSettings(), WeightsRegistry(default_data_dir(), offline=True))
    vad = SileroVad()
    turns_total = speech_total = DiarizationErrors()
    roles_total = RoleAccuracy()
    seconds = audio_seconds = 0.0
    calls: list[dict[str, Any]] = []
    for path in paths:
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        audio = decode(path, 4 * 3600)
        if len(audio.pcm) != 2:
            continue
        mono = mixed_down(audio)
        heard = transcriber.transcribe_audio(mono, ("unknown",))
        started = time.perf_counter()
        told = diarize(heard, mono.pcm[0], embedder)
        seconds += time.perf_counter() - started
        audio_seconds += audio.duration_ms / 1000
        turns = [(Span(t["start_ms"], t["end_ms"]), t["role"]) for t in truth["turns"]]
        spoken: list[Labelled] = [(u.span, u.role) for u in told.utterances]
        of_turns = diarization_error_rate(turns, spoken)
        of_speech = diarization_error_rate(
            separate_speech(audio, vad, truth.get("channels", ["agent", "customer"])), speech(told)
        )
        of_roles = role_accuracy(turns, spoken)
        turns_total += of_turns
        speech_total += of_speech
        roles_total += of_roles
        calls.append(
            {
                "call": path.stem,
                **figures(of_turns, of_speech, of_roles),
                "flags": told.audio.quality_flags,
            }
        )
    return {
        "calls": len(calls),
        "audio_seconds": round(audio_seconds, 1),
        "diarization_x_realtime": round(audio_seconds / seconds, 1) if seconds else None,
        **figures(turns_total, speech_total, roles_total),
        "per_call": calls,
    }


def separate_speech(audio: DecodedAudio, vad: SileroVad, channels: list[str]) -> list[Labelled]:
    """Who speaks when, heard on separate channels: the reference without pauses inside turns."""
    roles: tuple[Role, ...] = parse_channel_map(",".join(channels))
    options = VadOptions()
    levels = [frame_levels(pcm, FRAME_SAMPLES) for pcm in audio.pcm]
    found: list[Labelled] = []
    for channel, (pcm, role) in enumerate(zip(audio.pcm, roles, strict=True)):
        heard = weigh(vad.probabilities(pcm), levels[channel], levels[1 - channel], options)
        spans = speech_spans(heard, FRAME_MS, audio.duration_ms, options)
        found.extend((span, role) for span in spans)
    return found


def speech(transcript: Transcript) -> list[Labelled]:
    return [(span, side.role) for side in transcript.speech for span in side.spans]


def figures(
    turns: DiarizationErrors, spoken: DiarizationErrors, roles: RoleAccuracy
) -> dict[str, float | None]:
    found = {
        "der_turns": turns.rate,
        "der_speech": spoken.rate,
        "confusion": spoken.confusion_rate,
        "role_accuracy_time": roles.by_time,
        "role_accuracy_utterances": roles.by_utterance,
    }
    return {key: None if value is None else round(value, 4) for key, value in found.items()}


if __name__ == "__main__":
    main()
