"""How near a call's utterances come to the nodes of a tree by meaning, hit or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from asr.transcript import Utterance
from events.acts.features import Floats
from events.acts.reading import ActReader, ReadTurn
from events.tree import EventNode
from nlp.normalise import TextForms


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """The score of one utterance for one node, and the score it takes to be a hit.

    `layer` is the one that comes nearest. `distance` is how much is missing; at 0 or below it is
    reached, and only the node's scope or context can still keep it from being a hit.
    """

    utterance: int
    node: str
    layer: Literal["semantic", "learned"]
    score: float
    threshold: float

    @property
    def distance(self) -> float:
        """`threshold` minus `score`."""
        return round(self.threshold - self.score, 4)


Texts = Sequence[tuple[Utterance, TextForms]]


def by_examples(
    paths: Sequence[str],
    limits: Mapping[str, float],
    texts: Texts,
    rows: Sequence[int],
    scores: Floats,
) -> Iterator[Nearness]:
    """The best score of any segment of each utterance for each node with examples.

    `scores` has a row for each segment, `rows` names the text of each, in ascending order.
    """
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    if not len(starts):
        return
    best = np.maximum.reduceat(scores, starts, axis=0)
    for at, start in enumerate(starts.tolist()):
        for path, score in zip(paths, best[at], strict=True):
            yield Nearness(
                utterance=texts[rows[start]][0].index,
                node=path,
                layer="semantic",
                score=round(float(score), 4),
                threshold=limits[path],
            )


def by_acts(
    reader: ActReader, nodes: Sequence[EventNode], texts: Texts, turns: Sequence[ReadTurn]
) -> Iterator[Nearness]:
    """The chance of each utterance's turn for each node that names a built-in act."""
    named = [node for node in nodes if node.match.act]
    by_row = reader.chances(turns)
    for row, (utterance, _) in enumerate(texts):
        chances = by_row[row]
        for node in named:
            act = node.match.act or ""
            if act in chances and node.role in (utterance.role, "unknown"):
                chance, limit = chances[act]
                yield Nearness(
                    utterance=utterance.index,
                    node=node.path,
                    layer="learned",
                    score=round(chance, 4),
                    threshold=round(limit, 4),
                )
