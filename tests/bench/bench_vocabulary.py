"""Vocabulary correction: character errors before and after, and corrections that were false.

    python tests/bench/bench_vocabulary.py DIR [--calls N] [--terms FILE] [--json]

DIR holds `NAME.flac` + `NAME.json` (ground truth). The vocabulary of a call is the product's own
telesales terms, the terms of FILE (one a line), and what a campaign knows of its agents: the
company and the agent's name. `verdicts` judges each replacement by the labelled turn: `fixed` (the
term was said), `harmed` (the replaced text was), `neutral` (neither). `on_reference` runs the
correction over the labelled text itself, with the terms of all calls at once: every replacement
there is false.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from asr.decode import decode
from asr.transcriber import Transcriber
from asr.weights import WeightsRegistry
from cli.evaluation.cer import Errors, character_errors
from cli.evaluation.ground_truth import GroundTruth, parse_ground_truth
from core.settings import AsrSettings, default_data_dir
from nlp.tokenizer import domain_words
from nlp.vocabulary import Replacement, Vocabulary, correct_transcript, judge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--calls", type=int, default=0, help="first N calls only")
    parser.add_argument("--terms", type=Path, help="further terms, one a line")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    paths = sorted(arguments.directory.glob("*.flac"))[: arguments.calls or None]
    further = arguments.terms.read_text("utf-8").split() if arguments.terms else []
    report = measure(paths, [*domain_words(), *further])
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for key, value in report.items():
            print(f"{key:24} {value}")


def measure(paths: list[Path], terms: list[str]) -> dict[str, Any]:
    """The figures of all calls together."""
    transcriber = Transcriber(AsrSettings(), WeightsRegistry(default_data_dir(), offline=True))
    before = after = Errors()
    verdicts: Counter[str] = Counter()
    log: list[str] = []
    truths: list[GroundTruth] = []
    for path in paths:
        truth = parse_ground_truth(
            json.loads(path.with_suffix(".json").read_text("utf-8")), path.stem
        )
        truths.append(truth)
        heard = transcriber.transcribe_audio(decode(path, 4 * 3600), truth.channels)
        corrected = correct_transcript(heard, Vocabulary([*terms, *campaign_terms(truth)]))
        before += sum(character_errors(truth, heard).values(), Errors())
        after += sum(character_errors(truth, corrected.transcript).values(), Errors())
        for made in corrected.replacements:
            utterance = heard.utterances[made.utterance_index]
            said = "".join(
                turn.text
                for turn in truth.turns
                if turn.role == utterance.role and turn.span.overlap_ms(utterance.span)
            )
            verdict = judge(made, said)
            verdicts[verdict] += 1
            log.append(f"{path.stem} {verdict}: {made.before} -> {made.after} ({made.distance})")
    false = on_reference(truths, [*terms, *(t for truth in truths for t in campaign_terms(truth))])
    return {
        "calls": len(truths),
        "cer_before": before.rate,
        "cer_after": after.rate,
        "verdicts": dict(verdicts),
        "on_reference": {
            "characters": sum(len(turn.text) for truth in truths for turn in truth.turns),
            "false": [f"{made.before} -> {made.after}" for made in false],
        },
        "replacements": log,
    }


def campaign_terms(truth: GroundTruth) -> list[str]:
    """What the operator of the call's campaign knows: company and agent."""
    agent = truth.facts.get("agent") or {}
    return [str(agent[key]) for key in ("company", "name") if agent.get(key)]


def on_reference(truths: list[GroundTruth], terms: list[str]) -> list[Replacement]:
    vocabulary = Vocabulary(terms)
    return [
        made
        for truth in truths
        for turn in truth.turns
        for made in vocabulary.correct(turn.text).replacements
    ]


if __name__ == "__main__":
    main()
