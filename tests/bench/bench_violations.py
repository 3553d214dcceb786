"""Precision and recall of the wording violations on authors of the labelled corpus.

    python tests/bench/bench_violations.py AUTHOR... [--miss] [--json]

Every dialogue of the authors (`h`, `i`; the part of its name before the dash) goes through the
tree and the rule set of its domain, as `tingjian evaluate --text-only` would send it. A labelled
turn is found when the finding quotes it. The figures speak of unseen wording only for authors that
the act model was not trained on. `--miss` prints each turn that was missed or wrongly found.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import events.acts
from asr.transcript import Transcript
from cli.evaluation.ground_truth import GroundTruth, LabelledTurn, reference_transcript
from cli.evaluation.scores import Counts, add_counts, micro
from cli.evaluation.verdicts import violation_counts
from cli.options import load_settings
from cli.packs import Analyzers
from events.acts.corpus import Dialogue, load_corpus
from events.acts.industries import industry_group
from events.acts.labels import VIOLATIONS
from qa_rules.findings import Finding

_CHAR_MS = 200
_GAP_MS = 400
_DOMAINS = {"保险": "ins", "贷款与理财": "loan", "医美与口腔": "med", "职业教育": "edu"}


def as_truth(dialogue: Dialogue) -> GroundTruth:
    """The dialogue as a labelled call of two channels, spoken at a fixed rate."""
    turns, clock = [], 1000
    for turn in dialogue.turns:
        length = max(600, _CHAR_MS * len(turn.text))
        marks = tuple(sorted(turn.labels & set(VIOLATIONS)))
        channel = 0 if turn.role == "agent" else 1
        turns.append(LabelledTurn(turn.role, channel, turn.text, clock, clock + length, (), marks))
        clock += length + _GAP_MS
    domain = _DOMAINS.get(industry_group(dialogue.industry), "")
    return GroundTruth(dialogue.name, domain, ("agent", "customer"), clock, 8000, tuple(turns), {})


def wrong_turns(
    truth: GroundTruth, transcript: Transcript, findings: Sequence[Finding]
) -> list[str]:
    """The turns of which the findings say something else than the labels, each in one line."""
    said: dict[tuple[str, int], str] = {}
    for finding in findings:
        for item in finding.evidence if finding.outcome == "hit" else ():
            if item.utterance is not None and item.role != "customer":
                said[finding.rule_name, item.utterance] = f"{item.layer}:{item.text}"
    lines = []
    for position, turn in enumerate(truth.turns):
        for name in VIOLATIONS:
            quoted = said.get((name, position))
            if (name in turn.violations) != (quoted is not None):
                what = "漏" if quoted is None else f"误[{quoted}]"
                lines.append(f"{truth.name} {name} {what} {transcript.utterances[position].text}")
    return lines


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("authors", nargs="+")
    parser.add_argument("--miss", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    analyzers = Analyzers(load_settings(), None, None)
    total: dict[str, Counts] = {name: Counts() for name in VIOLATIONS}
    for dialogue in load_corpus(Path(events.acts.__file__).parent / "corpus"):
        if dialogue.author not in args.authors:
            continue
        truth = as_truth(dialogue)
        transcript = reference_transcript(truth)
        found = analyzers.for_domain(truth.domain).analyze(transcript, {"domain": truth.domain})
        names = frozenset(VIOLATIONS)
        counts = violation_counts(truth, transcript, found.findings, names, aligned=True)
        total = add_counts(total, counts)
        if args.miss:
            print(*wrong_turns(truth, transcript, found.findings), sep="\n", flush=True)
    if args.json:
        print(json.dumps({name: [c.tp, c.fp, c.fn] for name, c in total.items()}))
        return
    for name, counts_of in [*total.items(), ("合计", micro(total))]:
        print(
            f"{name:<8} 标注 {counts_of.support:>3}  对 {counts_of.tp:>3}  误 {counts_of.fp:>3}  "
            f"精确率 {counts_of.precision or 0:.2f}  召回率 {counts_of.recall or 0:.2f}"
        )


if __name__ == "__main__":
    main()
