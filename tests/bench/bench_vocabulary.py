"""Vocabulary correction: character errors before and after, and corrections that were false.

    python tests/bench/bench_vocabulary.py DIR [--calls N] [--terms FILE] [--json]

DIR holds `NAME.flac` + `NAME.json` (ground truth). The vocabulary of a call is the product's own
telesales terms, the terms of FILE (one a line), and what a campaign knows of its agents: the
company and the agent's name. The figures are those of `tingjian vocab report`, with the default
settings whatever the environment says, and over the first N calls only where asked.
"""

import argparse
import json
from pathlib import Path

from cli.console import steps
from cli.evaluation.hearing import told_hearing
from cli.evaluation.run import find_labelled
from cli.evaluation.vocabulary import measure_vocabulary, read_terms, vocabulary_json
from core.settings import AsrSettings, Settings, default_data_dir
from nlp.tokenizer import domain_words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--calls", type=int, default=0, help="first N calls only")
    parser.add_argument("--terms", type=Path, help="further terms, one a line")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    calls, failed = find_labelled(arguments.directory, with_audio=True)
    calls = calls[: arguments.calls or None]
    terms = [*domain_words(), *(read_terms(arguments.terms) if arguments.terms else ())]
    settings = Settings(data_dir=default_data_dir(), offline=True, asr=AsrSettings())
    with steps("vocabulary", len(calls)) as progress:
        report = measure_vocabulary(calls, terms, told_hearing(settings), progress, failed)
    document = vocabulary_json(report)
    if arguments.json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for key, value in document.items():
            print(f"{key:24} {value}")


if __name__ == "__main__":
    main()
