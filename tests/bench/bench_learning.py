"""Learning curve: simulated reviewers correct an author's calls; F1 on the rest of that author.

Run `python tests/bench/bench_learning.py --author h [--base FILE] [--corrections 20,50,...]`.
The base model must not know the author: without `--base` one is trained on everybody else's
dialogues first (minutes) and written to `--base-out`. A simulated reviewer goes through the
author's calls, judges every hit, names half of what was missed, and errs in one verdict of
twenty (`--noticed`, `--error-rate`). `cross-validated` is what the product itself would show
before the head is accepted.
"""

import argparse
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.transcript import Transcript
from core.errors import AppError
from core.settings import NlpSettings
from events.acts import model as act_model
from events.acts import stacking, training
from events.acts.corpus import Dialogue, load_corpus
from events.acts.features import Floats
from events.acts.labels import ACTS
from events.document import load_pack
from events.learning.fitting import Ratios
from events.learning.guard import as_transcript, guard_turns
from events.learning.head import Head, act_target
from events.learning.teaching import CorrectedCall, Verdict, teach
from events.matching import TreeMatcher, TurnOdds
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.vectors import CachedEncoder

CORPUS = Path(__file__).parents[2] / "events" / "acts" / "corpus"
WORKED = 0.6


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
    arguments = parser.parse_args()
    encoder = CachedEncoder(load_encoder(NlpSettings()))
    corpus = load_corpus(CORPUS)
    if arguments.base != "shipped":
        path = Path(arguments.base) if arguments.base else arguments.base_out
        if not arguments.base:
            train_without(corpus, arguments.author, encoder, path)
        with path.open("rb") as file:
            stored = np.load(io.BytesIO(file.read()), allow_pickle=False)
        base = act_model.unpack({name: stored[name] for name in stored.files})
        act_model.ActModel.load = classmethod(lambda cls: base)  # type: ignore[method-assign, assignment]
    own = [dialogue for dialogue in corpus if dialogue.author == arguments.author]
    matcher = RememberingMatcher(load_pack(arguments.tree), encoder)
    print(
        "seed  corrections  labels  F1 before  F1 after  precision  recall  cross-validated  guard"
    )
    reviewer = Reviewer(arguments.error_rate, arguments.noticed)
    for seed in range(arguments.seeds):
        sizes = [int(size) for size in arguments.corrections.split(",")]
        for row in curve(own, matcher, sizes, seed, reviewer):
            print(row, flush=True)


def curve(
    own: Sequence[Dialogue],
    matcher: TreeMatcher,
    sizes: Sequence[int],
    seed: int,
    reviewer: Reviewer,
) -> Iterator[str]:
    """One line for each number of corrections."""
    order = list(own)
    random.Random(seed).shuffle(order)
    cut = int(len(order) * WORKED)
    worked, rest = order[:cut], order[cut:]
    given = list(review(worked, matcher, seed, reviewer))
    guard = guard_turns(matcher)
    before = score(rest, matcher, None)
    for size in sizes:
        calls = corrected(worked, given[:size])
        try:
            taught = teach(matcher, calls, "bench#1", guard)
        except AppError as error:
            yield f"{seed:4}  {min(size, len(given)):11}  {error.message}"
            continue
        after = score(rest, matcher, taught.head)
        tested, held = taught.figures["corrections"], taught.figures["guard"]
        yield (
            f"{seed:4}  {min(size, len(given)):11}  {taught.labels:6}  {before.f1:9.3f}"
            f"  {after.f1:8.3f}  {after.precision or 0:9.3f}  {after.recall or 0:6.3f}"
            f"  {tested['before']['f1']:.3f} -> {tested['after']['f1']:.3f}"
            f"  {held['before']['f1']:.3f} -> {held['after']['f1']:.3f}"
            f"  {'offered' if taught.improves else 'rejected'}"
        )


def review(
    dialogues: Sequence[Dialogue], matcher: TreeMatcher, seed: int, reviewer: Reviewer
) -> Iterator[Given]:
    """Verdicts in the order in which a reviewer gives them."""
    chance = random.Random(seed + 1)
    nodes = {node.match.act: node for node in matcher.tree.walk() if node.match.act}
    acts = {node.path: act for act, node in nodes.items() if act}
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
                    nodes[act].role == turn.role and chance.random() < reviewer.error_rate / 100
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


def score(dialogues: Sequence[Dialogue], matcher: TreeMatcher, head: Head | None) -> Ratios:
    """Micro counts of the acts that the tree's nodes name, turn by turn."""
    linked = {act_target(act) for act in ACTS} & set(matcher.targets.values())
    total = Ratios()
    for dialogue in dialogues:
        turns = matcher.turn_odds(as_transcript(dialogue))
        shifts = np.zeros((len(turns), 0)) if head is None else _shifts(head, turns)
        names = () if head is None else head.targets
        for turn, shift in zip(turns, shifts, strict=True):
            moved = dict(zip(names, shift.tolist(), strict=True))
            found = {name for name, odds in turn.odds.items() if odds + moved.get(name, 0) >= 0}
            labels = [dialogue.turns[at].labels for at in turn.utterances]
            said = {act_target(label) for label in frozenset[str]().union(*labels)} & linked
            found &= linked
            total = total.plus(
                Ratios(right=len(found & said), wrong=len(found - said), missed=len(said - found))
            )
    return total


def _shifts(head: Head, turns: Sequence[TurnOdds]) -> Floats:
    return head.shifts_of([turn.features for turn in turns])


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
