"""The conformance table of the rule language names tests that exist, for every operator."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from qa_rules.documents.conditions import OPERATORS
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.sentences.reading import read_rule

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "docs" / "rules.md", ROOT / "docs" / "en" / "rules.md")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows(page: Path) -> list[str]:
    """The lines of the table that name a test."""
    return [line for line in page.read_text(encoding="utf-8").splitlines() if TEST.search(line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_named_tests_exist(page: Path) -> None:
    named = [TEST.findall(row) for row in rows(page)]
    assert len(named) > 30
    for path, name in {pair for pairs in named for pair in pairs}:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{path}::{name}"


def test_both_languages_name_the_same_tests() -> None:
    ours, theirs = ([TEST.findall(row) for row in rows(page)] for page in PAGES)
    assert ours == theirs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_operator_is_in_the_list_and_in_the_examples(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for operator in OPERATORS:
        assert re.search(rf"\b{operator}\b", text), operator
        assert re.search(rf"[{{ ]{operator}:", text), operator


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_the_page_can_be_read(page: Path) -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (examples,) = [
        code for kind, code in blocks if kind == "yaml" and code.startswith("conditions")
    ]
    names = list(yaml.safe_load(examples)["conditions"])
    rule = "    " + examples.replace("\n", "\n    ").rstrip()
    line = " or ".join(names)
    document = HEAD + f"{rule}\n    hit_if: {line}\n"
    assert list(parse_ruleset(document + OTHER).rules[0].conditions) == names
    RuleEvaluator(parse_ruleset(document + OTHER))
    (sentences,) = [code for _, code in blocks if "〔问候语〕" in code]
    for sentence in sentences.splitlines():
        assert read_rule(sentence).conditions


HEAD = """ruleset: 例
version: "1"
categories: [类]
rules:
  - id: example
    name: 例
    category: 类
    severity: minor
    reason: 因
"""
OTHER = """  - {id: no-greeting, name: 问候, category: 类, severity: minor, reason: 因, hit_if: a,
     conditions: {a: {keyword: 您好}}}
"""
