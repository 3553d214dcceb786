"""How well the two speakers of a call were told apart on one channel."""

from dataclasses import dataclass, field

from asr.diarization.scoring import (
    DiarizationErrors,
    Labelled,
    RoleAccuracy,
    diarization_error_rate,
    role_accuracy,
)
from asr.transcript import Transcript
from cli.evaluation.ground_truth import GroundTruth

COLLAR_MS = 250


@dataclass(frozen=True, slots=True)
class MonoScores:
    """Speaker errors and accuracy of roles, summed over calls."""

    speakers: DiarizationErrors = field(default_factory=DiarizationErrors)
    roles: RoleAccuracy = field(default_factory=RoleAccuracy)

    def __add__(self, other: "MonoScores") -> "MonoScores":
        return MonoScores(self.speakers + other.speakers, self.roles + other.roles)


def mono_scores(truth: GroundTruth, heard: Transcript) -> MonoScores:
    """What one call's utterances got right against its labelled turns.

    For the error rate, names do not matter (exchanged roles are right) and `COLLAR_MS` around
    every border of a turn is not scored; speech that gave no text is missed. For the accuracy
    of roles, names are all that matters.
    """
    said: list[Labelled] = [(turn.span, turn.role) for turn in truth.turns]
    found: list[Labelled] = [(u.span, u.role) for u in heard.utterances]
    return MonoScores(
        diarization_error_rate(said, found, collar_ms=COLLAR_MS), role_accuracy(said, found)
    )
