"""Precision and recall of every rule on calls whose wording the rules were not made for.

    python tests/bench/bench_rule_accuracy.py [--split dev|test] [--errors] [--json]

The calls of `rule_calls/` (written and labelled by hand, see the README there) go through the tree
and the rules of their pack as the product analyses a transcript: events, acts, rules. A rule is
labelled once for each call. `found` are the calls in which it hits, `right` those of them that are
labelled with it; what it cannot decide is not found and is told apart. Intervals are Wilson's,
95 %. Rules that an author was unsure of are not counted in that call.
`--errors` names each wrong call with what the rule says; not for the test calls, which nobody may
look at while rules are being mended.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labelled_rule_calls import RuleCall, labelled_rules, load_calls

from cli.options import load_settings
from cli.packs import Analyzers
from insights.intervals import wilson_interval
from qa_rules.documents.rule_sets import load_pack, pack_names
from qa_rules.findings import Finding


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls, by what a rule says of them and what the label says."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    undecidable: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.right + other.right,
            self.wrong + other.wrong,
            self.missed + other.missed,
            self.undecidable + other.undecidable,
        )

    @property
    def labelled(self) -> int:
        """Calls that are labelled with the rule."""
        return self.right + self.missed

    @property
    def found(self) -> int:
        """Calls in which the rule hits."""
        return self.right + self.wrong

    def document(self) -> dict[str, Any]:
        """The counts and the two shares, each with its interval; null without any calls."""
        return {
            "labelled": self.labelled,
            "found": self.found,
            "right": self.right,
            "undecidable": self.undecidable,
            "precision": self.right / self.found if self.found else None,
            "precision_interval": wilson_interval(self.right, self.found),
            "recall": self.right / self.labelled if self.labelled else None,
            "recall_interval": wilson_interval(self.right, self.labelled),
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules of its pack say of one call, by rule id."""

    call: RuleCall
    findings: Mapping[str, Finding]

    def tallies(self) -> dict[str, Tally]:
        """One tally for each rule that is labelled in this call, by rule id."""
        return {
            rule: self._tally(rule)
            for rule in sorted(labelled_rules(self.call.pack) - self.call.unsure)
        }

    def _tally(self, rule: str) -> Tally:
        outcome, labelled = self.findings[rule].outcome, rule in self.call.hits
        hit = outcome == "hit"
        return Tally(
            hit and labelled,
            hit and not labelled,
            labelled and not hit,
            outcome == "undecidable",
        )

    def errors(self) -> list[str]:
        """One line for each rule that is wrong here: call, rule, what is wrong, what it saw."""
        lines = []
        for rule, tally in self.tallies().items():
            finding = self.findings[rule]
            if tally.wrong:
                quoted = "；".join(
                    f"[{one.utterance}]{one.condition}/{one.layer} {one.text}"
                    for one in finding.evidence
                )
                lines.append(f"{self.call.id} {rule} 误 {finding.reason} {quoted}")
            elif tally.missed:
                lines.append(f"{self.call.id} {rule} 漏 {finding.outcome} {finding.reason}")
        return lines


def judged(calls: Iterable[RuleCall]) -> list[Judged]:
    """The calls, analysed as the product does it."""
    analyzers = Analyzers(load_settings(), None, None)
    found = []
    for call in calls:
        domain = load_pack(call.pack).domain
        analysis = analyzers.for_domain(domain).analyze(call.transcript(), {"domain": domain})
        found.append(Judged(call, {finding.rule: finding for finding in analysis.findings}))
    return found


def report(calls: Sequence[Judged]) -> dict[str, Any]:
    """All figures as one JSON object: by rule, by pack, by category, and all together."""
    shipped = {rule.id: rule for name in pack_names() for rule in load_pack(name).rules}
    by_rule: dict[str, Tally] = defaultdict(Tally)
    by_pack: dict[str, Tally] = defaultdict(Tally)
    by_category: dict[str, Tally] = defaultdict(Tally)
    for one in calls:
        for rule, tally in one.tallies().items():
            by_rule[rule] += tally
            by_pack[one.call.pack] += tally
            by_category[shipped[rule].category] += tally
    return {
        "calls": len(calls),
        "utterances": sum(len(one.call.turns) for one in calls),
        "rules": [
            {"id": rule, "name": shipped[rule].name, **by_rule[rule].document()}
            for rule in shipped
            if rule in by_rule
        ],
        "packs": {pack: tally.document() for pack, tally in sorted(by_pack.items())},
        "categories": {name: tally.document() for name, tally in sorted(by_category.items())},
        "micro": sum(by_rule.values(), Tally()).document(),
    }


def _told(name: str, figures: Mapping[str, Any]) -> str:
    counts = " ".join(
        f"{title} {figures[key]:>4}"
        for title, key in (
            ("标注", "labelled"), ("命中", "found"), ("对", "right"), ("判不了", "undecidable"),
        )
    )  # fmt: skip
    precision = _share(figures["precision"], figures["precision_interval"])
    recall = _share(figures["recall"], figures["recall_interval"])
    return f"{name:<32} {counts}  精确率 {precision}  召回率 {recall}"


def _share(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None or interval is None:
        return f"{'–':<16}"
    return f"{share:.2f} ({interval[0]:.2f}–{interval[1]:.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.errors and options.split == "test":
        sys.exit("测试通话的错误不能看：看过再改规则，数字就不可信了。请用 --split dev。")
    calls = judged(load_calls(options.split))
    figures = {"split": options.split, **report(calls)}
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    if options.errors:
        print(*(line for one in calls for line in one.errors()), sep="\n")
    print(f"{options.split}：{figures['calls']} 通，{figures['utterances']} 句")
    for rule in figures["rules"]:
        print(_told(rule["id"], rule))
    for group in ("packs", "categories"):
        for name, of_group in figures[group].items():
            print(_told(name, of_group))
    print(_told("合计", figures["micro"]))


if __name__ == "__main__":
    main()
