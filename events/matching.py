"""TreeMatcher: the key events of a call, with evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from asr.transcript import Role, Transcript, Utterance
from core.errors import AppError
from core.evidence import Form, Layer
from events.acts.labels import ACTS
from events.acts.model import ActModel
from events.acts.reading import ActPlace, ReadTurn, act_reader
from events.cues import denies, offer_denied, quoted
from events.exact import ExactMatch, ExactMatcher
from events.hits import EventHit
from events.learning.features import TurnFeatures, logits, turn_features
from events.learning.head import EXACT_ODDS, UNSEEN_ODDS, Head, moved_chances, targets_of
from events.nearness import Nearness, by_acts, by_examples
from events.nodes.thresholds import HIGHEST, Expectation
from events.places import follows, in_scope, may_say, precedes, span_of
from events.reading import CallReading
from events.semantic import Floats, SemanticModel
from events.tree import EventNode, EventTree
from events.veto import ActVeto
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms

SURE_EXAMPLE = 0.9
"""Semantic score to reach in a node that the act model also decides."""

_CUE_PENALTY = 0.25
_BARELY = 0.05


@dataclass(frozen=True, slots=True)
class _Semantic:
    """`verbatim` = the segment is an example of the node, word for word."""

    score: float
    start: int
    end: int
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """One utterance, its forms, and the candidates of each node; `acts` by label.

    `allowed` are the nodes that its side may say at this place, `shifts` what the head adds to
    the log odds, by target.
    """

    utterance: Utterance
    text: TextForms
    allowed: frozenset[str]
    exact: dict[str, ExactMatch]
    semantic: dict[str, _Semantic]
    acts: dict[str, ActPlace]
    shifts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TurnOdds:
    """One turn before any head: the utterances in it, its features, and how each target stands.

    `odds` are log odds above the threshold, of the layer that sees most; a hit is at 0 and above.
    Only targets of nodes that may be said at this place are listed.
    """

    utterances: tuple[int, ...]
    features: TurnFeatures
    odds: Mapping[str, float]


class TreeMatcher:
    """Recognises the events of one tree. Compile once, match many calls; thread safe.

    Without an encoder the semantic and learned layers are off and only exact layers match. The
    learned layer reads the vectors of the encoder that its model was trained on; with another
    one, nodes that name an act are left to the other layers. `head` is what the tree's
    corrections taught.

    Raises:
        AppError: `bad-tree` when an expression or a pattern of the tree does not compile, a node
            names an act that there is none of, or anchors refer to each other in a circle;
            `events.lint` names every such place.
    """

    def __init__(
        self, tree: EventTree, encoder: SentenceEncoder | None, head: Head | None = None
    ) -> None:
        self.tree = tree
        self._nodes = [node for node in tree.walk() if not node.match.empty]
        self._rank = {node.path: rank for rank, node in enumerate(tree.walk())}
        self._order = _resolve(tree, self._nodes)
        self._exact = ExactMatcher(tuple(self._nodes))
        self._encoder = encoder
        self._models: dict[Role, SemanticModel] = {}
        if encoder is not None:
            for role in ("agent", "customer"):
                self._models[role] = SemanticModel(tree, role, encoder)
        self._reader = act_reader(encoder)
        self._acts = self._reader if _names_acts(self._nodes) else None
        self._veto = ActVeto(self._nodes)
        self._sayable = {role: self._sayable_by(role) for role in get_args(Role)}
        self._of_act: dict[str, list[str]] = {}
        for node in self._nodes:
            if node.match.act:
                self._of_act.setdefault(node.match.act, []).append(node.path)
        self._automatic = self._automatic_limits()
        self.targets = targets_of(tree, acts=self._acts is not None)
        """The head's target of each node that can match, by path."""
        used = self._reader is not None and head is not None and head.fits(encoder, base_model())
        self.head = head if used else None
        """The head that is at work: the one given, unless it was made for other vectors."""

    @property
    def encoder_id(self) -> str | None:
        """Names the encoder whose vectors are looked at, None without one."""
        return None if self._encoder is None else self._encoder.encoder_id

    @property
    def can_learn(self) -> bool:
        """Whether `turn_odds` can be read: it takes the encoder of the act model."""
        return self._reader is not None

    def read(self, transcript: Transcript) -> CallReading:
        """A call prepared for `match`, and for whoever else looks at the same call."""
        return CallReading(transcript, self._encoder, self._reader)

    def match(
        self, transcript: Transcript, reading: CallReading | None = None
    ) -> tuple[EventHit, ...]:
        """The hits of a call, sorted by start time, utterance and order of the tree.

        At most one for each node and utterance. A node of a role matches utterances of that
        role, and those of unknown role. `reading` is what `read` gave of the transcript.
        """
        said = self._read(reading or self.read(transcript))
        seen = self._seen(said)
        hits: list[EventHit] = []
        places: dict[str, list[Utterance]] = {}
        for node in self._order:
            for item in seen.get(node.path, ()):
                hit = self._decide(node, item, places)
                if hit is not None:
                    hits.append(hit)
                    self._mark(places, node.path, item.utterance)
        hits.sort(key=lambda h: (h.start_ms, h.utterance or 0, self._rank[h.node]))
        return tuple(hits)

    def nearness(self, transcript: Transcript) -> tuple[Nearness, ...]:
        """How near each utterance comes to each node by meaning, nearest nodes first.

        One entry for each node and utterance, of the layer that comes nearest to its threshold.
        Exact layers either match or do not, and scopes are not looked at.
        """
        if self._encoder is None:
            return ()
        reading = self.read(transcript)
        texts = reading.texts
        limits = {node.path: self._limit(node) for node in self._nodes}
        entries = list(by_examples(self._models, limits, texts, reading.cut, reading.vectors))
        if self._acts is not None:
            entries += by_acts(self._acts, self._nodes, texts, self._turns(reading)[0])
        best: dict[tuple[int, str], Nearness] = {}
        for entry in sorted(entries, key=lambda entry: entry.distance):
            best.setdefault((entry.utterance, entry.node), entry)
        return tuple(best.values())

    def expectation(self, path: str) -> Expectation | None:
        """The threshold of a node's examples and what to expect of them; None without any."""
        node = self.tree.node(path)
        if node is None:
            return None
        for model in self._models.values():
            if path in model.paths:
                limit = node.match.threshold
                if self._acts is not None and node.match.act:
                    limit = max(limit or 0.0, SURE_EXAMPLE)
                return model.expectation(path, limit)
        return None

    def _limit(self, node: EventNode) -> float:
        """The semantic score that makes an utterance a hit of the node."""
        if self._acts is not None and node.match.act:
            return max(node.match.threshold or 0.0, SURE_EXAMPLE)
        if node.match.threshold is not None:
            return node.match.threshold
        return self._automatic.get(node.path, HIGHEST)

    def _automatic_limits(self) -> dict[str, float]:
        """The thresholds of the nodes that leave theirs open, by path."""
        found = {}
        for node in self._nodes:
            decided = self._acts is not None and node.match.act
            if node.match.examples and node.match.threshold is None and not decided:
                expectation = self.expectation(node.path)
                if expectation is not None:
                    found[node.path] = expectation.threshold
        return found

    def _sayable_by(self, role: Role) -> tuple[frozenset[str], list[EventNode]]:
        """Paths of the nodes that a role may say anywhere, and the nodes whose scope limits it."""
        nodes = [node for node in self._nodes if may_say(node.role, role)]
        free = frozenset(node.path for node in nodes if node.scope is None)
        return free, [node for node in nodes if node.scope is not None]

    @staticmethod
    def _mark(places: dict[str, list[Utterance]], path: str, utterance: Utterance) -> None:
        # A parent is hit when a child is, so anchors may name either.
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            places.setdefault("/".join(parts[:depth]), []).append(utterance)

    def turn_odds(self, transcript: Transcript) -> list[TurnOdds]:
        """The turns of a call as the layers see them without the head; empty without an encoder.

        Raises:
            ValueError: the encoder is not the one that the act model was trained on.
        """
        if self._encoder is None:
            return []
        if self._reader is None:
            raise ValueError("turns can only be read with the encoder of the act model")
        reading = self.read(transcript)
        said = self._read(reading)
        turns = reading.turns
        chances = self._reader.chances(turns)
        found = []
        for turn, features in zip(turns, turn_features(turns), strict=True):
            odds: dict[str, float] = {}
            for row in turn.rows:
                for path, value in self._odds(said[row], chances[row]):
                    target = self.targets[path]
                    odds[target] = max(odds.get(target, UNSEEN_ODDS), value)
            places = tuple(said[row].utterance.index for row in turn.rows)
            found.append(TurnOdds(places, features, odds))
        return found

    def _odds(
        self, said: _Said, chances: Mapping[str, tuple[float, float]]
    ) -> list[tuple[str, float]]:
        """How far each allowed node is above its threshold in one utterance, by the best layer."""
        found = []
        for node in self._nodes:
            if node.path not in said.allowed:
                continue
            value = UNSEEN_ODDS
            if node.path in said.exact:
                value = EXACT_ODDS
            if node.path in said.semantic:
                score = said.semantic[node.path].score
                value = max(value, _log_odds(score) - _log_odds(self._limit(node)))
            act = node.match.act
            if self._acts is not None and act is not None and act in chances:
                chance, limit = chances[act]
                value = max(value, _log_odds(chance) - _log_odds(limit))
            found.append((node.path, value))
        return found

    def _read(self, reading: CallReading) -> list[_Said]:
        semantic, acts, shifts, doubts = self._by_meaning(reading)
        said = []
        for row, (utterance, text) in enumerate(reading.texts):
            unlikely = doubts.get(row, frozenset())
            allowed = self._allowed(utterance, reading.transcript)
            exact = self._veto.exact(self._exact.match(text, allowed), text, unlikely)
            kept = {
                path: best
                for path, best in semantic[row].items()
                if path in allowed and (best.verbatim or path not in unlikely)
            }
            shift = shifts.get(row, {})
            said.append(_Said(utterance, text, allowed, exact, kept, acts[row], shift))
        return said

    def _allowed(self, utterance: Utterance, transcript: Transcript) -> frozenset[str]:
        """Paths of the nodes that may be said in an utterance, anchors aside."""
        free, scoped = self._sayable[utterance.role]
        if not scoped:
            return free
        inside = [node.path for node in scoped if in_scope(node.scope, utterance, transcript)]
        return free.union(inside)

    def _seen(self, said: list[_Said]) -> dict[str, list[_Said]]:
        """By node the utterances in which some layer may find it, in order."""
        if self.head is not None:  # What it learned may be where no layer sees anything.
            return {node.path: said for node in self._nodes}
        found: dict[str, list[_Said]] = {}
        for item in said:
            paths = {*item.exact, *item.semantic}
            paths.update(path for act in item.acts for path in self._of_act.get(act, ()))
            for path in paths:
                found.setdefault(path, []).append(item)
        return found

    def _decide(
        self,
        node: EventNode,
        said: _Said,
        places: dict[str, list[Utterance]],
    ) -> EventHit | None:
        shift = said.shifts.get(self.targets[node.path], 0.0)
        exact = said.exact.get(node.path) if EXACT_ODDS + shift >= 0 else None
        semantic = said.semantic.get(node.path)
        if semantic is None and shift > 0 and node.path in said.allowed:
            # What no layer saw has no place of its own; the head can still have learned it.
            semantic = _Semantic(_BARELY, 0, len(said.text.normalised))
        act = said.acts.get(node.match.act) if node.match.act else None
        if act and offer_denied(node.match.act or "", said.text.normalised[act.start : act.end]):
            act = None
        if exact is None and semantic is None and act is None:
            return None
        if not _anchored(node, said.utterance, places):
            return None
        if exact is not None:
            return self._hit(node, said, exact.layer, exact.form, 1.0, exact.start, exact.end)
        if act is not None:
            return self._hit(node, said, "learned", "normalised", act.chance, act.start, act.end)
        return self._by_example(node, said, semantic, places) if semantic else None

    def _by_example(
        self,
        node: EventNode,
        said: _Said,
        semantic: _Semantic,
        places: dict[str, list[Utterance]],
    ) -> EventHit | None:
        score = _shifted(semantic.score, said.shifts.get(self.targets[node.path], 0.0))
        limit = self._limit(node)
        decided = self._acts is not None and node.match.act
        if node.context is not None and not decided:
            before = [u for path in node.context.after.nodes for u in places.get(path, ())]
            if follows(node.context.after, said.utterance, before):
                score = min(1.0, max(0.0, score + node.context.bonus))
        if score < limit:
            return None
        return self._hit(node, said, "semantic", "normalised", score, semantic.start, semantic.end)

    def _hit(
        self,
        node: EventNode,
        said: _Said,
        layer: Layer,
        form: Form,
        score: float,
        start: int,
        end: int,
    ) -> EventHit:
        source = "normalised" if form == "normalised" else "heard"
        first, last = said.text.to_raw(start, end, source)  # type: ignore[arg-type]
        utterance = said.utterance
        span = span_of(utterance, first, last)
        return EventHit(
            node=node.path,
            tree=self.tree.ref,
            utterance=utterance.index,
            role=utterance.role,
            char_start=first,
            char_end=last,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            layer=layer,
            form=form,
            score=round(score, 4),
            text=utterance.text[first:last],
        )

    def _by_meaning(
        self, reading: CallReading
    ) -> tuple[
        list[dict[str, _Semantic]],
        list[dict[str, ActPlace]],
        dict[int, Mapping[str, float]],
        dict[int, frozenset[str]],
    ]:
        """Candidates of the semantic and of the learned layer; shifts and doubts by row.

        Shifts are the head's, doubts the nodes whose act is unlikely there.
        """
        texts = reading.texts
        if self._encoder is None:
            return [{} for _ in texts], [{} for _ in texts], {}, {}
        turns, shifts = self._turns(reading)
        if self._acts is None:
            return self._semantic(reading), [{} for _ in texts], shifts, {}
        moved = self.head is not None
        acts = self._acts.places(turns, len(texts)) if moved else reading.places
        doubts = {row: self._veto.unlikely(turn.chances) for turn in turns for row in turn.rows}
        return self._semantic(reading), acts, shifts, doubts

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

    def _semantic(self, reading: CallReading) -> list[dict[str, _Semantic]]:
        best: list[dict[str, _Semantic]] = [{} for _ in reading.texts]
        for role, model in self._models.items():
            spoken = [
                row for row, (u, _) in enumerate(reading.texts) if u.role in (role, "unknown")
            ]
            wanted = list(dict.fromkeys(part[2] for row in spoken for part in reading.cut[row]))
            if not wanted:
                continue
            candidates = _candidates(model, wanted, reading.vectors)
            for row in spoken:
                held = best[row]
                for start, end, text in reading.cut[row]:
                    for path, score, verbatim in candidates.get(text, ()):
                        if path not in held or held[path].score < score:
                            held[path] = _Semantic(score, start, end, verbatim)
        return best


def _candidates(
    model: SemanticModel, texts: list[str], vectors: Mapping[str, Floats]
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
        sure = score >= SURE_EXAMPLE and model.nearest(column, vectors[text]) == text
        found.setdefault(text, []).append((model.paths[column], score, sure))
    return found


def base_model() -> str:
    """Names the act model that heads are fitted on top of."""
    return ActModel.load().version


def _names_acts(nodes: list[EventNode]) -> bool:
    """Whether any node names a built-in act."""
    named = [node for node in nodes if node.match.act]
    for node in named:
        if node.match.act not in ACTS:
            raise AppError(
                "bad-tree", f"节点 {node.path} 的 act 写的是 {node.match.act}，没有这个内置事件。"
            )
    return bool(named)


def _log_odds(chance: float) -> float:
    return float(logits(np.float32(chance)))


def _shifted(score: float, shift: float) -> float:
    """A score with its log odds moved."""
    return score if shift == 0.0 else float(1.0 / (1.0 + np.exp(-(_log_odds(score) + shift))))


def _anchored(node: EventNode, utterance: Utterance, places: dict[str, list[Utterance]]) -> bool:
    if node.scope is None:
        return True
    after, before = node.scope.after, node.scope.before
    if after and not follows(after, utterance, [u for p in after.nodes for u in places.get(p, ())]):
        return False
    return not before or precedes(
        before, utterance, [u for p in before.nodes for u in places.get(p, ())]
    )


def _resolve(tree: EventTree, nodes: list[EventNode]) -> list[EventNode]:
    """Nodes in an order in which every anchor is decided before those that look at it."""
    waiting = list(nodes)
    paths = {node.path for node in tree.walk()}
    decided: list[EventNode] = []
    while waiting:
        open_paths = [node.path for node in waiting]
        ready = [node for node in waiting if not _waits(node, open_paths, paths)]
        if not ready:
            raise AppError(
                "bad-tree",
                f"节点的 scope 或 context 互相引用：{'、'.join(open_paths)}。请去掉其中一个引用。",
            )
        decided += ready
        waiting = [node for node in waiting if node not in ready]
    return decided


def _waits(node: EventNode, open_paths: list[str], known: set[str]) -> bool:
    return any(
        path == anchor or path.startswith(f"{anchor}/")
        for anchor in node.anchors()
        if anchor in known
        for path in open_paths
    )
