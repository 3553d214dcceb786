"""Learning curve: simulated reviewers correct an author's calls; F1 on the rest of that author.

Run `python tests/bench/bench_learning.py --author h [--base FILE] [--corrections 20,50,...]`.
The base model must not know the author: without `--base` one is trained on everybody else's
dialogues first (minutes) and written to `--base-out`. A simulated reviewer goes through the
author's calls, judges every hit, names half of what was missed, and errs in one verdict of
twenty (`--noticed`, `--error-rate`). `cross-validated` is what the product itself would show
before the head is accepted.

With `--own 8` every n-th act is played by a node of a user's own: it has five examples of another
author and no act, the model's chances of the act are struck out, and only these nodes are
corrected and counted. `--ceiling` prints what there is to gain for the built-in acts: F1 of the
model's first stage on the author's dialogues when it has seen none of the author's, and when it
has seen four fifths of them, every turn labelled.
"""

import argparse
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr.transcript import Role, Transcript
from core.errors import AppError
from core.settings import NlpSettings
from events.acts import model as act_model
from events.acts import stacking, training
from events.acts.corpus import Dialogue, load_corpus
from events.acts.features import Floats, Turn
from events.acts.labels import ACTS, LABELS, act_role
from events.document import load_pack
from events.learning.fitting import Ratios
from events.learning.guard import as_transcript, guard_turns
from events.learning.head import Head
from events.learning.teaching import CorrectedCall, Verdict, teach
from events.matching import TreeMatcher, TurnOdds
from events.tree import EventNode, EventTree, Matchers
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.vectors import CachedEncoder

CORPUS = Path(__file__).parents[2] / "events" / "acts" / "corpus"
WORKED = 0.6
EXAMPLES_BY = ("d", "h")
OWN_EXAMPLES = 5
LONGEST = 40
FOLDS = 5


class StruckModel(act_model.ActModel):
    """An act model that knows nothing of some acts."""

    struck: tuple[str, ...] = ()

    def predict(self, turns: Sequence[Turn], vectors: Sequence[Floats]) -> Floats:
        """As of any model, nothing for the acts struck out."""
        return self._strike(super().predict(turns, vectors))

    def piece_chances(self, role: Role, turns: Sequence[Turn], vectors: Floats) -> Floats:
        """As of any model, nothing for the acts struck out."""
        return self._strike(super().piece_chances(role, turns, vectors))

    def _strike(self, chances: Floats) -> Floats:
        chances[:, [LABELS.index(act) for act in self.struck]] = 0.0
        return chances


class RememberingMatcher(TreeMatcher):
    """A matcher that reads each dialogue once; what heads change is added to that."""

    def turn_odds(self, transcript: Transcript) -> list[TurnOdds]:
        """As of any matcher."""
        known = self.__dict__.setdefault("_known", {})
        key = tuple(utterance.text for utterance in transcript.utterances)
        if key not in known:
            known[key] = super().turn_odds(transcript)
        turns: list[TurnOdds] = known[key]
        return turns


@dataclass(frozen=True, slots=True)
class Given:
    """One verdict of the simulated reviewer."""

    call: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Reviewer:
    """How often a reviewer errs, and the share of missed events that are named."""

    error_rate: float
    noticed: float


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--author", default="h")
    parser.add_argument("--base", help="model file without the author; 'shipped' for the product's")
    parser.add_argument("--base-out", type=Path, default=Path("base-without-author.npz"))
    parser.add_argument("--tree", default="电销通用")
    parser.add_argument("--corrections", default="20,50,100,200,500")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--error-rate", type=float, default=0.05)
    parser.add_argument("--noticed", type=float, default=0.5)
    parser.add_argument("--own", type=int, default=0, help="every n-th act is a user's node")
    parser.add_argument("--ceiling", action="store_true", help="what there is to gain")
    arguments = parser.parse_args()
    encoder = CachedEncoder(load_encoder(NlpSettings()), max_items=200_000)
    corpus = load_corpus(CORPUS)
    if arguments.ceiling:
        print(ceiling(corpus, arguments.author, encoder))
        return
    if arguments.base != "shipped":
        path = Path(arguments.base) if arguments.base else arguments.base_out
        if not arguments.base:
            train_without(corpus, arguments.author, encoder, path)
        with path.open("rb") as file:
            stored = np.load(io.BytesIO(file.read()), allow_pickle=False)
        base = act_model.unpack({name: stored[name] for name in stored.files})
    else:
        base = act_model.ActModel.load()
    tree = load_pack(arguments.tree)
    meanings = {node.path: node.match.act for node in tree.walk() if node.match.act}
    if arguments.own:
        struck = tuple(act for act in ACTS if act in meanings.values())[:: arguments.own]
        tree = with_own_nodes(tree, corpus, struck, arguments.author)
        meanings = {path: act for path, act in meanings.items() if act in struck}
        base.__class__, base.struck = StruckModel, struck  # type: ignore[attr-defined]
    act_model.ActModel.load = classmethod(lambda cls: base)  # type: ignore[method-assign, assignment]
    own = [dialogue for dialogue in corpus if dialogue.author == arguments.author]
    matcher = RememberingMatcher(tree, encoder)
    print(
        "seed  corrections  labels  F1 before  F1 after  precision  recall  cross-validated  guard"
    )
    reviewer = Reviewer(arguments.error_rate, arguments.noticed)
    for seed in range(arguments.seeds):
        sizes = [int(size) for size in arguments.corrections.split(",")]
        for row in curve(own, matcher, meanings, sizes, seed, reviewer):
            print(row, flush=True)


def curve(
    own: Sequence[Dialogue],
    matcher: TreeMatcher,
    meanings: Mapping[str, str],
    sizes: Sequence[int],
    seed: int,
    reviewer: Reviewer,
) -> Iterator[str]:
    """One line for each number of corrections."""
    order = list(own)
    random.Random(seed).shuffle(order)
    cut = int(len(order) * WORKED)
    worked, rest = order[:cut], order[cut:]
    given = list(review(worked, matcher, meanings, seed, reviewer))
    guard = guard_turns(matcher)
    before = score(rest, matcher, meanings, None)
    for size in sizes:
        calls = corrected(worked, given[:size])
        try:
            taught = teach(matcher, calls, "bench#1", guard)
        except AppError as error:
            yield f"{seed:4}  {min(size, len(given)):11}  {error.message}"
            continue
        after = score(rest, matcher, meanings, taught.head)
        tested, held = taught.figures["corrections"], taught.figures["guard"]
        yield (
            f"{seed:4}  {min(size, len(given)):11}  {taught.labels:6}  {before.f1:9.3f}"
            f"  {after.f1:8.3f}  {after.precision or 0:9.3f}  {after.recall or 0:6.3f}"
            f"  {tested['before']['f1']:.3f} -> {tested['after']['f1']:.3f}"
            f"  {held['before']['f1']:.3f} -> {held['after']['f1']:.3f}"
            f"  {'offered' if taught.improves else 'rejected'}"
        )


def review(
    dialogues: Sequence[Dialogue],
    matcher: TreeMatcher,
    acts: Mapping[str, str],
    seed: int,
    reviewer: Reviewer,
) -> Iterator[Given]:
    """Verdicts in the order in which a reviewer gives them; `acts` are what nodes mean, by path."""
    chance = random.Random(seed + 1)
    for dialogue in dialogues:
        transcript = as_transcript(dialogue)
        hit = {(h.utterance, h.node) for h in matcher.match(transcript) if h.node in acts}
        for at, turn in enumerate(dialogue.turns):
            for path, act in acts.items():
                said = act in turn.labels
                if (at, path) in hit:
                    wrong = chance.random() < reviewer.error_rate
                    yield Given(dialogue.name, Verdict(at, path, said != wrong))
                elif (said and chance.random() < reviewer.noticed) or (
                    act_role(act) == turn.role and chance.random() < reviewer.error_rate / 100
                ):
                    yield Given(dialogue.name, Verdict(at, path, True))


def corrected(dialogues: Sequence[Dialogue], given: Sequence[Given]) -> list[CorrectedCall]:
    """The calls that have verdicts."""
    by_call: dict[str, list[Verdict]] = {}
    for item in given:
        by_call.setdefault(item.call, []).append(item.verdict)
    return [
        CorrectedCall(dialogue.name, as_transcript(dialogue), tuple(by_call[dialogue.name]))
        for dialogue in dialogues
        if dialogue.name in by_call
    ]


def score(
    dialogues: Sequence[Dialogue],
    matcher: TreeMatcher,
    meanings: Mapping[str, str],
    head: Head | None,
) -> Ratios:
    """Micro counts of the nodes that mean an act, turn by turn."""
    said_by = {act: matcher.targets[path] for path, act in meanings.items()}
    total = Ratios()
    for dialogue in dialogues:
        turns = matcher.turn_odds(as_transcript(dialogue))
        shifts = np.zeros((len(turns), 0)) if head is None else _shifts(head, turns)
        names = () if head is None else head.targets
        for turn, shift in zip(turns, shifts, strict=True):
            moved = dict(zip(names, shift.tolist(), strict=True))
            found = {name for name, odds in turn.odds.items() if odds + moved.get(name, 0) >= 0}
            labels = frozenset[str]().union(*(dialogue.turns[at].labels for at in turn.utterances))
            said = {said_by[label] for label in labels if label in said_by}
            found &= set(said_by.values())
            total = total.plus(
                Ratios(right=len(found & said), wrong=len(found - said), missed=len(said - found))
            )
    return total


def _shifts(head: Head, turns: Sequence[TurnOdds]) -> Floats:
    return head.shifts_of([turn.features for turn in turns])


def with_own_nodes(
    tree: EventTree, corpus: Sequence[Dialogue], acts: Sequence[str], author: str
) -> EventTree:
    """The tree with nodes of a user's own in place of those that name these acts."""

    def change(node: EventNode) -> EventNode:
        children = tuple(change(child) for child in node.children)
        if node.match.act not in acts:
            return replace(node, children=children)
        known = [
            turn.text
            for dialogue in corpus
            if dialogue.author == next(name for name in EXAMPLES_BY if name != author)
            for turn in dialogue.turns
            if turn.labels == {node.match.act} and len(turn.text) <= LONGEST
        ]
        examples = tuple(random.Random(node.path).sample(known, min(OWN_EXAMPLES, len(known))))
        return replace(node, children=children, match=Matchers(examples=examples))

    return replace(tree, nodes=tuple(change(node) for node in tree.nodes))


def ceiling(corpus: Sequence[Dialogue], author: str, encoder: SentenceEncoder) -> str:
    """F1 on the author's dialogues without and with the author's others in the fit."""
    data = training.read_corpus(corpus, encoder)
    groups = [dialogue.author for dialogue in data.dialogues]
    place = {dialogue.name: at for at, dialogue in enumerate(corpus)}
    parts = [f"{d.author}-{place[d.name] % FOLDS}" for d in data.dialogues]
    counts: dict[str, list[tuple[int, int, int]]] = {"without": [], "with": []}
    for role in ("agent", "customer"):
        fitted = training.fit(data, role)
        own = np.array([groups[row] == author for row in data.rows(role)])
        said = fitted.targets[own] > 0
        limits = training.choose_thresholds(
            training.held_out(data, fitted, groups).written[~own], fitted.targets[~own]
        )
        for name, split in (("without", groups), ("with", parts)):
            hit = training.held_out(data, fitted, split).written[own] >= limits
            counts[name].append(
                (int((hit & said).sum()), int((hit & ~said).sum()), int((said & ~hit).sum()))
            )
    told = []
    for name, found in counts.items():
        right, wrong, missed = np.sum(found, axis=0)
        told.append(
            f"{name} the author's other dialogues F1 {2 * right / (2 * right + wrong + missed):.3f}"
        )
    return f"author {author}: {'; '.join(told)}"


def train_without(
    corpus: Sequence[Dialogue], author: str, encoder: SentenceEncoder, path: Path
) -> None:
    """Write a model that has seen no dialogue of `author`."""
    rest = [dialogue for dialogue in corpus if dialogue.author != author]
    data = training.read_corpus(rest, encoder)
    groups = [dialogue.author for dialogue in data.dialogues]
    fits = [training.fit(data, role) for role in ("agent", "customer")]
    model = stacking.train(data, fits, groups, encoder.encoder_id, f"without-{author}")
    with path.open("wb") as file:
        np.savez_compressed(file, **act_model.pack(model))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
