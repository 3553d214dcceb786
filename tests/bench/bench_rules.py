"""Rule evaluation on synthetic calls of 60 utterances, in calls per second and core.

    python tests/bench/bench_rules.py [--calls N] [--encoder] [--json]

`packs`: every rule of each shipped pack; without `--encoder` semantic conditions are undecidable,
with it the vectors of all utterances are computed too. `against_naive`: 40 rules of keywords,
patterns, events and relations between them, once by the evaluator and once by the naive one of
the property tests (`tests/unit/qa_rules/rules_naive.py`), which shares nothing between rules; the
ratio hardly depends on the machine.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "qa_rules"))

from rules_naive import naive_outcome

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.document import load_pack as load_tree
from events.hits import EventHit
from nlp.encoders.use import UseEncoder
from qa_rules.boolean import And, Name, Not
from qa_rules.call import CallView
from qa_rules.document import load_pack, pack_names
from qa_rules.evaluation import RuleEvaluator
from qa_rules.model import (
    EventCondition,
    KeywordCondition,
    OrderCondition,
    RegexCondition,
    Rule,
    RuleSet,
    Scope,
)

UTTERANCES = 60


def synthetic_calls(count: int, seed: int = 7) -> list[CallView]:
    """Calls of 60 utterances put together from the sentences of the event packs."""
    tree = load_tree("电销通用")
    said = {
        role: [
            (node.path, text)
            for node in tree.walk()
            if node.role == role
            for text in node.match.examples
        ]
        for role in ("agent", "customer")
    }
    pick = random.Random(seed)
    return [_call(said, pick, tree.ref) for _ in range(count)]


def _call(said: dict[str, list[tuple[str, str]]], pick: random.Random, tree: str) -> CallView:
    utterances, hits, clock = [], [], 0
    for index in range(UTTERANCES):
        role = ("agent", "customer")[index % 2]
        (path, first), (_, second) = pick.choice(said[role]), pick.choice(said[role])
        text = f"{first}，{second}。"
        end = clock + 200 * len(text)
        utterances.append(Utterance(index, index % 2, role, clock, end, text, text))
        hits.append(
            EventHit(
                utterance=index,
                role=role,
                char_start=0,
                char_end=len(first),
                start_ms=clock,
                end_ms=end,
                layer="semantic",
                form="raw",
                score=0.8,
                text=first,
                node=path,
                tree=tree,
            )
        )
        clock = end + pick.choice((100, 300, 900))
    audio = AudioFacts(clock, 8000, 2, "none", "none")
    transcript = Transcript(audio, EngineInfo("reference"), tuple(utterances))
    return CallView(transcript, tuple(hits), {"team": "甲"})


def plain_rules(count: int, seed: int = 11) -> RuleSet:
    """Rules that both evaluators know, over words that occur in the calls."""
    pick = random.Random(seed)
    tree = load_tree("电销通用")
    words = sorted({text[:2] for node in tree.walk() for text in node.match.examples})
    nodes = [node.path for node in tree.leaves()]
    rules = []
    for number in range(count):
        chosen = tuple(pick.sample(words, 12))
        conditions = {
            "词": KeywordCondition(words=chosen, scope=Scope(role="agent"), polarity="any"),
            "式": RegexCondition(patterns=tuple(f"{w}.{{0,6}}您" for w in chosen), polarity="any"),
            "事": EventCondition(nodes=tuple(pick.sample(nodes, 3))),
            "序": OrderCondition(first="词", then="事"),
        }
        line = And((Name("序"), Not(Name("式"))))
        rules.append(
            Rule(
                id=str(number),
                name=str(number),
                category="类",
                severity="minor",
                reason="-",
                hit_if=line,
                conditions=conditions,
            )
        )
    return RuleSet(name="bench", version="1", rules=tuple(rules))


def rate(run: Callable[[CallView], object], calls: list[CallView]) -> float:
    """Calls per second, the first call left out."""
    run(calls[0])
    start = time.perf_counter()
    for call in calls:
        run(call)
    return len(calls) / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--encoder", action="store_true", help="with sentence vectors")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    calls = synthetic_calls(options.calls)
    encoder = UseEncoder() if options.encoder else None
    packs = {}
    for name in pack_names():
        pack = load_pack(name)
        evaluator = RuleEvaluator(pack, encoder)
        packs[name] = {
            "rules": len(pack.rules),
            "calls_per_s": round(rate(evaluator.evaluate, calls), 1),
        }
    ruleset = plain_rules(40)
    evaluator = RuleEvaluator(ruleset)
    few = calls[: max(2, len(calls) // 20)]
    fast = rate(evaluator.evaluate, calls)
    slow = rate(lambda call: [naive_outcome(rule, call) for rule in ruleset.rules], few)
    result = {
        "calls": len(calls),
        "utterances": UTTERANCES,
        "packs": packs,
        "against_naive": {
            "rules": len(ruleset.rules),
            "calls_per_s": round(fast, 1),
            "naive_calls_per_s": round(slow, 1),
            "ratio": round(fast / slow, 1),
        },
    }
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for name, figures in packs.items():
        print(f"{name}: {figures['rules']} rules, {figures['calls_per_s']} calls/s")
    ratio = f"naive {slow:.1f}, ratio {fast / slow:.1f}"
    print(f"{len(ruleset.rules)} plain rules: {fast:.1f} calls/s, {ratio}")


if __name__ == "__main__":
    main()
