"""Nodes of users, simulated: built-in acts one by one without their act, with a few examples.

Run `python tests/bench/bench_user_nodes.py [--authors d,h,b,i] [--every 4] [--calls 60] [--fit]`;
all acts take a few minutes of CPU. For each act the general pack's node loses its act and its
examples and gets 1 to 20 random turns of one author; the calls of all other authors are read with
it. Nothing knows the act: it is struck from what the act model thinks, and what the model thinks of
a turn or an example comes from a fit without their author.

Printed are means over the nodes: F1 of the examples' layer with the automatic threshold, and with
the best one afterwards (oracle); precision and recall of the automatic threshold and what it
expected; how many nodes are in the ranges that were told. `--plain` leaves name and description
out. `--fit` prints the curve that these nodes give; the one in `events.nodes.thresholds` comes from
it, and is tested here on the acts that it was fitted on: `--fit` also prints how it does on acts
left out.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr.transcript import Role
from core.settings import NlpSettings
from events.acts import stacking, training
from events.acts.corpus import Dialogue, load_corpus
from events.acts.features import Floats, Turn
from events.acts.labels import ACTS, LABELS, act_role, labels_of
from events.acts.model import ActModel
from events.document import load_pack
from events.nodes import thresholds
from events.nodes.thresholds import Curve, Expectation, best_threshold, curve_features
from events.semantic import Doubles, SemanticModel
from events.tree import EventNode, EventTree, Matchers
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.vectors import CachedEncoder

CORPUS = Path(__file__).parents[2] / "events" / "acts" / "corpus"
SIZES = (1, 2, 3, 5, 10, 20)
LONGEST = 40
FOLDS = 5


class StruckModel(ActModel):
    """An act model that knows nothing of one act."""

    struck = ""

    def piece_chances(self, role: Role, turns: Sequence[Turn], vectors: Floats) -> Floats:
        """As of any model, nothing for the act struck out."""
        return without(super().piece_chances(role, turns, vectors), self.struck)


def model_without(
    data: training.TurnSet, stages: Sequence[stacking.Stacked], author: str, encoder: str
) -> StruckModel:
    """The model of everybody's turns but the author's; only its first stage is asked."""
    names = np.array([dialogue.author for dialogue in data.dialogues])
    heads = {}
    for stage in stages:
        fitted = stage.fitted
        out = np.flatnonzero(names[data.rows(fitted.role)] == author)
        block = fitted.inverse[np.ix_(out, out)].astype(np.float64)
        gone = np.linalg.solve(block, fitted.weights[out]).astype(np.float32)
        weights = fitted.weights - fitted.inverse[:, out] @ gone
        weights[out] = 0.0
        changed = replace(stage, fitted=replace(fitted, weights=weights))
        heads[fitted.role] = stacking.role_head(data, changed)
    return StruckModel(encoder, f"without-{author}", data.basis, data.known, data.idf, heads)


@dataclass(frozen=True, slots=True)
class Heard:
    """The turns of one side of the calls to read.

    `segments` are rows of `texts` and `vectors`; `chances` are those of a model without the author.
    """

    authors: tuple[str, ...]
    labels: tuple[frozenset[str], ...]
    segments: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    vectors: Floats
    chances: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """Margins and truths of one simulated node, and what is known of it."""

    act: str
    size: int
    margins: Doubles
    said: np.ndarray
    left_out: Doubles
    ordinary: Doubles

    def judged(self, curve: Curve) -> tuple[Doubles, Expectation]:
        """Scores of the turns by a curve, and what it would expect."""
        slope, offset = thresholds.node_curve(self.left_out, self.ordinary, curve)
        ordinary = sigmoid(self.ordinary * slope + offset)
        return sigmoid(self.margins * slope + offset), best_threshold(ordinary, self.size)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authors", default="d,h,b,i")
    parser.add_argument("--every", type=int, default=1, help="only every n-th act")
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--plain", action="store_true", help="without name and description")
    parser.add_argument("--fit", action="store_true", help="fit the curve anew")
    arguments = parser.parse_args()
    encoder = CachedEncoder(load_encoder(NlpSettings()), max_items=200_000)
    authors = arguments.authors.split(",")
    found = list(outcomes(encoder, authors, arguments.calls, arguments.every, arguments.plain))
    print_table(found, [thresholds.CURVE] * len(found))
    if arguments.fit:
        fold = {act: at % FOLDS for at, act in enumerate(ACTS)}
        curves = [
            fit_curve([item for item in found if fold[item.act] != number])
            for number in range(FOLDS)
        ]
        print(f"\nfitted: {fit_curve(found)}\non acts left out:")
        print_table(found, [curves[fold[item.act]] for item in found])


def outcomes(
    encoder: SentenceEncoder, authors: Sequence[str], calls: int, every: int, plain: bool
) -> Iterator[Outcome]:
    """Every simulated node."""
    corpus = load_corpus(CORPUS)
    data = training.read_corpus(corpus, encoder)
    groups = [dialogue.author for dialogue in data.dialogues]
    sides: tuple[Role, ...] = ("agent", "customer")
    stages = stacking.stack(data, [training.fit(data, role) for role in sides], groups)
    shuffled = sorted(corpus, key=lambda dialogue: random.Random(dialogue.name).random())
    names = {dialogue.name for dialogue in shuffled[:calls]}
    heard = {
        stage.fitted.role: read(data, stage.fitted.role, stage.first.written, names, encoder)
        for stage in stages
    }
    models = {author: model_without(data, stages, author, encoder.encoder_id) for author in authors}
    for act in ACTS[::every]:
        for author in authors:
            for size in SIZES:
                examples = pick(corpus, act, author, size)
                if examples:
                    model = models[author]
                    model.struck = act
                    tree, node = hidden(load_pack("电销通用"), act, examples, plain)
                    side = heard[act_role(act)]
                    outcome = simulate(act, author, tree, node, side, encoder, model)
                    if outcome.said.any():
                        yield outcome


def read(
    data: training.TurnSet, role: Role, chances: Floats, names: set[str], encoder: SentenceEncoder
) -> Heard:
    """The turns of one side, with the vectors of their segments."""
    own = data.rows(role)
    kept = [at for at, row in enumerate(own) if data.dialogues[row].name in names]
    rows = own[kept]
    cut = [data.turns[row].segment_texts for row in rows]
    texts = {text: at for at, text in enumerate(dict.fromkeys(x for part in cut for x in part))}
    thought = np.zeros((len(rows), len(LABELS)), dtype=np.float32)
    thought[:, [LABELS.index(label) for label in labels_of(role)]] = chances[kept]
    return Heard(
        tuple(data.dialogues[row].author for row in rows),
        tuple(data.labels[row] for row in rows),
        tuple(tuple(texts[text] for text in part) for part in cut),
        tuple(texts),
        encoder.encode(list(texts)),
        thought,
    )


def pick(corpus: Sequence[Dialogue], act: str, author: str, size: int) -> tuple[str, ...]:
    """Turns of an author that carry this act alone; none when there are too few."""
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
    act: str,
    author: str,
    tree: EventTree,
    node: EventNode,
    heard: Heard,
    encoder: SentenceEncoder,
    model: StruckModel,
) -> Outcome:
    """One node made of examples, read over the calls of the other authors."""
    decided = {other.path for other in tree.walk() if other.match.act}
    fitted = SemanticModel(tree, act_role(act), encoder, decided, model)
    column = fitted.paths.index(node.path)
    margins = fitted.margins(list(heard.texts), heard.vectors)[:, column]
    added = fitted.turn_margins(without(heard.chances, act))[:, column]
    others = [at for at, name in enumerate(heard.authors) if name != author]
    best = [max(margins[i] for i in heard.segments[at]) + added[at] for at in others]
    left_out, ordinary = fitted.known_of(node.path)
    said = np.array([act in heard.labels[at] for at in others])
    return Outcome(act, len(node.match.examples), np.array(best), said, left_out, ordinary)


def hidden(
    tree: EventTree, act: str, examples: tuple[str, ...], plain: bool
) -> tuple[EventTree, EventNode]:
    """The tree with the act's node made by a user, who does not know the act."""
    made: list[EventNode] = []

    def change(node: EventNode) -> EventNode:
        children = tuple(change(child) for child in node.children)
        if node.match.act != act:
            return replace(node, children=children)
        told = "" if plain else node.description
        made.append(replace(node, description=told, match=Matchers(examples=examples)))
        return made[-1]

    changed = replace(tree, nodes=tuple(change(node) for node in tree.nodes))
    return changed, made[0]


def without(chances: Floats, act: str) -> Floats:
    """Chances with one act struck out."""
    if not act:
        return chances
    kept = chances.copy()
    kept[:, LABELS.index(act)] = 0.0
    return kept


def print_table(found: Sequence[Outcome], curves: Sequence[Curve]) -> None:
    """Means over the nodes, by number of examples."""
    print("examples  nodes  automatic  oracle  threshold  precision (expected, in range)"
          "  recall (expected, in range)")  # fmt: skip
    for size in SIZES:
        rows = [judge(*pair) for pair in zip(found, curves, strict=True) if pair[0].size == size]
        if rows:
            f1, oracle, limit, p, wanted_p, p_in, r, wanted_r, r_in = np.mean(rows, axis=0)
            print(
                f"{size:8}  {len(rows):5}  {f1:9.3f}  {oracle:6.3f}  {limit:9.3f}"
                f"  {p:9.3f} ({wanted_p:.3f}, {p_in:.2f})          "
                f"  {r:6.3f} ({wanted_r:.3f}, {r_in:.2f})",
                flush=True,
            )


def judge(item: Outcome, curve: Curve) -> tuple[float, ...]:
    """The figures of one node."""
    scores, wanted = item.judged(curve)
    precision, recall, f1 = ratios(scores >= wanted.threshold, item.said)
    limits = np.quantile(scores, np.linspace(0.5, 0.9999, 100))
    oracle = max(ratios(scores >= limit, item.said)[2] for limit in limits)
    told = []
    for real, value, around in (
        (precision, wanted.precision, wanted.precision_range),
        (recall, wanted.recall, wanted.recall_range),
    ):
        inside = around is not None and around[0] <= real <= around[1]
        told += [real, np.nan if value is None else value, float(inside)]
    return f1, oracle, wanted.threshold, *told


def fit_curve(found: Sequence[Outcome]) -> Curve:
    """The logistic regression of what was said on what is known, every node counting alike."""
    rows = np.concatenate([curve_features(i.margins, i.left_out, i.ordinary) for i in found])
    said = np.concatenate([item.said for item in found]).astype(float)
    weights = np.concatenate([np.full(len(item.said), 1e3 / len(item.said)) for item in found])
    curve = np.zeros(rows.shape[1])
    for _ in range(40):
        chance = sigmoid(rows @ curve)
        gradient = rows.T @ (weights * (chance - said)) + 1e-3 * curve
        hessian = (rows * (weights * chance * (1 - chance))[:, None]).T @ rows
        curve = curve - np.linalg.solve(hessian + 1e-3 * np.eye(len(curve)), gradient)
    return Curve(*(round(float(value), 2) for value in curve))


def sigmoid(values: Doubles) -> Doubles:
    """The logistic function."""
    found: Doubles = 1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0)))
    return found


def ratios(hit: np.ndarray, said: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    right = int((hit & said).sum())
    precision, recall = right / max(int(hit.sum()), 1), right / max(int(said.sum()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
