"""Does the accuracy ledger find the truth? A simulated review campaign, over and over.

Run `python tests/bench/bench_review_campaign.py [--calls DIR] [--error 0.05] [--json]`.

DIR holds labelled calls as for `tingjian evaluate`. Their written text is analysed by the shipped
rules, which gives for every violation rule what the machine says and what is true; these calls,
repeated, are the population. A campaign draws hits and non-hits of each rule at random, lets
reviewers judge them who are wrong at the given rate, lets three of them calibrate blindly on other
findings, and asks the ledger's estimator. Printed is how often its 95 % intervals hold the true
precision and recall of the population, with verdicts taken for the truth and with the reviewers'
error taken out. Two made-up rules with rare and common violations stand beside the real ones.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.evaluation.ground_truth import reference_transcript
from cli.evaluation.run import find_labelled
from cli.evaluation.verdicts import violation_names
from cli.packs import Analyzers
from core.settings import Settings
from insights.reviewer_error import ReviewerError, reviewer_error
from insights.rule_accuracy import Estimate, StratumCount, rule_accuracy

DEFAULT = Path(__file__).parents[2] / "fixtures" / "audio"
COPIES = 1500
KINDS = ("precision", "recall", "corrected_precision", "corrected_recall")


@dataclass(frozen=True)
class Population:
    """One rule over many calls: true and false hits, misses, and true non-hits."""

    name: str
    true_hits: int
    false_hits: int
    misses: int
    rest: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=Path, default=DEFAULT)
    parser.add_argument("--error", type=float, default=0.05, help="chance that a verdict is wrong")
    parser.add_argument("--hits", type=int, default=150, help="hits judged for each rule")
    parser.add_argument("--non-hits", type=int, default=400, help="non-hits judged for each rule")
    parser.add_argument("--calibrated", type=int, default=200, help="findings calibrated on")
    parser.add_argument("--seeds", type=int, default=400, help="campaigns")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    populations = [*labelled(options.calls), *MADE_UP]
    results = [
        {"rule": population.name, **coverage(population, options)} for population in populations
    ]
    if options.json:
        print(json.dumps({"error": options.error, "rules": results}, ensure_ascii=False))
        return
    print(f"{'rule':<12} true p/r      " + "  ".join(f"{kind:>19}" for kind in KINDS))
    for result in results:
        shown = "  ".join(
            f"{result[kind]['coverage']:>9.1%} ±{result[kind]['width'] / 2:>7.1%}" for kind in KINDS
        )
        print(f"{result['rule']:<12} {result['truth'][0]:.2f}/{result['truth'][1]:.2f}  {shown}")


MADE_UP = (
    Population("rare", 240, 60, 160, 20_540),
    Population("common", 3_200, 400, 400, 17_000),
)


def labelled(folder: Path) -> list[Population]:
    """The violation rules of the labelled calls that are broken and found at least once."""
    calls = [call.truth for call in find_labelled(folder, with_audio=False)[0]]
    names = violation_names(calls)
    analyzers = Analyzers(Settings(offline=True), None, None)
    cells: dict[str, Counter[tuple[bool, bool]]] = {name: Counter() for name in names}
    for truth in calls:
        analyzer = analyzers.for_domain(truth.domain)
        found = analyzer.analyze(reference_transcript(truth), {"domain": truth.domain})
        broken = {name for turn in truth.turns for name in turn.violations}
        for finding in found.findings:
            if finding.rule_name in names:
                cells[finding.rule_name][finding.outcome == "hit", finding.rule_name in broken] += 1
    return [
        Population(
            name,
            true_hits=COPIES * table[True, True],
            false_hits=COPIES * table[True, False],
            misses=COPIES * table[False, True],
            rest=COPIES * table[False, False],
        )
        for name, table in sorted(cells.items())
        if table[True, True]
    ]


def coverage(population: Population, options: argparse.Namespace) -> dict[str, object]:
    """How often each kind of interval held the truth, and how wide it was on average."""
    hits = population.true_hits + population.false_hits
    truth = {
        "precision": population.true_hits / hits,
        "recall": population.true_hits / (population.true_hits + population.misses),
    }
    inside: Counter[str] = Counter()
    width: Counter[str] = Counter()
    for seed in range(options.seeds):
        rng = random.Random(f"{population.name}:{seed}")
        found = rule_accuracy(
            strata(population, options, rng), calibration(options.calibrated, options.error, rng)
        )
        for kind in KINDS:
            estimate: Estimate | None = getattr(found, kind)
            assert estimate is not None
            target = truth[kind.removeprefix("corrected_")]
            inside[kind] += estimate.low <= target <= estimate.high
            width[kind] += estimate.high - estimate.low
    return {
        "truth": (truth["precision"], truth["recall"]),
        **{
            kind: {
                "coverage": inside[kind] / options.seeds,
                "width": width[kind] / options.seeds,
            }
            for kind in KINDS
        },
    }


def strata(
    population: Population, options: argparse.Namespace, rng: random.Random
) -> Sequence[StratumCount]:
    """The judged sample of one campaign."""
    made = []
    for stratum, broken, fine, wanted in (
        ("hit", population.true_hits, population.false_hits, options.hits),
        ("non_hit", population.misses, population.rest, options.non_hits),
    ):
        total = broken + fine
        drawn = rng.sample(range(total), min(wanted, total))
        positive = sum(judged(place < broken, options.error, rng) for place in drawn)
        made.append(
            StratumCount(
                sample="campaign", stratum=stratum, population=total, drawn=len(drawn),  # type: ignore[arg-type]
                judged=len(drawn), positive=positive,
            )
        )  # fmt: skip
    return made


def calibration(items: int, error: float, rng: random.Random) -> ReviewerError | None:
    """The reviewers' error as three of them show it on findings half of which are broken."""
    return reviewer_error(
        [(3, sum(judged(i % 2 == 0, error, rng) for _ in range(3))) for i in range(items)]
    )


def judged(broken: bool, error: float, rng: random.Random) -> bool:
    """What a reviewer says who is wrong at this rate."""
    return broken != (rng.random() < error)


if __name__ == "__main__":
    main()
