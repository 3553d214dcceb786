"""Nodes of users, simulated: built-in acts one by one without their act, with a few examples.

Run `python tests/bench/bench_user_nodes.py [--authors d,h] [--every 4] [--calls 60]`; all acts
take a minute or two. For each act the general pack's node loses its act and its examples and gets
3, 5 or 10 random turns of one author; the calls of all other authors are read with it. Printed
are means over the nodes: F1 of the examples' layer with the automatic threshold, with a fixed one
of 0.6, and with the best one afterwards (oracle); precision and recall of the automatic threshold
and what it expected; and how often the hidden act is the one suggested (by a model that was
trained on these turns, so too often).
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr.transcript import Role
from core.settings import NlpSettings
from events.acts.corpus import Dialogue, load_corpus
from events.acts.features import Floats, read_turn
from events.acts.labels import ACTS, act_role
from events.acts.model import ActModel
from events.document import load_pack
from events.nodes.suggestions import suggest_act
from events.nodes.thresholds import Expectation
from events.semantic import SemanticModel
from events.tree import EventNode, EventTree, Matchers
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.normalise import forms
from nlp.vectors import CachedEncoder

CORPUS = Path(__file__).parents[2] / "events" / "acts" / "corpus"
SIZES = (3, 5, 10)
FIXED = 0.6
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Heard:
    """The turns of one side of the calls to read: their authors, labels and segments."""

    authors: tuple[str, ...]
    labels: tuple[frozenset[str], ...]
    segments: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    vectors: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """Scores and truths of one simulated node, what was expected of it, and the suggestion."""

    scores: Floats
    said: np.ndarray
    expected: Expectation
    suggested: bool


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authors", default="d,h")
    parser.add_argument("--every", type=int, default=1, help="only every n-th act")
    parser.add_argument("--calls", type=int, default=60)
    arguments = parser.parse_args()
    encoder = CachedEncoder(load_encoder(NlpSettings()), max_items=200_000)
    corpus = load_corpus(CORPUS)
    chosen = sorted(corpus, key=lambda d: random.Random(d.name).random())
    heard = {role: read(chosen[: arguments.calls], role, encoder) for role in ("agent", "customer")}
    outcomes: dict[int, list[Outcome]] = {size: [] for size in SIZES}
    for act in ACTS[:: arguments.every]:
        for author in arguments.authors.split(","):
            for size in SIZES:
                examples = pick(corpus, act, author, size)
                if len(examples) == size:
                    found = simulate(act, author, examples, heard[act_role(act)], encoder)
                    outcomes[size].append(found)
    print("examples  nodes  automatic  fixed 0.6  oracle  precision (expected)  recall (expected)"
          "  suggested")  # fmt: skip
    for size, rows in outcomes.items():
        print(row(size, rows), flush=True)


def read(dialogues: Sequence[Dialogue], role: Role, encoder: SentenceEncoder) -> Heard:
    """The turns of one side, with the vectors of their segments."""
    turns = [(d.author, t) for d in dialogues for t in d.turns if t.role == role]
    cut = [read_turn(role, [forms(turn.text)]).segment_texts for _, turn in turns]
    texts = {text: at for at, text in enumerate(dict.fromkeys(x for part in cut for x in part))}
    return Heard(
        tuple(author for author, _ in turns),
        tuple(turn.labels for _, turn in turns),
        tuple(tuple(texts[text] for text in part) for part in cut),
        tuple(texts),
        encoder.encode(list(texts)),
    )


def pick(corpus: Sequence[Dialogue], act: str, author: str, size: int) -> tuple[str, ...]:
    """Turns of an author that carry this act alone."""
    known = [
        turn.text
        for dialogue in corpus
        if dialogue.author == author
        for turn in dialogue.turns
        if turn.labels == {act} and len(turn.text) <= LONGEST
    ]
    chance = random.Random(f"{act}{author}{size}")
    return tuple(chance.sample(known, size)) if len(known) >= size else ()


def simulate(
    act: str, author: str, examples: tuple[str, ...], heard: Heard, encoder: SentenceEncoder
) -> Outcome:
    """One node made of examples, read over the calls of the other authors."""
    tree, node = hidden(load_pack("电销通用"), act, examples)
    model = SemanticModel(tree, act_role(act), encoder)
    column = model.paths.index(node.path)
    scores = model.scores(list(heard.texts), heard.vectors)[:, column]
    others = [at for at, name in enumerate(heard.authors) if name != author]
    best = [max(scores[i] for i in heard.segments[at]) for at in others]
    suggestion = suggest_act(node, encoder, ActModel.load())
    return Outcome(
        np.array(best, np.float32),
        np.array([act in heard.labels[at] for at in others]),
        model.expectation(node.path, None),
        suggestion is not None and suggestion.act == act,
    )


def hidden(tree: EventTree, act: str, examples: tuple[str, ...]) -> tuple[EventTree, EventNode]:
    """The tree with the act's node made by a user, who knows neither the act nor its name."""
    made: list[EventNode] = []

    def change(node: EventNode) -> EventNode:
        children = tuple(change(child) for child in node.children)
        if node.match.act != act:
            return replace(node, children=children)
        made.append(replace(node, name="自建", description="", match=Matchers(examples=examples)))
        return made[-1]

    changed = replace(tree, nodes=tuple(change(node) for node in tree.nodes))
    return changed, made[0]


def row(size: int, found: Sequence[Outcome]) -> str:
    """One line of the table: means over the nodes."""
    limits = [item.expected.threshold for item in found]
    automatic = [ratios(item, limit) for item, limit in zip(found, limits, strict=True)]
    fixed = [ratios(item, FIXED)[2] for item in found]
    oracle = [
        max(ratios(item, float(limit))[2] for limit in np.quantile(item.scores, _QUANTILES))
        for item in found
    ]
    expected = [(item.expected.precision, item.expected.recall) for item in found]
    p, r, f1 = np.mean(automatic, axis=0)
    wanted_p, wanted_r = np.mean(expected, axis=0)
    return (
        f"{size:8}  {len(found):5}  {f1:9.3f}  {np.mean(fixed):9.3f}  {np.mean(oracle):6.3f}"
        f"  {p:9.3f} ({wanted_p:.3f})      {r:6.3f} ({wanted_r:.3f})"
        f"  {np.mean([item.suggested for item in found]):9.2f}"
    )


_QUANTILES = np.linspace(0.5, 0.9999, 100)


def ratios(item: Outcome, limit: float) -> tuple[float, float, float]:
    """Precision, recall and F1 at a threshold; 0 where there is nothing to divide by."""
    hit = item.scores >= limit
    right = int((hit & item.said).sum())
    precision, recall = right / max(int(hit.sum()), 1), right / max(int(item.said.sum()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
