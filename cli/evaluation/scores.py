"""Precision, recall and F1 of labels on turns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asr.transcript import Role
from cli.evaluation.ground_truth import LabelledTurn
from core.span import Span


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives, and the ratios they give.

    `support` is the number of labelled turns. Recall is None without labels, precision is None
    without labels and predictions, and 0 when something was labelled and nothing predicted.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def support(self) -> int:
        """Labelled turns."""
        return self.tp + self.fn

    @property
    def precision(self) -> float | None:
        """Share of predictions that are right."""
        if self.tp + self.fp:
            return self.tp / (self.tp + self.fp)
        return 0.0 if self.fn else None

    @property
    def recall(self) -> float | None:
        """Share of labelled turns that were found."""
        return self.tp / self.support if self.support else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn)."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else None


def rounded(value: float | None, digits: int = 4) -> float | None:
    """The value as reports give it; None where there is none."""
    return None if value is None else round(value, digits)


def ratios_json(counts: Counts) -> dict[str, float | None]:
    """Precision, recall and F1 as reports give them."""
    return {
        "precision": rounded(counts.precision),
        "recall": rounded(counts.recall),
        "f1": rounded(counts.f1),
    }


@dataclass(frozen=True, slots=True)
class Prediction:
    """A label predicted on an utterance: by its time, and by its turn when that is known.

    `turn` is the position of the turn that the utterance is (reference text), None when the
    utterance was recognised from audio and only its time and role relate it to turns.
    """

    label: str
    role: Role
    span: Span
    turn: int | None = None


def count_labels(
    turns: Sequence[LabelledTurn],
    labelled: Sequence[frozenset[str]],
    predictions: Iterable[Prediction],
) -> dict[str, Counts]:
    """Counts by label for one call; `labelled[i]` are the labels of `turns[i]`.

    A labelled turn is found when its label is predicted on it: on the utterance that it is, or
    on an utterance of its role that overlaps its time. A prediction that overlaps no turn with
    its label is a false positive; several of one label within the same turn (a recogniser cuts a
    turn into utterances) count once, and those that overlap no turn count one by one.
    """
    found: dict[str, set[int]] = {}
    wrong: dict[str, set[object]] = {}
    for position, prediction in enumerate(predictions):
        overlapped = _turns_of(prediction, turns)
        right = {i for i in overlapped if prediction.label in labelled[i]}
        if right:
            found.setdefault(prediction.label, set()).update(right)
        else:
            home: object = overlapped[0] if overlapped else f"prediction {position}"
            wrong.setdefault(prediction.label, set()).add(home)
    support: dict[str, int] = {}
    for labels in labelled:
        for label in labels:
            support[label] = support.get(label, 0) + 1
    counts: dict[str, Counts] = {}
    for label in sorted({*support, *found, *wrong}):
        tp = len(found.get(label, ()))
        counts[label] = Counts(tp, len(wrong.get(label, ())), support.get(label, 0) - tp)
    return counts


def _turns_of(prediction: Prediction, turns: Sequence[LabelledTurn]) -> list[int]:
    """Positions of the turns that a prediction lies on, the one it overlaps most first."""
    if prediction.turn is not None:
        return [prediction.turn]
    overlaps = [
        (turn.span.overlap_ms(prediction.span), -i)
        for i, turn in enumerate(turns)
        if turn.role == prediction.role and turn.span.overlap_ms(prediction.span) > 0
    ]
    return [-i for _, i in sorted(overlaps, reverse=True)]


def add_counts(total: Mapping[str, Counts], more: Mapping[str, Counts]) -> dict[str, Counts]:
    """The counts of both, by label, sorted by label."""
    labels = sorted({*total, *more})
    return {label: total.get(label, Counts()) + more.get(label, Counts()) for label in labels}


def micro(counts: Mapping[str, Counts]) -> Counts:
    """All labels counted together."""
    return sum(counts.values(), Counts())


def macro_f1(counts: Mapping[str, Counts]) -> float | None:
    """Mean F1 of the labels that occur in the ground truth, None when none does."""
    scores = [c.f1 for c in counts.values() if c.support and c.f1 is not None]
    return sum(scores) / len(scores) if scores else None
