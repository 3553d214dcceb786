"""Rule evaluation on synthetic calls of 60 utterances, in calls per second of processor time.

    python tests/bench/bench_rules.py [--calls N] [--encoder] [--json]

Calls are analysed: text forms and event hits are given, as they are after the key events.
`mixed`: 200 rules in the style of the shipped packs: every rule of all packs, and copies of them
whose characters are exchanged for others that occur in the packs, so that they are as hard to
look for and mostly about something else; a few of them hit in a call (`hits`). `packs`: every
rule of each shipped pack; without `--encoder` semantic conditions are undecidable, with it
vectors come from a warm cache. `quiet` and `dense`: rules of keywords, patterns, events and
relations between them. The phrases of quiet rules do not occur in the calls, though their events
do; those of dense rules occur in every call.
`growth` varies the rules of `mixed` and `quiet` and the utterances one at a time. `quiet` and
`dense` are also run on the naive evaluator of the property tests
(`tests/unit/qa_rules/rules_naive.py`), which shares nothing between rules; the ratio hardly
depends on the machine.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "qa_rules"))

from rules_naive import naive_outcome

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.document import load_pack as load_tree
from events.document import pack_names as tree_names
from events.hits import EventHit
from nlp.encoders.use import UseEncoder
from nlp.normalise import forms
from nlp.vectors import CachedEncoder
from qa_rules.conditions.boolean import And, Name, Not
from qa_rules.conditions.relations import OrderCondition
from qa_rules.conditions.scope import Scope
from qa_rules.conditions.searches import EventCondition, KeywordCondition, RegexCondition
from qa_rules.documents.rule_sets import load_pack, pack_names
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.model import Condition, Rule, RuleSet

UTTERANCES = 60
RULES = 200
RULE_COUNTS = (25, 50, 100, 200, 400, 800)
LENGTHS = (15, 30, 120, 240)
_NAIVE_CALLS = 3


def synthetic_calls(count: int, seed: int = 7, length: int = UTTERANCES) -> list[CallView]:
    """Calls of `length` utterances put together from the sentences of the event packs."""
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
    return [_call(said, pick, tree.ref, length) for _ in range(count)]


def _call(
    said: dict[str, list[tuple[str, str]]], pick: random.Random, tree: str, length: int
) -> CallView:
    utterances, hits, clock = [], [], 0
    for index in range(length):
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
    given = {utterance.index: forms(utterance.text) for utterance in utterances}
    return CallView(transcript, tuple(hits), {"team": "甲"}, given)


def plain_rules(count: int, *, dense: bool = False, seed: int = 11) -> RuleSet:
    """Rules that both evaluators know.

    Dense ones look for the first two characters of what is said in the calls, the others for
    openings of sentences of other packs.
    """
    pick = random.Random(seed)
    tree = load_tree("电销通用")
    said = [text for node in tree.walk() for text in node.match.examples]
    words = sorted({text[:2] for text in said})
    if not dense:
        known = "\n".join(said)
        others = [
            text[:5]
            for name in tree_names()
            for node in load_tree(name).walk()
            for text in node.match.examples
        ]
        words = sorted({word for word in others if word not in known})
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


def mixed_rules(count: int, seed: int = 13) -> RuleSet:
    """The rules of all shipped packs, then copies with other characters in words and patterns."""
    shipped = {rule.id: rule for name in pack_names() for rule in load_pack(name).rules}
    pick = random.Random(seed)
    rules = list(shipped.values())[:count]
    while len(rules) < count:
        other = _exchanged(list(shipped.values()), pick)
        at = len(rules)
        copies = (_copied(rule, f"{rule.id}-{at}", other) for rule in shipped.values())
        rules += list(copies)[: count - at]
    return RuleSet(name="mixed", version="1", rules=tuple(rules))


def _exchanged(rules: list[Rule], pick: random.Random) -> dict[int, str]:
    """Each character of the rules' words and patterns, and the one that stands for it."""
    written = "".join(
        text
        for rule in rules
        for condition in rule.conditions.values()
        for text in _texts(condition)
    )
    used = sorted({character for character in written if "一" <= character <= "鿿"})
    return dict(zip(map(ord, used), pick.sample(used, len(used)), strict=True))


def _texts(condition: Condition) -> tuple[str, ...]:
    if isinstance(condition, KeywordCondition):
        return condition.words
    return condition.patterns if isinstance(condition, RegexCondition) else ()


def _copied(rule: Rule, key: str, other: dict[int, str]) -> Rule:
    conditions: dict[str, Condition] = {}
    for name, condition in rule.conditions.items():
        texts = tuple(text.translate(other) for text in _texts(condition))
        match condition:
            case KeywordCondition():
                conditions[name] = replace(condition, words=texts)
            case RegexCondition():
                conditions[name] = replace(condition, patterns=texts)
            case _:
                conditions[name] = condition
    return replace(rule, id=key, conditions=conditions)


def rate(run: Callable[[CallView], object], calls: list[CallView]) -> float:
    """Calls per second of processor time; all calls were run once before."""
    for call in calls:
        run(call)
    start = time.process_time()
    for call in calls:
        run(call)
    return len(calls) / (time.process_time() - start)


def measured(ruleset: RuleSet, calls: list[CallView]) -> dict[str, float]:
    """Calls per second of the evaluator, and the share of rules that hit in a call."""
    evaluator = RuleEvaluator(ruleset)
    hits = sum(finding.outcome == "hit" for call in calls for finding in evaluator.evaluate(call))
    return {
        "rules": len(ruleset.rules),
        "utterances": len(calls[0].transcript.utterances),
        "calls_per_s": round(rate(evaluator.evaluate, calls), 1),
        "hits": round(hits / len(calls) / len(ruleset.rules), 3),
    }


def compared(ruleset: RuleSet, calls: list[CallView]) -> dict[str, float]:
    """Calls per second of the evaluator and of the naive one, and their ratio."""
    fast = rate(RuleEvaluator(ruleset).evaluate, calls)
    few = calls[:_NAIVE_CALLS]
    start = time.process_time()
    for call in few:
        for rule in ruleset.rules:
            naive_outcome(rule, call)
    slow = len(few) / (time.process_time() - start)
    return {
        "rules": len(ruleset.rules),
        "utterances": len(calls[0].transcript.utterances),
        "calls_per_s": round(fast, 1),
        "naive_calls_per_s": round(slow, 2),
        "ratio": round(fast / slow, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--encoder", action="store_true", help="with sentence vectors")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    calls = synthetic_calls(options.calls)
    encoder = CachedEncoder(UseEncoder()) if options.encoder else None
    packs = {}
    for name in pack_names():
        pack = load_pack(name)
        speed = rate(RuleEvaluator(pack, encoder).evaluate, calls)
        packs[name] = {"rules": len(pack.rules), "calls_per_s": round(speed, 1)}
    result = {
        "calls": len(calls),
        "mixed": measured(mixed_rules(RULES), calls),
        "packs": packs,
        "quiet": compared(plain_rules(RULES), calls),
        "dense": compared(plain_rules(RULES, dense=True), calls[:10]),
        "growth": [
            *(measured(mixed_rules(count), calls) for count in RULE_COUNTS),
            *(
                measured(mixed_rules(RULES), synthetic_calls(len(calls), length=length))
                for length in LENGTHS
            ),
            *(compared(plain_rules(count), calls) for count in RULE_COUNTS),
            *(
                compared(plain_rules(RULES), synthetic_calls(len(calls), length=length))
                for length in LENGTHS
            ),
        ],
    }
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for name, figures in packs.items():
        print(f"{name}: {figures['rules']} rules, {figures['calls_per_s']} calls/s")
    for name in ("mixed", "quiet", "dense"):
        print(f"{name}: {_told(result[name])}")
    for figures in result["growth"]:
        print(f"growth: {_told(figures)}")


def _told(figures: dict[str, float]) -> str:
    size = f"{figures['rules']} rules, {figures['utterances']} utterances"
    speed = f"{size}: {figures['calls_per_s']} calls/s"
    if "hits" in figures:
        return f"mixed, {speed}, {figures['hits']:.1%} of the rules hit"
    return f"plain, {speed} (naive {figures['naive_calls_per_s']}, ratio {figures['ratio']})"


if __name__ == "__main__":
    main()
