"""ActReader: where in a call which built-in act was said, and how surely."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from asr.transcript import Role, Utterance
from events.acts.features import Floats, Turn, piece_turns, read_turns
from events.acts.labels import LABELS
from events.acts.model import ActModel
from events.cues import act_denied
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms

_SIDES: tuple[Role, ...] = ("agent", "customer")


@dataclass(frozen=True, slots=True)
class ActPlace:
    """An act on one utterance: calibrated chance, and the span of `normalised` that says it."""

    chance: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReadTurn:
    """Consecutive utterances of one role, read as one turn.

    `rows` are their places among the texts, `vectors` those of the turn's segments, `chances` the
    probabilities of all labels, as far as the role may carry them.
    """

    rows: tuple[int, ...]
    turn: Turn
    vectors: Floats
    chances: Floats


def chances_by_row(turns: Iterable[ReadTurn]) -> dict[int, Floats]:
    """The chances of all labels in its turn, of each text that lies in one of the turns."""
    return {row: turn.chances for turn in turns for row in turn.rows}


@dataclass(frozen=True, slots=True)
class _Group:
    """Consecutive utterances of one role: rows of the call, and the turn they make."""

    rows: tuple[int, ...]
    turn: Turn


class ActReader:
    """Reads calls with an act model. Immutable and thread safe."""

    def __init__(self, model: ActModel) -> None:
        self._model = model
        self._limits = np.array([model.threshold(label) for label in LABELS], dtype=np.float32)

    def turns(
        self, texts: Sequence[tuple[Utterance, TextForms]], vectors: dict[str, Floats]
    ) -> list[ReadTurn]:
        """The turns of a call with the chances of every label, in order.

        `vectors` holds the sentence vector of every segment text of the call.
        """
        groups = _grouped(texts)
        if not groups:
            return []
        parts = [np.array([vectors[t] for t in group.turn.segment_texts]) for group in groups]
        chances = self._model.predict([group.turn for group in groups], parts)
        return [
            ReadTurn(group.rows, group.turn, part, row)
            for group, part, row in zip(groups, parts, chances, strict=True)
        ]

    def read(
        self, texts: Sequence[tuple[Utterance, TextForms]], vectors: dict[str, Floats]
    ) -> list[dict[str, ActPlace]]:
        """For each utterance the labels that reach their threshold there.

        `vectors` as for `turns`. The probability is that of the whole turn; it is placed on the
        utterance and segment that says it most clearly, and on other utterances of the turn only
        where they say it on their own; nowhere where that segment takes it back.
        """
        return self.places(self.turns(texts, vectors), len(texts))

    def places(self, turns: Sequence[ReadTurn], count: int) -> list[dict[str, ActPlace]]:
        """As `read`, for turns that were read before out of `count` texts."""
        found: list[dict[str, ActPlace]] = [{} for _ in range(count)]
        sure = [turn for turn in turns if (turn.chances >= self._limits).any()]
        for turn, alone in zip(sure, self._alone(sure), strict=True):
            self._place(turn, alone, found)
        return found

    def chances(self, turns: Sequence[ReadTurn]) -> dict[int, dict[str, tuple[float, float]]]:
        """For each text the chance of every label in its turn, and the chance it takes.

        Utterances of one turn share their chances.
        """
        found: dict[int, dict[str, tuple[float, float]]] = {}
        for turn in turns:
            told = {
                label: (float(chance), float(limit))
                for label, chance, limit in zip(LABELS, turn.chances, self._limits, strict=True)
            }
            found.update(dict.fromkeys(turn.rows, told))
        return found

    def _place(self, read: ReadTurn, alone: Floats, found: list[dict[str, ActPlace]]) -> None:
        pieces, chances = read.turn.pieces, read.chances
        for column in np.flatnonzero(chances >= self._limits):
            label, limit = LABELS[column], self._limits[column]
            best = int(alone[:, column].argmax())
            for at, row in enumerate(read.rows):
                inside = [i for i, piece in enumerate(pieces) if piece[0] == at]
                top = max(inside, key=lambda i: float(alone[i, column]))
                if act_denied(label, read.turn.segment_texts[top]):
                    continue
                if pieces[best][0] == at or alone[top, column] >= limit:
                    _, start, end = pieces[top]
                    found[row][label] = ActPlace(float(chances[column]), start, end)

    def _alone(self, turns: Sequence[ReadTurn]) -> list[Floats]:
        """For each turn the chances of its pieces on their own, all read in one go."""
        parted = [turn for turn in turns if len(turn.turn.pieces) > 1]
        found = [turn.chances[None] for turn in turns]
        if not parted:
            return found
        texts = [text for turn in parted for text in turn.turn.segment_texts]
        roles = [turn.turn.role for turn in parted for _ in turn.turn.segment_texts]
        vectors = np.concatenate([turn.vectors for turn in parted])
        total = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
        for role in _SIDES:
            rows = [row for row, own in enumerate(roles) if own in (role, "unknown")]
            pieces = piece_turns(role, [texts[row] for row in rows])
            total[rows] += self._model.piece_chances(role, pieces, vectors[rows])
        parts = iter(np.split(total, np.cumsum([len(turn.vectors) for turn in parted])[:-1]))
        return [next(parts) if len(turn.turn.pieces) > 1 else own
                for turn, own in zip(turns, found, strict=True)]  # fmt: skip


def act_reader(encoder: SentenceEncoder | None) -> ActReader | None:
    """The reader with the shipped model; None without an encoder that makes its vectors."""
    if encoder is None:
        return None
    model = ActModel.load()
    return ActReader(model) if model.fits(encoder) else None


def _grouped(texts: Sequence[tuple[Utterance, TextForms]]) -> list[_Group]:
    runs: list[list[int]] = []
    for row, (utterance, _) in enumerate(texts):
        # One channel with both sides has no turns to join.
        joins = runs and utterance.role != "unknown"
        if joins and texts[runs[-1][-1]][0].role == utterance.role:
            runs[-1].append(row)
        else:
            runs.append([row])
    turns = read_turns([(texts[run[0]][0].role, [texts[row][1] for row in run]) for run in runs])
    return [_Group(tuple(run), turn) for run, turn in zip(runs, turns, strict=True)]
