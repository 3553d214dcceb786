"""The published JSON Schema: every pack follows it, mistakes do not, and it is up to date."""

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from rules_conditions import conditions

from qa_rules.documents.conditions import OPERATORS
from qa_rules.documents.dumping_conditions import dump_condition
from qa_rules.documents.rule_sets import pack_names
from qa_rules.documents.schema import rules_schema
from qa_rules.model import Condition

ROOT = Path(__file__).resolve().parents[3]
VALID = Draft202012Validator(rules_schema())


def pack(name: str) -> Any:
    text = (files("qa_rules") / "packs" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    Draft202012Validator.check_schema(rules_schema())
    published = json.loads((ROOT / "docs" / "rules.schema.json").read_text(encoding="utf-8"))
    assert published == rules_schema()


@pytest.mark.parametrize("name", pack_names())
def test_the_packs_follow_the_schema(name: str) -> None:
    assert [error.message for error in VALID.iter_errors(pack(name))] == []


CONDITION = VALID.evolve(
    schema={**rules_schema()["$defs"]["condition"], "$defs": rules_schema()["$defs"]}
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(conditions())
def test_every_condition_that_can_be_written_follows_the_schema(condition: Condition) -> None:
    plain = dump_condition(condition)
    assert CONDITION.is_valid(json.loads(json.dumps(plain)))
    assert [key for key in plain if key in OPERATORS] == [condition.operator]


def first(document: Any) -> Any:
    return document["rules"][0]


def one_condition(document: Any) -> Any:
    return next(iter(first(document)["conditions"].values()))


MUTATIONS: list[Callable[[Any], object]] = [
    lambda d: d.pop("rules"),
    lambda d: d.update(rulez=[]),
    lambda d: first(d).pop("hit_if"),
    lambda d: first(d).update(severity="worst"),
    lambda d: first(d).update(score="很多"),
    lambda d: first(d).update(vetto=True),
    lambda d: first(d).update(conditions={}),
    lambda d: first(d).update(conditions={"a b": {"keyword": "x"}}),
    lambda d: first(d).update(conditions={"a": {}}),
    lambda d: first(d).update(conditions={"a": {"keyword": "x", "regex": "y"}}),
    lambda d: first(d).update(conditions={"a": {"keyword": []}}),
    lambda d: first(d).update(conditions={"a": {"keyword": "x", "range": "前三句"}}),
    lambda d: first(d).update(conditions={"a": {"silence": {"min": 3}}}),
    lambda d: first(d).update(conditions={"a": {"duration": {"of": "call"}}}),
    lambda d: first(d).update(conditions={"a": {"entity": "telephone"}}),
    lambda d: first(d).update(conditions={"a": {"keyword": "x", "anchor": {"utterances": 3}}}),
    lambda d: first(d).update(conditions={"a": {"process": ["b"]}}),
    lambda d: one_condition(d).update(rolle="agent"),
    lambda d: d.update(scorecard={"start": "满分"}),
    lambda d: d.update(scorecard={"sections": [{"name": "空"}]}),
    lambda d: d.update(scorecards=[]),
    lambda d: first(d).update(conditions={"a": {"within": {"find": "b", "of": "c"}}}),
    lambda d: first(d).update(conditions={"a": {"unanswered": {"utterances": 1, "seconds": 1}}}),
    lambda d: first(d).update(conditions={"a": {"keyword": "x", "range": []}}),
    lambda d: first(d).update(conditions={"a": {"keyword": "x", "range": "first 2.5 utterances"}}),
    lambda d: first(d)["examples"].update(must_fire=[{"dialogue": "x", "metadata": {"a": None}}]),
]


@pytest.mark.parametrize("change", MUTATIONS)
def test_mistakes_do_not_follow_the_schema(change: Callable[[Any], object]) -> None:
    document = copy.deepcopy(pack("保险"))
    assert VALID.is_valid(document)
    change(document)
    assert not VALID.is_valid(document)
