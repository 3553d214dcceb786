"""How near a call's utterances come to the nodes of a tree by meaning, hit or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from asr.transcript import Role, Utterance
from events.acts.reading import ActReader, ReadTurn
from events.semantic import Floats, SemanticModel
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
Cut = Sequence[Sequence[tuple[int, int, str]]]


def by_examples(
    models: Mapping[Role, SemanticModel],
    limits: Mapping[str, float],
    texts: Texts,
    cut: Cut,
    vectors: Mapping[str, Floats],
) -> Iterator[Nearness]:
    """The best score of any segment of each utterance for each node with examples."""
    for role, model in models.items():
        for (utterance, _), parts in zip(texts, cut, strict=True):
            wanted = list(dict.fromkeys(part[2] for part in parts))
            if utterance.role not in (role, "unknown") or not wanted or not model.paths:
                continue
            rows = np.array([vectors[text] for text in wanted])
            best = model.scores(wanted, rows).max(axis=0)
            for path, score in zip(model.paths, best, strict=True):
                yield Nearness(
                    utterance=utterance.index,
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
