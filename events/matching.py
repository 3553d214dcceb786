"""TreeMatcher: the key events of a call, with evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from asr.transcript import Role, Transcript, Utterance
from core.evidence import Form, Layer
from events.acts.features import Floats
from events.acts.reading import ActPlace
from events.anchors import FoundPlaces, anchors_above, in_order_of_anchors
from events.exact import ExactMatch, ExactMatcher
from events.examples import ExampleLayer, ExampleMatch
from events.hits import EventHit
from events.learned import LearnedLayer
from events.learning.features import TurnFeatures, logits, turn_features
from events.learning.head import EXACT_ODDS, UNSEEN_ODDS, Head, targets_of
from events.nearness import Nearness
from events.nodes.thresholds import Expectation
from events.places import in_scope, may_say, span_of
from events.reading import CallReading
from events.tree import EventNode, EventTree
from events.veto import ActVeto
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms

_BARELY = 0.05


@dataclass(frozen=True, slots=True)
class _Said:
    """One utterance, its forms, and the candidates of each node; `acts` by label.

    `allowed` are the nodes that its side may say at this place, `shifts` what the head adds to
    the log odds, by target.
    """

    utterance: Utterance
    text: TextForms
    allowed: frozenset[str]
    exact: Mapping[str, ExactMatch]
    examples: Mapping[str, ExampleMatch]
    acts: Mapping[str, ActPlace]
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
        self._order = in_order_of_anchors(tree, self._nodes)
        self._anchors = anchors_above(self._nodes)
        self._exact = ExactMatcher(tuple(self._nodes))
        self._encoder = encoder
        self._learned = LearnedLayer(self._nodes, encoder, head)
        self._by_act = self._learned.decides
        self._examples = ExampleLayer(tree, self._nodes, encoder, self._by_act)
        self._veto = ActVeto(self._nodes)
        self._sayable = {role: self._sayable_by(role) for role in get_args(Role)}
        self._of_act: dict[str, list[str]] = {}
        for node in self._nodes:
            if node.match.act:
                self._of_act.setdefault(node.match.act, []).append(node.path)
        self.targets = targets_of(tree, acts=bool(self._by_act))
        """The head's target of each node that can match, by path."""
        self.head = self._learned.head
        """The head that is at work: the one given, unless it was made for other vectors."""

    @property
    def encoder_id(self) -> str | None:
        """Names the encoder whose vectors are looked at, None without one."""
        return None if self._encoder is None else self._encoder.encoder_id

    @property
    def can_learn(self) -> bool:
        """Whether `turn_odds` can be read: it takes the encoder of the act model."""
        return self._learned.reader is not None

    def read(self, transcript: Transcript) -> CallReading:
        """A call prepared for `match`, and for whoever else looks at the same call."""
        return CallReading(transcript, self._encoder, self._learned.reader)

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
        places = FoundPlaces()
        for node in self._order:
            for item in seen.get(node.path, ()):
                hit = self._decide(node, item, places)
                if hit is not None:
                    hits.append(hit)
                    places.add(self._anchors[node.path], item.utterance)
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
        entries = [*self._examples.nearness(reading), *self._learned.nearness(reading)]
        best: dict[tuple[int, str], Nearness] = {}
        for entry in sorted(entries, key=lambda entry: entry.distance):
            best.setdefault((entry.utterance, entry.node), entry)
        return tuple(best.values())

    def expectation(self, path: str) -> Expectation | None:
        """The threshold of a node's examples and what to expect of them; None without any."""
        node = self.tree.node(path)
        return None if node is None else self._examples.expectation(node)

    def turn_odds(self, transcript: Transcript) -> list[TurnOdds]:
        """The turns of a call as the layers see them without the head; empty without an encoder.

        Raises:
            ValueError: the encoder is not the one that the act model was trained on.
        """
        if self._encoder is None:
            return []
        reader = self._learned.reader
        if reader is None:
            raise ValueError("turns can only be read with the encoder of the act model")
        reading = self.read(transcript)
        said = self._read(reading)
        turns = reading.turns
        chances = reader.chances(turns)
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
            if node.path in said.examples:
                score, limit = said.examples[node.path].score, self._examples.limits[node.path]
                value = max(value, _log_odds(score) - _log_odds(limit))
            act = node.match.act
            if act is not None and node.path in self._by_act and act in chances:
                chance, limit = chances[act]
                value = max(value, _log_odds(chance) - _log_odds(limit))
            found.append((node.path, value))
        return found

    def _read(self, reading: CallReading) -> list[_Said]:
        """What each layer finds in each text; only of nodes that may be said there."""
        learned = self._learned.read(reading)
        examples = self._examples.candidates(reading)
        said = []
        for row, (utterance, text) in enumerate(reading.texts):
            chances = learned.chances.get(row)
            allowed = self._allowed(utterance, reading.transcript)
            exact = self._veto.exact(self._exact.match(text, allowed), text, chances)
            kept = self._believed(examples[row], allowed, chances)
            shifts = learned.shifts.get(row, {})
            said.append(_Said(utterance, text, allowed, exact, kept, learned.places[row], shifts))
        return said

    def _believed(
        self,
        found: Mapping[str, ExampleMatch],
        allowed: frozenset[str],
        chances: Floats | None,
    ) -> Mapping[str, ExampleMatch]:
        """The examples that stand: in unlikely nodes those that were said word for word."""
        if not found:
            return found
        unlikely = self._veto.unlikely(found, chances)
        return {
            path: best
            for path, best in found.items()
            if path in allowed and (best.verbatim or path not in unlikely)
        }

    def _sayable_by(self, role: Role) -> tuple[frozenset[str], list[EventNode]]:
        """Paths of the nodes that a role may say anywhere, and the nodes whose scope limits it."""
        nodes = [node for node in self._nodes if may_say(node.role, role)]
        free = frozenset(node.path for node in nodes if node.scope is None)
        return free, [node for node in nodes if node.scope is not None]

    def _allowed(self, utterance: Utterance, transcript: Transcript) -> frozenset[str]:
        """Paths of the nodes that may be said in an utterance, anchors aside."""
        free, scoped = self._sayable[utterance.role]
        inside = [node.path for node in scoped if in_scope(node.scope, utterance, transcript)]
        return free.union(inside) if inside else free

    def _seen(self, said: list[_Said]) -> dict[str, list[_Said]]:
        """By node the utterances in which some layer may find it, in order."""
        if self.head is not None:  # What it learned may be where no layer sees anything.
            return {node.path: said for node in self._nodes}
        found: dict[str, list[_Said]] = {}
        for item in said:
            paths = {*item.exact, *item.examples}
            paths.update(path for act in item.acts for path in self._of_act.get(act, ()))
            for path in paths:
                found.setdefault(path, []).append(item)
        return found

    def _decide(self, node: EventNode, said: _Said, places: FoundPlaces) -> EventHit | None:
        shift = said.shifts.get(self.targets[node.path], 0.0)
        exact = said.exact.get(node.path) if EXACT_ODDS + shift >= 0 else None
        example = said.examples.get(node.path)
        if example is None and shift > 0 and node.path in said.allowed:
            # What no layer saw has no place of its own; the head can still have learned it.
            example = ExampleMatch(_BARELY, 0, len(said.text.normalised))
        act = said.acts.get(node.match.act) if node.match.act else None
        if exact is None and example is None and act is None:
            return None
        if not places.allow(node, said.utterance):
            return None
        if exact is not None:
            return self._hit(node, said, exact.layer, exact.form, 1.0, exact.start, exact.end)
        if act is not None:
            return self._hit(node, said, "learned", "normalised", act.chance, act.start, act.end)
        return self._by_example(node, said, example, places) if example else None

    def _by_example(
        self, node: EventNode, said: _Said, example: ExampleMatch, places: FoundPlaces
    ) -> EventHit | None:
        score = _shifted(example.score, said.shifts.get(self.targets[node.path], 0.0))
        context = node.context if node.path not in self._by_act else None
        if context is not None and places.precede(context.after, said.utterance):
            score = min(1.0, max(0.0, score + context.bonus))
        if score < self._examples.limits[node.path]:
            return None
        return self._hit(node, said, "semantic", "normalised", score, example.start, example.end)

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


def _log_odds(chance: float) -> float:
    return float(logits(np.float32(chance)))


def _shifted(score: float, shift: float) -> float:
    """A score with its log odds moved."""
    return score if shift == 0.0 else float(1.0 / (1.0 + np.exp(-(_log_odds(score) + shift))))
