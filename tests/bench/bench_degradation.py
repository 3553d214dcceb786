"""Recognition of damaged calls: character errors by role, and no text where nobody speaks.

    python tests/bench/bench_degradation.py DIR [--calls N] [--only NAME,...] [--json]

DIR holds `NAME.flac` + `NAME.json` (ground truth) with two channels. Every call is recognised
clean and under each degradation, which the bench makes itself (`degradations.py`). Per
degradation: CER by role, its ratio to the clean one of the same calls, `opening_cer` (CER of the
call's first turn), `inserted_text` (characters in sound that was put in: to be 0), `unheard`
(share of speech without text), and how many calls have each quality flag. Codecs without an
encoder are named with what stands in. `no_text`: the characters recognised in a minute of each
sound of `not_speech.py`, all to be 0.
"""

import argparse
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import not_speech
import numpy as np
from degradations import Degrade, Degraded, degradations, missing_codecs, upsampled
from rapidfuzz.distance import Levenshtein

from asr.decode import DecodedAudio, decode
from asr.transcriber import Transcriber
from asr.transcript import AudioFacts, Role, Transcript
from asr.weights import WeightsRegistry
from cli.evaluation.cer import Errors, add_errors, character_errors, comparable, errors_json
from cli.evaluation.ground_truth import GroundTruth
from cli.evaluation.run import find_labelled
from core.settings import AsrSettings, default_data_dir
from core.span import Span, total_ms

_SECONDS = 60
_BABBLE_CALLS = 4


@dataclass
class Tally:
    """What one degradation did to all calls."""

    errors: dict[Role, Errors] = field(default_factory=dict)
    opening: Errors = field(default_factory=Errors)
    inserted_text: int = 0
    unheard_ms: int = 0
    speech_ms: int = 0
    flags: Counter[str] = field(default_factory=Counter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--calls", type=int, default=0, help="first N calls only")
    parser.add_argument("--only", default="", help="these degradations only, and the clean calls")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    registry = WeightsRegistry(default_data_dir(), offline=True)
    transcriber = Transcriber(AsrSettings(), registry)
    report: dict[str, Any] = {"no_text": no_text(transcriber)}
    show(report, arguments.json)
    calls = [
        (call.truth, decode(call.recording, 4 * 3600))
        for call in find_labelled(arguments.directory, with_audio=True)[0]
        if call.recording is not None
    ]
    measured = measure(transcriber, calls, arguments.calls or len(calls), arguments.only)
    report = {"calls": arguments.calls or len(calls), "not_generated": missing_codecs()}
    show(report | measured, arguments.json)


def show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2), flush=True)
        return
    for key, value in report.items():
        print(f"{key:24} {value}", flush=True)


def no_text(transcriber: Transcriber) -> dict[str, str]:
    """What was recognised in a minute of each sound; the same sound on both channels differs."""
    found = {}
    for name in not_speech.SOUNDS:
        pcm = tuple(upsampled(not_speech.make(name, _SECONDS, seed)) for seed in (0, 1))
        facts = AudioFacts(_SECONDS * 1000, not_speech.RATE_HZ, 2, "pcm", "wav")
        heard = transcriber.transcribe_audio(DecodedAudio(pcm, facts), ("agent", "customer"))
        found[name] = " | ".join(utterance.text for utterance in heard.utterances)
    return found


def measure(
    transcriber: Transcriber,
    calls: list[tuple[GroundTruth, DecodedAudio]],
    count: int,
    only: str,
) -> dict[str, Any]:
    """The figures of the first `count` calls under each degradation."""
    chosen = {"clean", *only.split(",")} if only else None
    report: dict[str, Any] = {}
    clean = 0.0
    for name in degradations([]):
        if chosen is not None and name not in chosen:
            continue
        tally = Tally()
        for number, (truth, audio) in enumerate(calls[:count]):
            others = [calls[(number + n) % len(calls)][1] for n in range(1, 1 + _BABBLE_CALLS)]
            add(tally, truth, *heard_degraded(transcriber, truth, audio, others, name))
        rates = errors_json(tally.errors)
        overall = rates["all"] or 0.0
        clean = clean or overall
        report[name] = {
            "cer": rates,
            "ratio": round(overall / clean, 2) if clean else None,
            "opening_cer": round(tally.opening.rate or 0.0, 3),
            "inserted_text": tally.inserted_text,
            "unheard": round(tally.unheard_ms / max(1, tally.speech_ms), 3),
            "flags": dict(sorted(tally.flags.items())),
        }
        print(f"{name:24} {json.dumps(report[name], ensure_ascii=False)}", flush=True)
    return report


def heard_degraded(
    transcriber: Transcriber,
    truth: GroundTruth,
    audio: DecodedAudio,
    others: list[DecodedAudio],
    name: str,
) -> tuple[Degraded, Transcript]:
    """One call, damaged the same way in every run, and what was recognised."""
    degrade: Degrade = degradations(others)[name]
    degraded = degrade(audio, np.random.default_rng(zlib.crc32(f"{truth.name} {name}".encode())))
    return degraded, transcriber.transcribe_audio(degraded.audio, truth.channels)


def add(tally: Tally, truth: GroundTruth, degraded: Degraded, heard: Transcript) -> None:
    tally.errors = add_errors(tally.errors, character_errors(truth, heard))
    first = truth.turns[0]
    span = Span(degraded.moved(first.span.start_ms), degraded.moved(first.span.end_ms))
    said = "".join(
        u.text for u in heard.utterances if u.role == first.role and u.span.overlap_ms(span)
    )
    reference = comparable(first.text)
    # The utterance may go on into the next turn: what follows the first turn is not its error.
    opening = comparable(said)[: len(reference) + 2]
    tally.opening += Errors(Levenshtein.distance(reference, opening), len(reference))
    tally.inserted_text += sum(
        len(u.text)
        for u in heard.utterances
        if u.span.overlap_ms(degraded.inserted) * 2 > u.span.duration_ms
    )
    tally.unheard_ms += sum(gap.end_ms - gap.start_ms for gap in heard.untranscribed)
    tally.speech_ms += sum(total_ms(side.spans) for side in heard.speech)
    tally.flags.update(heard.audio.quality_flags)


if __name__ == "__main__":
    main()
