"""Utterances per second of the text side on one core: a tree of 100 nodes and 50 rules.

Run `python tests/bench/bench_text.py [--calls N] [--repeat N] [--json]`. `whole analysis` is what a
call goes through once its text is there: forms, pinyin, sentence vectors, the tree, SOP, the
rules, score and metrics, with vectors encoded (`cold`) and with vectors that are there already
(`cached`, as when stored calls are analysed again). The stages below it are its parts, one after
the other, each on what those before it left; those that are indented are parts of the one above,
or done alone. The calls are dialogues of the training corpus, each used once: what is said in many
calls is known, as in production, the rest is new. All times are CPU time of this process for an
utterance, the least of `--repeat` runs: what else the machine does can only add to them. `share` is
that of the whole, cold.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from core.settings import NlpSettings
from events.acts.corpus import Dialogue, load_corpus
from events.document import load_pack
from events.exact import ExactMatcher
from events.hits import EventHit
from events.places import may_say
from events.reading import CallReading
from events.sop import sop_report
from events.tree import EventNode, EventTree
from insights.conversation import call_metrics
from nlp.encoders.loading import load_encoder
from nlp.threads import single_threaded_algebra
from nlp.tokenizer import default_tokenizer
from nlp.vectors import CachedEncoder
from pipeline.analysis import CallAnalyzer
from qa_rules.documents.rule_sets import load_pack as load_rules
from qa_rules.documents.rule_sets import resolve
from qa_rules.model import RuleSet

NODES = 100
WARM_UP = 20
RULES = 50
CORPUS = Path(__file__).parents[2] / "events" / "acts" / "corpus"


def transcripts(calls: int, first: int = 0) -> list[Transcript]:
    """Calls of the training corpus, from all authors in turn; no two of them are alike."""
    by_author: dict[str, list[Dialogue]] = {}
    for dialogue in load_corpus(CORPUS):
        by_author.setdefault(dialogue.author, []).append(dialogue)
    in_turn = [one for together in zip_longest(*by_author.values()) for one in together if one]
    if first + calls > len(in_turn):
        raise SystemExit(f"The corpus has {len(in_turn)} calls; use less --calls or --repeat.")
    return [_transcript(dialogue) for dialogue in in_turn[first : first + calls]]


def _transcript(dialogue: Dialogue) -> Transcript:
    utterances = tuple(
        Utterance(
            at,
            int(turn.role == "customer"),
            turn.role,
            at * 5000,
            at * 5000 + 4000,
            turn.text,
            turn.text,
        )
        for at, turn in enumerate(dialogue.turns)
    )
    facts = AudioFacts(len(utterances) * 5000, 8000, 2, "reference", "none")
    return Transcript(facts, EngineInfo("reference"), utterances)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for one run."""
    start = time.process_time()
    with single_threaded_algebra():
        work()
    return time.process_time() - start


def big_tree() -> EventTree:
    """The insurance tree, and events of other packs as nodes that stand on their examples: 100."""
    tree = load_pack("ins")
    others = [leaf for pack in ("edu", "general") for leaf in load_pack(pack).leaves()]
    missing = NODES - sum(1 for _ in tree.walk()) - 1
    more = tuple(
        replace(leaf, key=f"n{at}", name=f"n{at}", path=f"more/n{at}", sop=False,
                scope=None, context=None, applies_after=(), match=replace(leaf.match, act=None))
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


def measure(calls: int, repeats: int) -> tuple[int, dict[str, float]]:
    """Number of utterances, and the CPU seconds of the whole and of each stage."""
    encoder = CachedEncoder(load_encoder(NlpSettings()), 1_000_000)
    tree = big_tree()
    analyzer = CallAnalyzer(tree, many_rules(), encoder)
    exact = ExactMatcher(tuple(node for node in tree.walk() if not node.match.empty))
    # What is loaded on first use is no part of the speed: dictionaries, and usual tokens.
    default_tokenizer().words("您好")
    for call in transcripts(WARM_UP):
        reading = analyzer.read(call)
        analyzer.analyze(call, reading=reading)
        exact_layers(exact, tree, [reading])
    told = 0
    least: dict[str, float] = {}
    for repeat in range(repeats):
        first = WARM_UP + 2 * calls * repeat
        together, apart = transcripts(calls, first), transcripts(calls, first + calls)
        for these, times in (
            (together, whole(together, analyzer)),
            (apart, stages(apart, analyzer, tree, exact)),
        ):
            told = sum(len(call.utterances) for call in these)
            for stage, spent in times.items():
                least[stage] = min(spent / told, least.get(stage, spent))
    return told, least


def whole(calls: list[Transcript], analyzer: CallAnalyzer) -> dict[str, float]:
    """CPU seconds of the analysis of calls that were not seen before, and of the same again."""
    return {
        "whole analysis, cold": seconds(lambda: [analyzer.analyze(call) for call in calls]),
        "whole analysis, cached": seconds(lambda: [analyzer.analyze(call) for call in calls]),
    }


def stages(
    calls: list[Transcript], analyzer: CallAnalyzer, tree: EventTree, exact: ExactMatcher
) -> dict[str, float]:
    """CPU seconds of each part of the analysis of calls that were not seen before."""
    readings = [analyzer.read(call) for call in calls]
    done = {
        "forms": seconds(lambda: [one.texts for one in readings]),
        "pinyin": seconds(lambda: [text.pinyin for one in readings for _, text in one.texts]),
        "segments": seconds(lambda: [one.cut for one in readings]),
        "sentence vectors": seconds(lambda: [one.vectors for one in readings]),
        "turns and acts": seconds(lambda: [one.places for one in readings]),
    }
    hits: list[tuple[EventHit, ...]] = []
    done["tree"] = seconds(
        lambda: hits.extend(
            analyzer.match(call, {}, one) for call, one in zip(calls, readings, strict=True)
        )
    )
    done["  exact layers"] = seconds(lambda: exact_layers(exact, tree, readings))
    done["  words (jieba, all texts)"] = seconds(
        lambda: [default_tokenizer().words(t.heard) for one in readings for _, t in one.texts]
    )
    found = list(zip(calls, hits, readings, strict=True))
    done["rules, SOP, score and metrics"] = seconds(
        lambda: [analyzer.judge(call, events, reading=one) for call, events, one in found]
    )
    done["  SOP"] = seconds(lambda: [sop_report(tree, call, events) for call, events, _ in found])
    done["  metrics"] = seconds(lambda: [call_metrics(call, events) for call, events, _ in found])
    done["roles held against the acts (two channels)"] = seconds(
        lambda: [analyzer.with_roles_checked(call, one) for call, _, one in found]
    )
    return done


def exact_layers(exact: ExactMatcher, tree: EventTree, readings: list[CallReading]) -> None:
    """Look for the keywords and patterns of all nodes that a side may say."""
    said = {
        role: frozenset(node.path for node in tree.walk() if may_say(node.role, role))
        for role in ("agent", "customer")
    }
    for one in readings:
        for utterance, text in one.texts:
            exact.match(text, said[utterance.role])


def main() -> None:
    """Print the table, or one JSON object with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20, help="calls of one run")
    parser.add_argument("--repeat", type=int, default=5, help="runs of which the least counts")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    count, times = measure(arguments.calls, arguments.repeat)
    base = times["whole analysis, cold"]
    rows = {
        stage: {"us_per_utterance": spent * 1e6, "utterances_per_s": 1 / spent,
                "share": spent / base}
        for stage, spent in times.items()
    }  # fmt: skip
    if arguments.json:
        print(json.dumps({"utterances": count, "stages": rows}, ensure_ascii=False))
        return
    print(f"{NODES} nodes, {RULES} rules, one core, CPU time; {arguments.repeat} runs of "
          f"{arguments.calls} calls (the last: {count} utterances)")  # fmt: skip
    for stage, row in rows.items():
        rate = f"{row['utterances_per_s']:9.0f}/s"
        print(f"{stage:43} {row['us_per_utterance']:8.0f} us {rate:>11} {row['share']:6.1%}")


if __name__ == "__main__":
    main()
