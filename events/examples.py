"""ExampleLayer: which nodes the sentences of a call come near by their examples."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from asr.transcript import Role
from events.cues import denies, quoted
from events.nearness import Nearness, by_examples
from events.nodes.thresholds import HIGHEST, Expectation
from events.reading import CallReading
from events.semantic import Floats, SemanticModel
from events.tree import EventNode, EventTree
from nlp.encoders.base import SentenceEncoder

SURE_EXAMPLE = 0.9
"""Semantic score to reach in a node that the act model also decides."""

_CUE_PENALTY = 0.25


@dataclass(frozen=True, slots=True)
class ExampleMatch:
    """How far a segment of an utterance is a node's event, by its examples.

    `start` and `end` count code points of the normalised form; `verbatim` = the segment is an
    example of the node, word for word.
    """

    score: float
    start: int
    end: int
    verbatim: bool = False


class ExampleLayer:
    """The examples of all nodes of a tree, fitted once; nothing without an encoder.

    `by_act` are the paths of the nodes that the act model decides too. `limits` is the score
    that makes an utterance a hit, by path. Immutable and thread safe.
    """

    def __init__(
        self,
        tree: EventTree,
        nodes: Sequence[EventNode],
        encoder: SentenceEncoder | None,
        by_act: Set[str],
    ) -> None:
        self._by_act = by_act
        self._models: dict[Role, SemanticModel] = {}
        if encoder is not None:
            for role in ("agent", "customer"):
                self._models[role] = SemanticModel(tree, role, encoder)
        self.limits: Mapping[str, float] = {node.path: self._limit(node) for node in nodes}

    def candidates(self, reading: CallReading) -> list[dict[str, ExampleMatch]]:
        """For each text of a call the best segment for every node that it may be."""
        best: list[dict[str, ExampleMatch]] = [{} for _ in reading.texts]
        for role, model in self._models.items():
            spoken = [
                row for row, (u, _) in enumerate(reading.texts) if u.role in (role, "unknown")
            ]
            wanted = list(dict.fromkeys(part[2] for row in spoken for part in reading.cut[row]))
            if not wanted:
                continue
            likely = _likely(model, wanted, reading.vectors)
            for row in spoken:
                held = best[row]
                for start, end, text in reading.cut[row]:
                    for path, score, verbatim in likely.get(text, ()):
                        if path not in held or held[path].score < score:
                            held[path] = ExampleMatch(score, start, end, verbatim)
        return best

    def nearness(self, reading: CallReading) -> Iterator[Nearness]:
        """The best score of any segment of each utterance for each node with examples."""
        return by_examples(self._models, self.limits, reading.texts, reading.cut, reading.vectors)

    def expectation(self, node: EventNode) -> Expectation | None:
        """The threshold of a node's examples and what to expect of them; None without any."""
        for model in self._models.values():
            if node.path in model.paths:
                return model.expectation(node.path, self._given(node))
        return None

    def _given(self, node: EventNode) -> float | None:
        """The threshold that does not depend on the examples; None where it is left open."""
        if node.path in self._by_act:
            return max(node.match.threshold or 0.0, SURE_EXAMPLE)
        return node.match.threshold

    def _limit(self, node: EventNode) -> float:
        given = self._given(node)
        if given is not None:
            return given
        expectation = self.expectation(node) if node.match.examples else None
        return HIGHEST if expectation is None else expectation.threshold


def _likely(
    model: SemanticModel, texts: Sequence[str], vectors: Mapping[str, Floats]
) -> dict[str, list[tuple[str, float, bool]]]:
    """By text the nodes that it may be: path, score, and whether it is an example of the node."""
    scores = model.scores(texts, np.array([vectors[text] for text in texts]))
    found: dict[str, list[tuple[str, float, bool]]] = {}
    for row, column in np.argwhere(scores > _CUE_PENALTY).tolist():
        text, score = texts[row], float(scores[row, column])
        if denies(text) and not denies(model.nearest(column, vectors[text])):
            score -= _CUE_PENALTY
        if quoted(text, len(text)):
            score -= _CUE_PENALTY
        sure = score >= SURE_EXAMPLE and model.is_example(column, text)
        found.setdefault(text, []).append((model.paths[column], score, sure))
    return found
