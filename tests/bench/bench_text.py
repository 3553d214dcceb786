"""Utterances per second of the text side on one core: a tree of 100 nodes and 50 rules.

Run `python tests/bench/bench_text.py [--calls N] [--json]`. `whole analysis` is what a call goes
through once its text is there: forms, pinyin, sentence vectors, the tree, SOP, the rules, score
and metrics, with vectors encoded (`cold`) and with vectors that are there already (`cached`, as
when stored calls are analysed again). The stages below it are timed alone, in CPU time of this
process; `ratio` is a stage's time against the whole cold analysis.
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
from events.exact import ExactMatcher
from events.reading import CallReading
from events.sop import sop_report
from events.tree import EventNode, EventTree
from nlp.encoders.loading import load_encoder
from nlp.normalise import TextForms, forms
from nlp.threads import single_threaded_algebra
from nlp.tokenizer import default_tokenizer
from nlp.vectors import CachedEncoder
from pipeline.analysis import CallAnalyzer
from qa_rules.documents.rule_sets import load_pack as load_rules
from qa_rules.documents.rule_sets import resolve
from qa_rules.model import RuleSet

NODES = 100
RULES = 50
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


def big_tree() -> EventTree:
    """The insurance tree, with events of other packs beside its own: 100 nodes."""
    tree = load_pack("ins")
    others = [leaf for pack in ("edu", "general") for leaf in load_pack(pack).leaves()]
    missing = NODES - sum(1 for _ in tree.walk()) - 1
    more = tuple(
        replace(leaf, key=f"n{at}", name=f"n{at}", path=f"more/n{at}", sop=False,
                scope=None, context=None, applies_after=())
        for at, leaf in enumerate(others[:missing])
    )  # fmt: skip
    root = EventNode(key="more", name="more", path="more", role="unknown", children=more)
    big = replace(tree, nodes=(*tree.nodes, root))
    assert sum(1 for _ in big.walk()) == NODES
    return big


def many_rules() -> RuleSet:
    """The insurance rules, with some of another pack beside them: 50 rules."""
    rules = resolve(load_rules("保险"))
    known = {rule.id for rule in rules.rules}
    others = [rule for rule in resolve(load_rules("职业教育")).rules if rule.id not in known]
    again = [replace(rule, id=f"{rule.id}-2", name=f"{rule.name}-2") for rule in rules.rules]
    return replace(rules, rules=(*rules.rules, *others, *again)[:RULES])


def fresh(texts: list[str]) -> list[TextForms]:
    """Forms of which nothing is worked out yet."""
    return [forms(text) for text in texts]


def measure(copies: int) -> dict[str, float]:
    """CPU seconds of each stage, and `utterances`."""
    calls = transcripts(copies)
    texts = [u.text for call in calls for u in call.utterances]
    encoder = CachedEncoder(load_encoder(NlpSettings()), 1_000_000)
    tree = big_tree()
    analyzer = CallAnalyzer(tree, many_rules(), encoder)
    exact = ExactMatcher(tuple(node for node in tree.walk() if not node.match.empty))
    paths = frozenset(node.path for node in tree.walk())
    # What is loaded on first use is no part of the speed: dictionaries, and usual tokens.
    default_tokenizer().words("您好")
    for call in transcripts(copies + 1)[len(calls) :]:
        analyzer.analyze(call)
    unread = [CallReading(call, encoder) for call in calls]
    done: dict[str, float] = {"utterances": float(len(texts))}
    said = fresh(texts)
    done["normalise"] = seconds(lambda: [(text.normalised, text.heard) for text in said])
    done["pinyin"] = seconds(lambda: [text.pinyin for text in said])
    done["tokenise"] = seconds(lambda: [default_tokenizer().words(text) for text in texts])
    done["exact layers"] = seconds(lambda: [exact.match(text, paths) for text in said])
    whole = seconds(lambda: [analyzer.analyze(call) for call in calls])
    cached = seconds(lambda: [analyzer.analyze(call) for call in calls])
    readings = [analyzer.read(call) for call in calls]
    done["segments, vectors cached"] = seconds(lambda: [one.vectors for one in unread])
    done["encode"] = whole - cached
    for one in readings:
        assert one.vectors
    done["turns and acts"] = seconds(lambda: [one.places for one in readings])
    hits = []
    done["exact and semantic layers"] = seconds(
        lambda: hits.extend(
            analyzer.match(call, {}, one) for call, one in zip(calls, readings, strict=True)
        )
    )
    pairs = list(zip(calls, hits, strict=True))
    done["sop"] = seconds(lambda: [sop_report(tree, call, found) for call, found in pairs])
    done["rules, score, sop and metrics"] = seconds(
        lambda: [
            analyzer.judge(call, found, reading=one)
            for (call, found), one in zip(pairs, readings, strict=True)
        ]
    )
    return {"whole analysis, cold": whole, "whole analysis, cached": cached, **done}


def main() -> None:
    """Print the table, or one JSON object with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2, help="copies of the labelled calls")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    times = measure(arguments.calls)
    count = times.pop("utterances")
    base = times["whole analysis, cold"]
    rows = {
        stage: {"seconds": spent, "utterances_per_s": count / spent, "ratio": spent / base}
        for stage, spent in times.items()
    }
    if arguments.json:
        print(json.dumps({"utterances": int(count), "stages": rows}, ensure_ascii=False))
        return
    print(f"{int(count)} utterances, {NODES} nodes, {RULES} rules, one core, CPU time")
    for stage, row in rows.items():
        rate = f"{row['utterances_per_s']:9.0f}/s"
        print(f"{stage:32} {row['seconds']:8.3f} s {rate:>11} {row['ratio']:6.2f} x")


if __name__ == "__main__":
    main()
