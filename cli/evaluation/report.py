"""The evaluation report: sums over calls, and the JSON object with its stable keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asr.transcript import Role
from cli.evaluation.cer import Errors, errors_json
from cli.evaluation.mono import MonoScores
from cli.evaluation.scores import Counts, add_counts, macro_f1, micro, ratios_json, rounded
from cli.evaluation.verdicts import SopAgreement


@dataclass(frozen=True, slots=True)
class TextScores:
    """How well one kind of text (reference or recognised) was understood, summed over calls."""

    events: Mapping[str, Counts] = field(default_factory=dict)
    violations: Mapping[str, Counts] = field(default_factory=dict)
    sop: SopAgreement = field(default_factory=SopAgreement)

    def __add__(self, other: "TextScores") -> "TextScores":
        return TextScores(
            add_counts(self.events, other.events),
            add_counts(self.violations, other.violations),
            self.sop + other.sop,
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything measured in one run. `recognised` and `errors` are None with `--text-only`.

    `mono` is None unless the channels were mixed down.

    `wall_seconds` is recognition and analysis of the audio with the weights already loaded;
    `text_seconds` the analysis of the reference text; `load_seconds` the loading of weights and
    encoder. `failed` are the files that could not be used, with the reason.
    """

    calls: int
    reference: TextScores
    recognised: TextScores | None
    errors: Mapping[Role, Errors] | None
    audio_seconds: float
    wall_seconds: float
    text_seconds: float
    load_seconds: float
    engine: Mapping[str, object]
    failed: tuple[tuple[str, str], ...]
    mono: MonoScores | None = None


def report_json(evaluation: Evaluation) -> dict[str, Any]:
    """The report as JSON types; every figure without a denominator is None."""
    errors = evaluation.errors
    wall = evaluation.wall_seconds
    recognised = evaluation.recognised
    return {
        "calls": evaluation.calls,
        "audio_seconds": round(evaluation.audio_seconds, 3),
        "wall_seconds": round(wall, 3),
        "x_realtime": round(evaluation.audio_seconds / wall, 2) if wall and errors else None,
        "cer": errors_json(errors or {}),
        "events": {
            "reference_text": _labels_json(evaluation.reference.events, "per_node"),
            "recognised_text": _labels_json(recognised.events, "per_node") if recognised else None,
        },
        "qa": {
            "reference_text": _labels_json(evaluation.reference.violations, "per_rule"),
            "recognised_text": (
                _labels_json(recognised.violations, "per_rule") if recognised else None
            ),
        },
        "sop_state_accuracy": rounded(evaluation.reference.sop.accuracy),
        "sop": {
            "reference_text": _sop_json(evaluation.reference.sop),
            "recognised_text": _sop_json(recognised.sop) if recognised else None,
        },
        "mono": _mono_json(evaluation.mono) if evaluation.mono else None,
        "text_seconds": round(evaluation.text_seconds, 3),
        "load_seconds": round(evaluation.load_seconds, 3),
        "engine": dict(evaluation.engine),
        "failed": [{"file": name, "error": reason} for name, reason in evaluation.failed],
    }


def _labels_json(counts: Mapping[str, Counts], each: str) -> dict[str, Any]:
    return {
        "micro": _counts_json(micro(counts)),
        "macro_f1": rounded(macro_f1(counts)),
        each: {label: _counts_json(count) for label, count in counts.items()},
    }


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {
        **ratios_json(counts),
        "support": counts.support,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
    }


def _sop_json(sop: SopAgreement) -> dict[str, Any]:
    return {"accuracy": rounded(sop.accuracy), "right": sop.right, "steps": sop.steps}


def _mono_json(scores: MonoScores) -> dict[str, Any]:
    return {
        "der": rounded(scores.speakers.rate),
        "confusion": rounded(scores.speakers.confusion_rate),
        "role_accuracy_time": rounded(scores.roles.by_time),
        "role_accuracy_utterances": rounded(scores.roles.by_utterance),
    }
