"""Rule evaluation on analysed calls of 60 utterances, in calls per second of processor time.

    python tests/bench/bench_rules.py [--calls N] [--json]

`mixed`: 200 rules in the style of the shipped packs: every rule of all packs, and copies of those
that only look for words and patterns, in which characters are exchanged for others that occur in
the packs, so that they are as hard to look for and mostly about something else. Rules with a
semantic condition are left out and told apart (`meaning`: all rules of the packs, with them). The
calls are consecutive turns of the labelled dialogues, analysed as the product does it: text forms,
sentence vectors, acts, event hits and who spoke when are handed in, and nothing of that is timed.
No call is judged twice: those that are timed were never seen by the evaluator before. `alone` is
the same with an evaluator for each rule, which shares nothing between them: the naive way, with the
same findings.
`packs`: every rule of each shipped pack, semantic conditions included.
`quiet` and `dense`: rules of keywords, patterns, events and relations between them on calls made of
the event packs' sentences. The phrases of quiet rules do not occur in the calls, though their
events do; those of dense rules occur in every call. Both are also run on the naive evaluator of
the property tests (`tests/unit/qa_rules/rules_naive.py`).
`growth` varies the rules of `mixed` and the utterances one at a time.
Times are medians of several passes; ratios hardly depend on the machine.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "qa_rules"))

from rules_naive import naive_outcome

import events.acts
from asr.timing import CallTiming
from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from events.acts.corpus import LabelledTurn, load_corpus
from events.document import load_pack as load_tree
from events.document import pack_names as tree_names
from events.hits import EventHit
from events.matching import TreeMatcher
from insights.conversation import call_metrics
from nlp.encoders.use import UseEncoder
from nlp.normalise import forms
from nlp.vectors import CachedEncoder
from qa_rules.conditions.boolean import And, Line, Name, Not
from qa_rules.conditions.relations import OrderCondition, TimesCondition, WithinCondition
from qa_rules.conditions.scope import Scope
from qa_rules.conditions.searches import (
    EventCondition,
    KeywordCondition,
    RegexCondition,
    SemanticCondition,
)
from qa_rules.documents.rule_sets import load_pack, pack_names
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.model import Condition, Rule, RuleSet

UTTERANCES = 60
RULES = 200
RULE_COUNTS = (25, 50, 100, 200, 400, 800)
LENGTHS = (15, 30, 120, 240)
_NAIVE_CALLS = 3
_PASSES = 3


class Corpus:
    """Calls of the labelled dialogues' turns, each turn in one call only, and analysed."""

    def __init__(self, encoder: CachedEncoder) -> None:
        self._matcher = TreeMatcher(load_tree("电销通用"), encoder)
        folder = Path(events.acts.__file__).parent / "corpus"
        self._turns = iter([turn for dialogue in load_corpus(folder) for turn in dialogue.turns])

    def calls(self, count: int, length: int = UTTERANCES) -> list[CallView]:
        """So many calls that nobody has had before."""
        found = []
        for _ in range(count):
            turns = list(islice(self._turns, length))
            if len(turns) < length:
                sys.exit("The labelled dialogues are used up; ask for fewer --calls.")
            found.append(self._analysed(turns))
        return found

    def _analysed(self, turns: Sequence[LabelledTurn]) -> CallView:
        transcript = _transcript((turn.role, turn.text) for turn in turns)
        reading = self._matcher.read(transcript)
        hits = self._matcher.match(transcript, reading)
        # What the analysis has worked out by now: nothing of it is left to the rules.
        for text in reading.forms.values():
            assert text.normalised is not None
            assert text.heard is not None
        assert reading.vectors is not None
        assert reading.acts is not None
        known = {"team": "甲", "duration_s": transcript.audio.duration_ms / 1000}
        timing = CallTiming(transcript)
        call_metrics(transcript, hits, timing=timing)
        return CallView(transcript, hits, known, reading.forms, reading=reading, timing=timing)


def _transcript(said: Iterator[tuple[Role, str]]) -> Transcript:
    utterances, clock = [], 0
    for index, (role, text) in enumerate(said):
        end = clock + 200 * len(text)
        channel = 0 if role == "agent" else 1
        utterances.append(Utterance(index, channel, role, clock, end, text, text))
        clock = end + 400
    audio = AudioFacts(clock, 8000, 2, "none", "none")
    return Transcript(audio, EngineInfo("reference"), tuple(utterances))


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
    shipped = [rule for rule in _shipped() if not _asks_meaning(rule)]
    pick = random.Random(seed)
    rules = shipped[:count]
    while len(rules) < count:
        other = _exchanged(shipped, pick)
        at = len(rules)
        copies = (_copied(rule, f"{rule.id}-{at}", other) for rule in shipped if _by_words(rule))
        rules += list(copies)[: count - at]
    return RuleSet(name="mixed", version="1", rules=tuple(rules))


def _shipped() -> list[Rule]:
    return list({rule.id: rule for name in pack_names() for rule in load_pack(name).rules}.values())


def _asks_meaning(rule: Rule) -> bool:
    return any(isinstance(one, SemanticCondition) for one in rule.conditions.values())


def _by_words(rule: Rule) -> bool:
    """Whether a rule hits on what is said in so many words, and on nothing else."""
    found = rule.conditions.values()
    return not _asks_absence(rule.hit_if) and all(
        (isinstance(one, KeywordCondition) and one.mode != "none")
        or (isinstance(one, RegexCondition) and not one.negated)
        or (isinstance(one, WithinCondition) and not one.lacking)
        or isinstance(one, OrderCondition | TimesCondition)
        for one in found
    )


def _asks_absence(line: Line) -> bool:
    if isinstance(line, Name | Not):
        return isinstance(line, Not)
    return any(map(_asks_absence, line.operands))


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


def fresh_rate(run: Callable[[CallView], object], calls: list[CallView]) -> float:
    """Calls per second of processor time, by the median of passes over calls never run before."""
    share = len(calls) // (_PASSES + 1)
    for call in calls[:share]:
        run(call)  # What is made when it is first asked for is made by now.
    rates = []
    for at in range(1, _PASSES + 1):
        part = calls[at * share : (at + 1) * share]
        start = time.process_time()
        for call in part:
            run(call)
        rates.append(share / (time.process_time() - start))
    return median(rates)


def measured(ruleset: RuleSet, calls: list[CallView], encoder: CachedEncoder) -> dict[str, float]:
    """Calls per second of the evaluator, and the share of rules that hit in a call."""
    speed = fresh_rate(RuleEvaluator(ruleset, encoder).evaluate, calls)
    evaluator = RuleEvaluator(ruleset, encoder)
    hits = sum(finding.outcome == "hit" for call in calls for finding in evaluator.evaluate(call))
    return {
        "rules": len(ruleset.rules),
        "utterances": len(calls[0].transcript.utterances),
        "calls_per_s": round(speed, 1),
        "hits": round(hits / len(calls) / len(ruleset.rules), 3),
    }


def alone(ruleset: RuleSet, calls: list[CallView], encoder: CachedEncoder) -> float:
    """Calls per second with an evaluator for each rule."""
    each = [RuleEvaluator(replace(ruleset, rules=(rule,)), encoder) for rule in ruleset.rules]
    return fresh_rate(lambda call: [one.evaluate(call) for one in each], calls)


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
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    encoder = CachedEncoder(UseEncoder())
    corpus, count = Corpus(encoder), options.calls
    calls, ruleset = corpus.calls(count), mixed_rules(RULES)
    mixed = measured(ruleset, calls, encoder)
    mixed["alone_calls_per_s"] = round(alone(ruleset, calls[: count // 4 * 2], encoder), 2)
    made = synthetic_calls(count)
    packs = {}
    for name in pack_names():
        packs[name] = measured(load_pack(name), calls, encoder)
    result = {
        "calls": count,
        "mixed": mixed,
        "meaning": measured(
            RuleSet(name="all", version="1", rules=tuple(_shipped())), calls, encoder
        ),
        "packs": packs,
        "quiet": compared(plain_rules(RULES), made),
        "dense": compared(plain_rules(RULES, dense=True), made[:10]),
        "growth": [
            *(measured(mixed_rules(number), calls, encoder) for number in RULE_COUNTS),
            *(
                measured(
                    ruleset,
                    corpus.calls(max(8, count * UTTERANCES // length // 2), length),
                    encoder,
                )
                for length in LENGTHS
            ),
        ],
    }
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for name in ("mixed", "meaning", "quiet", "dense"):
        print(f"{name}: {_told(result[name])}")
    for name, figures in packs.items():
        print(f"{name}: {_told(figures)}")
    for figures in result["growth"]:
        print(f"growth: {_told(figures)}")


def _told(figures: dict[str, float]) -> str:
    size = f"{figures['rules']} rules, {figures['utterances']} utterances"
    speed = f"{size}: {figures['calls_per_s']} calls/s"
    if "naive_calls_per_s" in figures:
        return f"{speed} (naive {figures['naive_calls_per_s']}, ratio {figures['ratio']})"
    each = f", one by one {figures['alone_calls_per_s']}" if "alone_calls_per_s" in figures else ""
    return f"{speed}, {figures['hits']:.1%} of the rules hit{each}"


if __name__ == "__main__":
    main()
