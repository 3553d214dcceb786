"""Utterances per second of the text side, one core, split by stage.

Run `python tests/bench/bench_text.py [--calls N] [--json]`. Each stage is timed alone in CPU time
of this process; `ratio` is its time against encoding the same utterances once with the default
encoder, which is the floor for anything that looks at meaning.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from core.settings import NlpSettings
from events.document import load_pack
from events.matching import TreeMatcher
from events.sop import sop_report
from nlp.encoders.loading import load_encoder
from nlp.normalise import forms
from nlp.threads import single_threaded_algebra
from nlp.tokenizer import default_tokenizer
from nlp.vectors import CachedEncoder

CALLS = Path(__file__).parents[1] / "integration" / "nlp" / "labelled_calls.txt"


def transcripts(copies: int) -> list[Transcript]:
    """Calls of the labelled set; copies differ in a number, so that no cache helps."""
    found = []
    for copy in range(copies):
        for block in CALLS.read_text("utf-8").split("\n\n"):
            lines = [line.split("|") for line in block.strip().splitlines() if line[0] != "#"]
            utterances = tuple(
                Utterance(
                    at,
                    int(side == "C"),
                    "customer" if side == "C" else "agent",
                    at * 5000,
                    at * 5000 + 4000,
                    f"{text}第{copy}号{chr(0x4E00 + copy)}",
                    text,
                )
                for at, (side, text, _) in enumerate(lines)
            )
            facts = AudioFacts(len(lines) * 5000, 8000, 2, "reference", "none")
            found.append(Transcript(facts, EngineInfo("reference"), utterances))
    return found


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for one run."""
    start = time.process_time()
    with single_threaded_algebra():
        work()
    return time.process_time() - start


def measure(copies: int) -> dict[str, float]:
    """CPU seconds of each stage, and `utterances`."""
    calls = transcripts(copies)
    texts = [u.text for call in calls for u in call.utterances]
    encoder = load_encoder(NlpSettings())
    tree = load_pack("ins")
    warm = replace(calls[0], utterances=calls[0].utterances[:2])
    matcher, exact = TreeMatcher(tree, encoder), TreeMatcher(tree, None)
    cached = TreeMatcher(tree, CachedEncoder(encoder, 1_000_000))
    for each in (matcher, exact):
        each.match(warm)
    default_tokenizer().words("您好")
    hits = [cached.match(call) for call in calls]
    return {
        "utterances": float(len(texts)),
        "encoder alone (baseline)": seconds(lambda: encoder.encode(texts)),
        "normalise": seconds(lambda: [forms(text).normalised for text in texts]),
        "pinyin": seconds(lambda: [forms(text).pinyin for text in texts]),
        "tokenize": seconds(lambda: [default_tokenizer().words(text) for text in texts]),
        "exact layers": seconds(lambda: [exact.match(call) for call in calls]),
        "all layers, vectors cached": seconds(lambda: [cached.match(call) for call in calls]),
        "all layers": seconds(lambda: [matcher.match(call) for call in calls]),
        "sop": seconds(
            lambda: [sop_report(tree, call, found) for call, found in zip(calls, hits, strict=True)]
        ),
        "compile the tree": seconds(lambda: TreeMatcher(tree, encoder)),
    }


def main() -> None:
    """Print the table, or one JSON object with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5, help="copies of the labelled calls")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    times = measure(arguments.calls)
    count = times.pop("utterances")
    base = times["encoder alone (baseline)"]
    rows = {
        stage: {"seconds": spent, "utterances_per_s": count / spent, "ratio": spent / base}
        for stage, spent in times.items()
    }
    if arguments.json:
        print(json.dumps({"utterances": int(count), "stages": rows}, ensure_ascii=False))
        return
    print(f"{int(count)} utterances, one core, CPU time")
    for stage, row in rows.items():
        rate = "" if stage == "compile the tree" else f"{row['utterances_per_s']:9.0f}/s"
        print(f"{stage:28} {row['seconds']:8.3f} s {rate:>11} {row['ratio']:7.2f} x")


if __name__ == "__main__":
    main()
