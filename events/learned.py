"""LearnedLayer: the acts of a call as the act model finds them, moved by what a tree learned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import AppError
from events.acts.features import Floats
from events.acts.labels import ACTS
from events.acts.model import ActModel
from events.acts.reading import ActPlace, ReadTurn, act_reader, chances_by_row
from events.learning.head import Head, moved_chances
from events.nearness import Nearness, by_acts
from events.reading import CallReading
from events.tree import EventNode
from nlp.encoders.base import SentenceEncoder


@dataclass(frozen=True, slots=True)
class ReadActs:
    """What the layer says of one call, by row of its texts.

    `places` are the acts that reach their threshold, `chances` those of every label (only where
    nodes name acts), `shifts` what the head adds to the log odds of each target.
    """

    places: Sequence[Mapping[str, ActPlace]]
    chances: Mapping[int, Floats]
    shifts: Mapping[int, Mapping[str, float]]


class LearnedLayer:
    """The act model for the nodes of a tree that name an act, and the tree's head.

    It reads the vectors of the encoder that the model was trained on; with others it finds
    nothing. `reader` reads calls for whoever asks, None without such an encoder; `head` is the one
    at work: the one given, unless it was made for other vectors. Immutable and thread safe.

    Raises:
        AppError: `bad-tree` when a node names an act that there is none of.
    """

    def __init__(
        self, nodes: Sequence[EventNode], encoder: SentenceEncoder | None, head: Head | None
    ) -> None:
        self._nodes = [node for node in nodes if node.match.act]
        for node in self._nodes:
            if node.match.act not in ACTS:
                raise AppError(
                    "bad-tree",
                    f"节点 {node.path} 的 act 写的是 {node.match.act}，没有这个内置事件。",
                )
        self.reader = act_reader(encoder)
        self._acts = self.reader if self._nodes else None
        used = self.reader is not None and head is not None and head.fits(encoder, base_model())
        self.head = head if used else None

    @property
    def decides(self) -> frozenset[str]:
        """Paths of the nodes that the act model decides."""
        return frozenset(node.path for node in self._nodes if self._acts is not None)

    def read(self, reading: CallReading) -> ReadActs:
        """The acts of a call."""
        turns, shifts = self._turns(reading)
        if self._acts is None:
            return ReadActs([{} for _ in reading.texts], {}, shifts)
        moved = self.head is not None
        places = self._acts.places(turns, len(reading.texts)) if moved else reading.places
        return ReadActs(places, chances_by_row(turns), shifts)

    def nearness(self, reading: CallReading) -> Iterator[Nearness]:
        """The chance of each utterance's turn for each node that names a built-in act."""
        if self._acts is None:
            return iter(())
        return by_acts(self._acts, self._nodes, reading.texts, self._turns(reading)[0])

    def _turns(self, reading: CallReading) -> tuple[list[ReadTurn], dict[int, Mapping[str, float]]]:
        """The turns with the chances that the head leaves them, and its shifts by row."""
        if self._acts is None and self.head is None:
            return [], {}
        turns = reading.turns
        if self.head is None:
            return turns, {}
        shifts = self.head.shifts(turns)
        by_row: dict[int, Mapping[str, float]] = {}
        for turn, row in zip(turns, shifts, strict=True):
            told = dict(zip(self.head.targets, row.tolist(), strict=True))
            by_row.update(dict.fromkeys(turn.rows, told))
        moved = moved_chances(self.head, turns, shifts)
        turns = [replace(turn, chances=row) for turn, row in zip(turns, moved, strict=True)]
        return turns, by_row


def base_model() -> str:
    """Names the act model that heads are fitted on top of."""
    return ActModel.load().version
