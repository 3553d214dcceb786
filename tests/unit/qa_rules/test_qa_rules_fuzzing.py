"""Mutated documents and mutated calls: no crash, no hang, never a hit on what is missing."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_conditions import stated_rules
from rules_strategies import calls, lines, rules

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from core.errors import AppError
from qa_rules.documents.rule_sets import dump_ruleset, parse_document, parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.linting.rule_sets import lint_ruleset
from qa_rules.model import Category, Rule, RuleSet

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
PACK = (files("qa_rules") / "packs" / "保险.yaml").read_text(encoding="utf-8")
TOKENS = ("not", "and", "(", ")", "[", "]", "{", "}", ":", "- ", "'", '"', "&a", "*a", "!!int", "|",
          "\t", "\x00", "null", "9" * 400, "1e999", ".inf", "range: first 0 s", "process: [a, b]",
          "anchor: {after: a}", "regex: '(a+)+'", "near/99999", "！", "\u2028")  # fmt: skip
T = TypeVar("T")
NAMES = ["甲", "乙-2", "c_3"]


@st.composite
def mutated_packs(draw: st.DrawFn) -> str:
    """A pack with lines lost, doubled or swapped, and tokens put in or taken out."""
    text = PACK.split("\n")
    pick = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 4))):
        at = pick.randrange(len(text))
        change = pick.choice(("drop", "double", "swap", "insert", "cut"))
        if change == "drop":
            del text[at]
        elif change == "double":
            text.insert(at, text[at])
        elif change == "swap":
            other = pick.randrange(len(text))
            text[at], text[other] = text[other], text[at]
        elif change == "insert":
            place = pick.randint(0, len(text[at]))
            text[at] = text[at][:place] + pick.choice(TOKENS) + text[at][place:]
        else:
            text[at] = text[at][: pick.randint(0, len(text[at]))]
    return "\n".join(text)


def attempt(run: Callable[[], T]) -> tuple[T | None, AppError | None]:
    """What comes out, or the expected failure; any other one goes through."""
    try:
        return run(), None
    except AppError as error:
        return None, error


@FUZZ
@given(mutated_packs())
def test_a_mutated_document_is_read_or_refused_with_its_line(text: str) -> None:
    ruleset, error = attempt(lambda: parse_document(text, "x.yaml"))
    if ruleset is None:
        assert error is not None
        assert error.code == "bad-rules"
        assert re.match(r"x\.yaml:\d+:\d+: ", error.message)
        return
    assert parse_document(dump_ruleset(ruleset)) == ruleset
    for issue in lint_ruleset(ruleset, (), "x.yaml"):
        assert issue.message
        assert issue.fix


@FUZZ
@given(stated_rules(lines(NAMES), NAMES))
def test_parse_dump_parse_is_the_identity(rule: Rule) -> None:
    ruleset = RuleSet(name="测", version="1", categories=(Category("类"),), rules=(rule,))
    once = dump_ruleset(ruleset)
    assert parse_document(once) == ruleset
    assert dump_ruleset(parse_document(once)) == once


@FUZZ
@given(stated_rules(lines(NAMES), NAMES), calls())
def test_any_rule_is_judged_or_refused(rule: Rule, call: CallView) -> None:
    ruleset = RuleSet(name="测", version="1", categories=(Category("类"),), rules=(rule,))
    evaluator, error = attempt(lambda: RuleEvaluator(ruleset))
    if evaluator is None:
        assert error is not None
        assert error.code in ("bad-rules", "bad-expression")
        return
    (finding,) = evaluator.evaluate(call)
    assert finding.reason


@FUZZ
@given(rules(), calls(), st.sampled_from(["words", "people", "hits"]))
def test_what_is_missing_never_makes_a_hit(rule: Rule, call: CallView, missing: str) -> None:
    """Without what the rule would need, nothing becomes a hit that was none before."""
    evaluator = RuleEvaluator(RuleSet(name="测", version="1", rules=(rule,)))
    before = evaluator.evaluate(call)[0].outcome
    after = evaluator.evaluate(_without(call, missing))[0].outcome
    if missing == "words":
        assert after != "hit"
    else:
        assert {before, after} != {"hit", "clear"}


def _without(call: CallView, missing: str) -> CallView:
    transcript = call.transcript
    if missing == "hits":
        return replace(call, hits=None)
    if missing == "words":
        nothing = replace(transcript, utterances=(), untranscribed=(),
                          audio=replace(transcript.audio, duration_ms=0))  # fmt: skip
        return CallView(nothing, None)
    unknown = tuple(replace(u, role="unknown") for u in transcript.utterances)
    return replace(call, transcript=replace(transcript, utterances=unknown), hits=None)


def test_nested_brackets_and_endless_repeats_end_soon() -> None:
    head = 'ruleset: a\nversion: "1"\nrules:\n  - {id: r, name: n, category: c, severity: info, '
    deep = "(" * 5000 + "a" + ")" * 5000
    for line in (deep, "not " * 5000 + "a", "at_least 1 of (" * 500 + "a"):
        with pytest.raises(AppError):
            parse_ruleset(
                head + f"reason: r, hit_if: '{line}', conditions: {{a: {{keyword: x}}}}}}"
            )
    text = head + "reason: r, hit_if: a, conditions: {a: {regex: '(x+x+)+y'}}}"
    evaluator = RuleEvaluator(parse_ruleset(text))
    said = Utterance(0, 0, "agent", 0, 9000, "x" * 20_000, "x" * 20_000)
    audio = AudioFacts(9000, 8000, 2, "none", "none")
    call = CallView(Transcript(audio, EngineInfo("reference"), (said,)))
    assert evaluator.evaluate(call)[0].outcome == "clear"
