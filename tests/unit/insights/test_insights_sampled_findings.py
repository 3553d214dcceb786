"""Overlapping samples and parts of the calls: a verdict counts once, intervals stay honest."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.rule_accuracy import RuleAccuracy, Stratum, StratumCount, rule_accuracy
from insights.sampled_findings import DrawnCell, Frame, weighted_counts

Place = Callable[[float], bool]
"""Which findings: each lies somewhere in [0, 1), as calls lie in time."""


@dataclass(frozen=True)
class Finding:
    """Where it lies and whether the rule was truly broken."""

    at: float
    broken: bool


@dataclass(frozen=True)
class Sample:
    """So many hits and non-hits from the findings of a place, in the order of a seed."""

    frame: Place
    hits: int
    non_hits: int
    seed: str


def everything(at: float) -> bool:
    return True


def population(rng: random.Random) -> dict[Stratum, list[Finding]]:
    """Hits of precision 0.7 and non-hits of which few are broken; recall about 0.86."""
    return {
        "hit": [Finding(rng.random(), rng.random() < 0.7) for _ in range(1000)],
        "non_hit": [Finding(rng.random(), rng.random() < 0.012) for _ in range(9000)],
    }


def drawn(findings: list[Finding], sample: Sample, stratum: Stratum, seed: int) -> list[int]:
    frame = [at for at, finding in enumerate(findings) if sample.frame(finding.at)]
    wanted = sample.hits if stratum == "hit" else sample.non_hits
    # One order for each seed, as the draw does by hashing.
    order = random.Random(f"{seed}:{sample.seed}:{stratum}")
    keys = {at: order.random() for at in range(len(findings))}
    return sorted(frame, key=lambda at: keys[at])[:wanted]


def campaign(seed: int, samples: list[Sample], inside: Place) -> tuple[RuleAccuracy, float, float]:
    """The ledger's figures on the calls inside, and the true precision and recall there."""
    found = population(random.Random(seed))
    counts: list[StratumCount] = []
    for stratum, findings in found.items():
        frames, places = {}, set()
        for number, sample in enumerate(samples):
            chosen = drawn(findings, sample, stratum, seed)
            size = sum(sample.frame(finding.at) for finding in findings)
            frames[str(number)] = Frame(seed=sample.seed, population=size, drawn=len(chosen))
            places |= set(chosen)
        counts += weighted_counts(stratum, frames, cells(findings, places, samples, inside))
    true = sum(f.broken for f in found["hit"] if inside(f.at))
    missed = sum(f.broken for f in found["non_hit"] if inside(f.at))
    hits = sum(inside(f.at) for f in found["hit"])
    return rule_accuracy(counts), true / hits, true / (true + missed)


def cells(
    findings: list[Finding], places: set[int], samples: list[Sample], inside: Place
) -> list[DrawnCell]:
    """The drawn findings by the frames that they lie in, all of them judged without error."""
    groups: dict[frozenset[str], list[Finding]] = defaultdict(list)
    for at in places:
        lies_in = (str(n) for n, sample in enumerate(samples) if sample.frame(findings[at].at))
        groups[frozenset(lies_in)].append(findings[at])
    return [
        DrawnCell(
            frames=frames,
            drawn=len(group),
            drawn_inside=len(counted := [f for f in group if inside(f.at)]),
            judged=len(counted),
            positive=sum(f.broken for f in counted),
        )
        for frames, group in groups.items()
    ]


HALVES = [
    Sample(lambda at: at < 0.6, 80, 240, "a"),
    Sample(lambda at: at > 0.4, 60, 240, "b"),
]
CAMPAIGNS = {
    "one sample": ([Sample(everything, 80, 240, "a")], everything),
    "two of the same period": (
        [Sample(everything, 80, 240, "a"), Sample(everything, 80, 240, "b")], everything,
    ),
    "the same seed twice": (
        [Sample(everything, 80, 240, "a"), Sample(everything, 60, 180, "a")], everything,
    ),
    "periods that overlap": (HALVES, everything),
    "overlapping and nearly all judged": (
        [
            Sample(lambda at: at < 0.6, 500, 2500, "a"),
            Sample(lambda at: at > 0.4, 400, 2000, "b"),
        ],
        everything,
    ),
    "one team of one sample": ([Sample(everything, 120, 400, "a")], lambda at: at < 0.3),
    "one team of overlapping samples": (HALVES, lambda at: at < 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_the_intervals_hold_the_truth(name: str) -> None:
    samples, inside = CAMPAIGNS[name]
    rounds = 60
    held = {"precision": 0, "recall": 0}
    for seed in range(rounds):
        accuracy, precision, recall = campaign(seed, samples, inside)
        for kind, truth in (("precision", precision), ("recall", recall)):
            estimate = getattr(accuracy, kind)
            assert estimate is not None
            held[kind] += estimate.low <= truth <= estimate.high
    # 95 % of 60 are 57; 52 or fewer come by chance once in about fifty.
    assert min(held.values()) >= 53, held


def test_one_seed_twice_is_one_sample() -> None:
    same = [Sample(everything, 80, 240, "a")]
    once, _, _ = campaign(1, same, everything)
    twice, _, _ = campaign(1, same * 2, everything)
    assert once.precision is not None
    assert twice.precision is not None
    assert twice.precision == once.precision, "no verdict tells more by being counted twice"


def test_two_seeds_tell_more_than_one_and_each_finding_once() -> None:
    both = [Sample(everything, 80, 240, "a"), Sample(everything, 80, 240, "b")]
    alone, _, _ = campaign(1, both[:1], everything)
    together, _, _ = campaign(1, both, everything)
    assert alone.precision is not None
    assert together.precision is not None
    assert 80 < together.precision.judged < 160, "some findings were drawn by both"
    assert together.precision.effective == pytest.approx(together.precision.judged)


def test_a_frame_inside_another_leaves_the_rest_its_own_size() -> None:
    frames = {
        "all": Frame(seed="a", population=1000, drawn=100),
        "part": Frame(seed="b", population=400, drawn=100),
    }
    found = weighted_counts(
        "hit",
        frames,
        [
            DrawnCell(frames=frozenset({"all", "part"}), drawn=131, drawn_inside=131, judged=131,
                      positive=60),
            DrawnCell(frames=frozenset({"all"}), drawn=57, drawn_inside=57, judged=57, positive=30),
        ],
    )  # fmt: skip
    assert [count.population for count in found] == pytest.approx([400, 600])


@given(st.integers(1, 500), st.data())
def test_one_sample_gives_its_own_population(size: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, size))
    inside = data.draw(st.integers(1, n))
    judged = data.draw(st.integers(0, inside))
    (count,) = weighted_counts(
        "hit",
        {"s": Frame(seed="x", population=size, drawn=n)},
        [DrawnCell(frames=frozenset({"s"}), drawn=n, drawn_inside=inside, judged=judged,
                   positive=judged)],
    )  # fmt: skip
    assert count.population == pytest.approx(size * inside / n)
    assert (count.population_variance == 0) == (inside == n)
