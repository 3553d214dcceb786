"""What a choice of sentence encoder does to the recognition of events, on labelled calls."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli.evaluation.ground_truth import GroundTruth, reference_transcript
from cli.evaluation.run import LabelledCall, Reporter
from cli.evaluation.scores import Counts, add_counts, macro_f1, micro, ratios_json, rounded
from cli.evaluation.verdicts import event_counts
from events.matching import TreeMatcher
from events.places import may_say
from events.segments import segments, semantic_text
from events.tree import EventNode, EventTree, Matchers
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import forms

Floats = NDArray[np.float32]
NO_ENCODER = "none"


class ExamplesAlone:
    """An encoder under a name that the act model does not know, so that it has no say.

    What the act model thinks of a turn would tell nodes that are its own acts what they are.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self.encoder_id = f"alone:{encoder.encoder_id}"
        self.dim = encoder.dim

    def encode(self, texts: Sequence[str]) -> Floats:
        """The vectors of the encoder."""
        return self._encoder.encode(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderScores:
    """How the calls' events are recognised with one encoder, on the labelled text.

    `ranking` is the mean over nodes of the average precision with which turns are ranked by
    their best similarity to an example of the node: no threshold has a part in it. `examples`
    counts hits of the tree stripped to its example sentences, `whole` those of the tree as it
    is. `sentences_per_s` is measured on all different segments of the calls, after a warm-up.
    """

    name: str
    encoder_id: str
    dim: int
    load_seconds: float
    sentences: int
    sentences_per_s: float | None
    ranking: float | None
    examples: Mapping[str, Counts] = field(default_factory=dict)
    whole: Mapping[str, Counts] = field(default_factory=dict)


def compare_encoders(
    calls: Sequence[LabelledCall],
    load: Mapping[str, Callable[[], SentenceEncoder | None]],
    tree_for: Callable[[str], EventTree],
    reporter: Reporter,
) -> tuple[EncoderScores, ...]:
    """The scores of each encoder in the order of `load`; `tree_for` gives a domain's tree."""
    results = []
    for name, make in load.items():
        reporter.start(name)
        results.append(_scores(name, make, calls, tree_for, lambda s, n=name: reporter.share(n, s)))  # type: ignore[misc]
        reporter.finish(name)
    return tuple(results)


def encoders_json(results: Sequence[EncoderScores]) -> dict[str, Any]:
    """The comparison as `tingjian encoders compare --json` prints it; ratios in [0, 1]."""
    return {
        "encoders": [
            {
                "name": item.name,
                "encoder": item.encoder_id,
                "dim": item.dim,
                "load_seconds": round(item.load_seconds, 2),
                "sentences": item.sentences,
                "sentences_per_s": rounded(item.sentences_per_s, 1),
                "ranking_map": rounded(item.ranking),
                "examples_only": _ratios(item.examples),
                "whole_tree": _ratios(item.whole),
            }
            for item in results
        ]
    }


def average_precision(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """Mean precision at the rank of each positive, best score first; None without positives.

    Equal scores rank the negatives first, so that a constant score earns nothing.
    """
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], positive[i]))
    found, total = 0, 0.0
    for rank, index in enumerate(order, 1):
        if positive[index]:
            found += 1
            total += found / rank
    return total / found if found else None


def examples_only(tree: EventTree) -> EventTree:
    """The tree with nothing but example sentences to match by."""

    def stripped(node: EventNode) -> EventNode:
        match = Matchers(
            examples=node.match.examples,
            counter_examples=node.match.counter_examples,
            threshold=node.match.threshold,
        )
        return replace(node, match=match, children=tuple(map(stripped, node.children)))

    return replace(tree, nodes=tuple(map(stripped, tree.nodes)))


def _scores(
    name: str,
    make: Callable[[], SentenceEncoder | None],
    calls: Sequence[LabelledCall],
    tree_for: Callable[[str], EventTree],
    share: Callable[[float], None],
) -> EncoderScores:
    started = time.perf_counter()
    encoder = make()
    load_s = time.perf_counter() - started
    trees = {call.truth.domain: tree_for(call.truth.domain) for call in calls}
    whole = {domain: TreeMatcher(tree, encoder) for domain, tree in trees.items()}
    alone = None if encoder is None else ExamplesAlone(encoder)
    bare = {domain: TreeMatcher(examples_only(tree), alone) for domain, tree in trees.items()}
    examples: dict[str, Counts] = {}
    everything: dict[str, Counts] = {}
    for done, call in enumerate(calls, 1):
        written = reference_transcript(call.truth)
        for matcher, is_bare in ((bare, True), (whole, False)):
            hits = matcher[call.truth.domain].match(written)
            counts = event_counts(call.truth, written, hits, aligned=True)
            if is_bare:
                examples = add_counts(examples, counts)
            else:
                everything = add_counts(everything, counts)
        share(done / (len(calls) + 1))
    texts = _texts(calls)
    ranking, speed = None, None
    if encoder is not None:
        vectors, speed = _encoded(encoder, texts)
        ranking = _ranking(calls, trees, encoder, vectors)
    return EncoderScores(
        name=name,
        encoder_id=encoder.encoder_id if encoder else "",
        dim=encoder.dim if encoder else 0,
        load_seconds=load_s,
        sentences=len(texts),
        sentences_per_s=speed,
        ranking=ranking,
        examples=examples,
        whole=everything,
    )


def _segments(text: str) -> list[str]:
    heard = forms(text)
    return [semantic_text(heard.normalised[start:end]) for start, end in segments(heard)]


def _texts(calls: Sequence[LabelledCall]) -> list[str]:
    return list(
        dict.fromkeys(
            part for c in calls for turn in c.truth.turns for part in _segments(turn.text)
        )
    )


def _encoded(
    encoder: SentenceEncoder, texts: Sequence[str]
) -> tuple[dict[str, Floats], float | None]:
    encoder.encode(texts[:16])
    started = time.perf_counter()
    vectors = encoder.encode(texts)
    seconds = time.perf_counter() - started
    speed = len(texts) / seconds if seconds > 0 else None
    return dict(zip(texts, vectors, strict=True)), speed


def _ranking(
    calls: Sequence[LabelledCall],
    trees: Mapping[str, EventTree],
    encoder: SentenceEncoder,
    vectors: Mapping[str, Floats],
) -> float | None:
    """Mean average precision over (tree, node), of the nodes that have examples and labels."""
    values: list[float | None] = []
    for domain, tree in trees.items():
        truths = [call.truth for call in calls if call.truth.domain == domain]
        nodes = [node for node in tree.walk() if node.match.examples]
        values += [_node_precision(node, truths, encoder, vectors) for node in nodes]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _node_precision(
    node: EventNode,
    truths: Sequence[GroundTruth],
    encoder: SentenceEncoder,
    vectors: Mapping[str, Floats],
) -> float | None:
    examples = encoder.encode([semantic_text(forms(t).normalised) for t in node.match.examples])
    scores, positive = [], []
    for truth in truths:
        for turn in truth.turns:
            if may_say(node.role, turn.role):
                rows = np.array([vectors[part] for part in _segments(turn.text)])
                scores.append(float((rows @ examples.T).max()))
                positive.append(node.path in turn.events)
    return average_precision(scores, positive)


def _ratios(counts: Mapping[str, Counts]) -> dict[str, float | None]:
    return {**ratios_json(micro(counts)), "macro_f1": rounded(macro_f1(counts))}
