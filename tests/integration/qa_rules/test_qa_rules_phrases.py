"""The packs with the real encoder and trees: their own examples, and phrases they never saw."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from events.document import load_pack as load_tree
from events.matching import TreeMatcher
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.use import UseEncoder
from nlp.vectors import CachedEncoder
from qa_rules.documents.rule_sets import load_pack, pack_names
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.examples import dialogue, run_examples
from qa_rules.facts.call import CallView
from qa_rules.model import Example, ExampleLine

PHRASES = Path(__file__).with_name("phrases.yaml")


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return CachedEncoder(UseEncoder())


@pytest.mark.parametrize("name", pack_names())
def test_every_example_of_a_pack_holds(name: str, encoder: SentenceEncoder) -> None:
    pack = load_pack(name)
    matcher = TreeMatcher(load_tree(name), encoder)
    report = run_examples(pack, RuleEvaluator(pack, encoder), matcher.match)
    assert report.failed == ()


def test_precision_and_recall_on_phrases_written_apart(encoder: SentenceEncoder) -> None:
    phrases: dict[str, list[str]] = yaml.safe_load(PHRASES.read_text(encoding="utf-8"))
    evaluator = RuleEvaluator(load_pack("电销通用"), encoder)
    found, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for wanted, sentences in phrases.items():
        for sentence in sentences:
            transcript = dialogue(Example((ExampleLine("agent", sentence),)))
            findings = evaluator.evaluate(CallView(transcript))
            hits = {f.rule_name for f in findings if f.outcome == "hit"} & set(phrases)
            found.update(hits & {wanted})
            wrong.update(hits - {wanted})
            missed.update({wanted} - hits - {"无违规"})
    right = found.total()
    assert right / (right + wrong.total()) >= 0.9
    assert right / (right + missed.total()) >= 0.7


def test_a_violation_by_meaning_is_learned_evidence_and_no_veto(encoder: SentenceEncoder) -> None:
    lines = (
        ExampleLine("customer", "我再想想吧"),
        ExampleLine("agent", "我看你这辈子也就这样了"),
    )
    evaluator = RuleEvaluator(load_pack("电销通用"), encoder)
    findings = evaluator.evaluate(CallView(dialogue(Example(lines))))
    found = next(finding for finding in findings if finding.rule == "abusive-language")
    assert (found.outcome, found.veto) == ("hit", False)
    assert {item.layer for item in found.evidence} == {"learned"}
    assert all(item.utterance == 1 and item.text in lines[1].text for item in found.evidence)
