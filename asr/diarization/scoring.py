"""How right a diarization is: error rate (DER) and accuracy of roles, against labelled speech."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from asr.transcript import Role
from core.span import Span, merge_spans, subtract_spans

Labelled = tuple[Span, Role]


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Speaker time, in milliseconds, summed over speakers where two talk at once.

    `missed_ms`: a speaker of the reference whom nobody of the hypothesis stands for;
    `false_alarm_ms`: the reverse; `confused_ms`: somebody else. They add up over calls.
    """

    missed_ms: int = 0
    false_alarm_ms: int = 0
    confused_ms: int = 0
    reference_ms: int = 0

    def __add__(self, other: "DiarizationErrors") -> "DiarizationErrors":
        return DiarizationErrors(
            self.missed_ms + other.missed_ms,
            self.false_alarm_ms + other.false_alarm_ms,
            self.confused_ms + other.confused_ms,
            self.reference_ms + other.reference_ms,
        )

    @property
    def rate(self) -> float | None:
        """Diarization error rate: all error time over reference time; may exceed 1.

        None when the reference has no speech.
        """
        wrong = self.missed_ms + self.false_alarm_ms + self.confused_ms
        return wrong / self.reference_ms if self.reference_ms else None

    @property
    def confusion_rate(self) -> float | None:
        """Share of reference time that was given to the wrong speaker."""
        return self.confused_ms / self.reference_ms if self.reference_ms else None


@dataclass(frozen=True, slots=True)
class RoleAccuracy:
    """How often the role is right: of time that both sides label, and of utterances.

    An utterance counts when it overlaps labelled speech; its true role is that of most of the
    overlap. They add up over calls.
    """

    correct_ms: int = 0
    total_ms: int = 0
    correct_utterances: int = 0
    utterances: int = 0

    def __add__(self, other: "RoleAccuracy") -> "RoleAccuracy":
        return RoleAccuracy(
            self.correct_ms + other.correct_ms,
            self.total_ms + other.total_ms,
            self.correct_utterances + other.correct_utterances,
            self.utterances + other.utterances,
        )

    @property
    def by_time(self) -> float | None:
        """Share of time with the right role, None without any."""
        return self.correct_ms / self.total_ms if self.total_ms else None

    @property
    def by_utterance(self) -> float | None:
        """Share of utterances with the right role, None without any."""
        return self.correct_utterances / self.utterances if self.utterances else None


def diarization_error_rate(
    reference: Sequence[Labelled],
    hypothesis: Sequence[Labelled],
    collar_ms: int = 250,
    *,
    map_speakers: bool = True,
) -> DiarizationErrors:
    """The errors of `hypothesis`, as NIST's md-eval defines them, overlap included.

    Args:
        reference: Who speaks when; the spans may be in any order and overlap.
        hypothesis: The same as found.
        collar_ms: Time on each side of every border of the reference that is not scored.
        map_speakers: True = names do not matter, the best assignment of names is scored (DER
            proper). False = a name is right only when it is the same: swapped roles are wrong.

    Raises:
        ValueError: for a negative collar.
    """
    if collar_ms < 0:
        raise ValueError(f"a collar is zero or more milliseconds, got {collar_ms}")
    said, heard = _by_role(reference), _by_role(hypothesis)
    scored = _scored(said, heard, collar_ms)
    names = list(heard)
    options: Iterable[dict[Role, Role]] = [{name: name for name in names}]
    if map_speakers:
        targets: list[Role | None] = [*said, *[None] * len(names)]
        options = [
            {name: target for name, target in zip(names, choice, strict=True) if target}
            for choice in set(permutations(targets, len(names)))
        ]
    return min(
        (_errors(said, heard, scored, mapping) for mapping in options),
        key=lambda e: (e.missed_ms + e.false_alarm_ms + e.confused_ms, e.confused_ms),
    )


def role_accuracy(reference: Sequence[Labelled], hypothesis: Sequence[Labelled]) -> RoleAccuracy:
    """How many of the hypothesis' utterances, and how much of their time, have the right role.

    Args:
        reference: Who speaks when.
        hypothesis: One span per utterance. An `unknown` role is wrong.
    """
    said = _by_role(reference)
    total = RoleAccuracy()
    for span, role in hypothesis:
        overlap = {name: sum(span.overlap_ms(s) for s in spans) for name, spans in said.items()}
        whole = sum(overlap.values())
        if not whole:
            continue
        truth = max(overlap, key=lambda name: overlap[name])
        total += RoleAccuracy(overlap.get(role, 0), whole, int(truth == role), 1)
    return total


def _by_role(labelled: Sequence[Labelled]) -> dict[Role, tuple[Span, ...]]:
    roles = dict.fromkeys(role for _, role in labelled)
    return {role: merge_spans(s for s, r in labelled if r == role) for role in roles}


def _scored(
    said: dict[Role, tuple[Span, ...]], heard: dict[Role, tuple[Span, ...]], collar_ms: int
) -> tuple[Span, ...]:
    """The time that counts: everything but the collars around the reference's borders."""
    spans = [s for group in (*said.values(), *heard.values()) for s in group]
    if not spans:
        return ()
    whole = Span(min(s.start_ms for s in spans), max(s.end_ms for s in spans))
    borders = [at for group in said.values() for s in group for at in (s.start_ms, s.end_ms)]
    return subtract_spans([whole], [Span(at - collar_ms, at + collar_ms) for at in borders])


def _errors(
    said: dict[Role, tuple[Span, ...]],
    heard: dict[Role, tuple[Span, ...]],
    scored: Sequence[Span],
    mapping: dict[Role, Role],
) -> DiarizationErrors:
    edges = sorted(
        {
            at
            for group in (*said.values(), *heard.values(), tuple(scored))
            for span in group
            for at in (span.start_ms, span.end_ms)
        }
    )
    is_scored = _walker(scored)
    speaks = {role: _walker(spans) for role, spans in said.items()}
    answers = {role: _walker(spans) for role, spans in heard.items()}
    total = DiarizationErrors()
    for start, end in pairwise(edges):
        if not is_scored(start):
            continue
        true = {role for role, active in speaks.items() if active(start)}
        found = [role for role, active in answers.items() if active(start)]
        matched = len(true & {mapping[role] for role in found if role in mapping})
        length = end - start
        total += DiarizationErrors(
            max(0, len(true) - len(found)) * length,
            max(0, len(found) - len(true)) * length,
            (min(len(true), len(found)) - matched) * length,
            len(true) * length,
        )
    return total


def _walker(spans: Sequence[Span]) -> Callable[[int], bool]:
    """Whether one of sorted spans covers a moment; moments must be asked in rising order."""
    position = 0

    def active(at_ms: int) -> bool:
        nonlocal position
        while position < len(spans) and spans[position].end_ms <= at_ms:
            position += 1
        return position < len(spans) and spans[position].start_ms <= at_ms

    return active
