"""Evaluation of a directory of labelled calls."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from asr.transcript import Role, Transcript
from cli.calls import recording_beside
from cli.evaluation.cer import Errors, add_errors, character_errors
from cli.evaluation.ground_truth import (
    GroundTruth,
    is_ground_truth,
    parse_ground_truth,
    read_json,
    reference_transcript,
)
from cli.evaluation.mono import MonoScores, mono_scores
from cli.evaluation.report import Evaluation, TextScores
from cli.evaluation.scores import Counts
from cli.evaluation.verdicts import (
    event_counts,
    reference_sop,
    sop_agreement,
    violation_counts,
    violation_names,
)
from cli.packs import Analyzers
from core.errors import AppError
from pipeline.wording import corrected

Transcribe = Callable[[Path, tuple[Role, ...], Callable[[float], None]], Transcript]
TranscribeTold = Callable[
    [Path, tuple[Role, ...], Sequence[str], Callable[[float], None]], Transcript
]


class Reporter(Protocol):
    """Who is told about progress."""

    def start(self, item: str) -> None:
        """An item begins."""

    def share(self, item: str, share: float) -> None:
        """A share in [0, 1] of the item is done."""

    def finish(self, item: str) -> None:
        """An item is done."""


@dataclass(frozen=True, slots=True)
class LabelledCall:
    """A labelled call, and its recording (None with text only)."""

    truth: GroundTruth
    recording: Path | None


def find_labelled(
    directory: Path, *, with_audio: bool
) -> tuple[tuple[LabelledCall, ...], tuple[tuple[str, str], ...]]:
    """The labelled calls of a directory sorted by file name, and (file, reason) of unusable ones.

    JSON files that are no labelled calls are left alone.

    Raises:
        AppError: `not-found` when the directory holds no labelled call at all.
    """
    if not directory.is_dir():
        raise AppError("not-found", f"没有目录 {directory}。请给出放有录音与标注 JSON 的目录。")
    found: list[LabelledCall] = []
    failed: list[tuple[str, str]] = []
    for path in sorted(directory.glob("*.json")):
        try:
            document = read_json(path)
            if not is_ground_truth(document):
                continue
            truth = parse_ground_truth(document, path.stem)
        except AppError as error:
            failed.append((path.name, error.message))
            continue
        recording = recording_beside(path) if with_audio else None
        if with_audio and recording is None:
            failed.append(
                (path.name, "旁边没有同名的录音；请放上（evaluate 加 --text-only 则只评测文字）")
            )
            continue
        found.append(LabelledCall(truth, recording))
    if not found and not failed:
        raise AppError(
            "not-found", f"{directory} 里没有标注 JSON（含 turns 的文件）。格式见 docs/cli.md。"
        )
    return tuple(found), tuple(failed)


def evaluate_calls(
    calls: Sequence[LabelledCall],
    analyzers: Analyzers,
    transcribe: Transcribe | None,
    reporter: Reporter,
    failed: Sequence[tuple[str, str]] = (),
    *,
    is_mono: bool = False,
) -> Evaluation:
    """The evaluation of `calls`, one after another; `transcribe` None = text only.

    `is_mono` = what `transcribe` heard was one channel with both speakers: how well they were
    told apart is scored too.

    A call whose recording cannot be recognised is left out of every figure and listed as failed.
    """
    names = violation_names(call.truth for call in calls)
    # Every measured rule is reported, also one that neither was labelled nor fired.
    reference = recognised = TextScores(violations={name: Counts() for name in sorted(names)})
    errors: dict[Role, Errors] = {"agent": Errors(), "customer": Errors()}
    mono = MonoScores()
    failures = list(failed)
    audio_s = wall_s = text_s = 0.0
    counted = 0
    engine: dict[str, object] = {}
    started = time.perf_counter()
    for call in calls:
        analyzers.for_domain(call.truth.domain)
    load_s = time.perf_counter() - started
    for call in calls:
        name = call.truth.name
        reporter.start(name)
        if transcribe is not None and call.recording is not None:
            started = time.perf_counter()
            try:
                heard = transcribe(
                    call.recording,
                    call.truth.channels,
                    lambda share, name=name: reporter.share(name, share),  # type: ignore[misc]
                )
            except AppError as error:
                failures.append((call.recording.name, error.message))
                reporter.finish(name)
                continue
            heard = corrected(heard, analyzers.tree_for(call.truth.domain), None)
            recognised += _scores(call.truth, heard, analyzers, names, aligned=False)
            wall_s += time.perf_counter() - started
            audio_s += heard.audio.duration_ms / 1000
            errors = add_errors(errors, character_errors(call.truth, heard))
            mono += mono_scores(call.truth, heard)
            engine = {"engine": heard.engine.engine, "weights": heard.engine.weights}
        started = time.perf_counter()
        written = reference_transcript(call.truth)
        reference += _scores(call.truth, written, analyzers, names, aligned=True)
        text_s += time.perf_counter() - started
        counted += 1
        reporter.finish(name)
    return Evaluation(
        calls=counted,
        reference=reference,
        recognised=recognised if transcribe is not None else None,
        errors=errors if transcribe is not None else None,
        audio_seconds=audio_s,
        wall_seconds=wall_s,
        text_seconds=text_s,
        load_seconds=load_s,
        engine=engine,
        failed=tuple(failures),
        mono=mono if is_mono else None,
    )


def _scores(
    truth: GroundTruth,
    transcript: Transcript,
    analyzers: Analyzers,
    names: frozenset[str],
    *,
    aligned: bool,
) -> TextScores:
    analysis = analyzers.for_domain(truth.domain).analyze(transcript, {"domain": truth.domain})
    expected = reference_sop(truth, analyzers.tree_for(truth.domain))
    return TextScores(
        event_counts(truth, transcript, analysis.events, aligned=aligned),
        violation_counts(truth, transcript, analysis.findings, names, aligned=aligned),
        sop_agreement(expected, analysis.sop),
    )
