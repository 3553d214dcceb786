"""ExampleLayer: which nodes the sentences of a call come near by their examples."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from asr.transcript import Role
from events.acts.labels import LABELS
from events.acts.model import ActModel
from events.acts.reading import chances_by_row
from events.cues import denies, quoted
from events.document import load_pack, pack_names
from events.nearness import Nearness, by_examples
from events.nodes.sentences import folded, speaks
from events.nodes.thresholds import HIGHEST, LOWEST, Expectation
from events.reading import CallReading
from events.semantic import Floats, SemanticModel
from events.tree import EventNode, EventTree
from nlp.encoders.base import SentenceEncoder

_SIDES: tuple[Role, ...] = ("agent", "customer")
_CUE_ODDS = 0.15
"""What is left of the odds of a sentence that denies or quotes where no example does."""


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


@dataclass(frozen=True, slots=True)
class _Spoken:
    """The segments of what one side says: (row of its text, start, end, text), and their scores.

    `scores` has shape (segments, nodes of the side).
    """

    pieces: Sequence[tuple[int, int, int, str]]
    scores: Floats


class ExampleLayer:
    """The examples of all nodes of a tree, fitted once; nothing without an encoder.

    Nodes in `by_act` are decided by the act model: of their examples only those count that are
    said word for word. `limits` is the score that makes an utterance a hit, by path. Immutable
    and thread safe.
    """

    def __init__(
        self,
        tree: EventTree,
        nodes: Sequence[EventNode],
        encoder: SentenceEncoder | None,
        by_act: Set[str],
    ) -> None:
        self._models: dict[Role, SemanticModel] = {}
        self._verbatim: dict[Role, dict[str, list[str]]] = {}
        acts = ActModel.load() if encoder is not None else None
        if encoder is not None and acts is not None:
            asked = acts if acts.fits(encoder) else None
            self._reads_acts = asked is not None
            for role in _SIDES:
                self._models[role] = SemanticModel(tree, role, encoder, by_act, asked)
                spoken = [n for n in nodes if n.path in by_act and speaks(n.role, role)]
                self._verbatim[role] = _by_text(spoken)
        self.limits: Mapping[str, float] = {
            node.path: 1.0 if node.path in by_act else self._limit(node) for node in nodes
        }
        self._floors = {
            role: np.array([min(LOWEST, self.limits[path]) for path in model.paths], np.float32)
            for role, model in self._models.items()
        }

    def candidates(self, reading: CallReading) -> list[dict[str, ExampleMatch]]:
        """For each text of a call the best segment for every node that it may be."""
        best: list[dict[str, ExampleMatch]] = [{} for _ in reading.texts]
        for role, model in self._models.items():
            spoken = self._spoken(role, model, reading)
            known, shipped = self._verbatim[role], _shipped_examples()
            for row, start, end, text in spoken.pieces:
                for path in known.get(text, ()):
                    best[row][path] = ExampleMatch(1.0, start, end, text not in shipped)
            for at, column in np.argwhere(spoken.scores >= self._floors[role]).tolist():
                row, start, end, text = spoken.pieces[at]
                path, score = model.paths[column], float(spoken.scores[at, column])
                verbatim = model.is_example(column, text)
                if verbatim:
                    score = 1.0
                elif denies(text) or quoted(text, len(text)):
                    score = _doubted(score, model, column, text, reading.vectors[text])
                if path not in best[row] or best[row][path].score < score:
                    best[row][path] = ExampleMatch(score, start, end, verbatim)
        return best

    def nearness(self, reading: CallReading) -> Iterator[Nearness]:
        """The best score of any segment of each utterance for each node with examples."""
        for role, model in self._models.items():
            spoken = self._spoken(role, model, reading)
            rows = [piece[0] for piece in spoken.pieces]
            yield from by_examples(model.paths, self.limits, reading.texts, rows, spoken.scores)

    def expectation(self, node: EventNode) -> Expectation | None:
        """What to expect of a node that stands on its examples; None for any other."""
        for model in self._models.values():
            if node.path in model.paths:
                return model.expectation(node.path, node.match.threshold)
        return None

    def _spoken(self, role: Role, model: SemanticModel, reading: CallReading) -> _Spoken:
        """The segments that a side may have said, scored with what is thought of their turns."""
        pieces = [
            (row, *part)
            for row, (utterance, _) in enumerate(reading.texts)
            if utterance.role in (role, "unknown")
            for part in reading.cut[row]
        ]
        texts = {text: at for at, text in enumerate(dict.fromkeys(part[3] for part in pieces))}
        if not texts or not model.paths:
            return _Spoken(pieces, np.zeros((len(pieces), len(model.paths)), dtype=np.float32))
        by_text = model.margins(list(texts), np.array([reading.vectors[text] for text in texts]))
        margins = by_text[[texts[part[3]] for part in pieces]]
        if self._reads_acts:
            by_row = np.zeros((len(reading.texts), len(LABELS)), dtype=np.float32)
            for row, chances in chances_by_row(reading.turns).items():
                by_row[row] = chances
            margins += model.turn_margins(by_row)[[part[0] for part in pieces]]
        return _Spoken(pieces, model.chances(margins))

    def _limit(self, node: EventNode) -> float:
        if node.match.threshold is not None:
            return node.match.threshold
        expectation = self.expectation(node)
        return HIGHEST if expectation is None else expectation.threshold


def _by_text(nodes: Sequence[EventNode]) -> dict[str, list[str]]:
    """Example -> the paths of the nodes that it is of."""
    found: dict[str, list[str]] = {}
    for node in nodes:
        for text in dict.fromkeys(map(folded, node.match.examples)):
            found.setdefault(text, []).append(node.path)
    return found


@lru_cache(maxsize=1)
def _shipped_examples() -> frozenset[str]:
    nodes = [node for name in pack_names() for node in load_pack(name).walk()]
    return frozenset(folded(text) for node in nodes for text in node.match.examples)


def _doubted(score: float, model: SemanticModel, column: int, text: str, vector: Floats) -> float:
    """The score of a sentence that denies or quotes, unless the nearest example denies too."""
    kept = 1.0
    if denies(text) and not denies(model.nearest(column, vector)):
        kept *= _CUE_ODDS
    if quoted(text, len(text)):
        kept *= _CUE_ODDS
    odds = kept * score / max(1.0 - score, 1e-6)
    return odds / (1.0 + odds)
