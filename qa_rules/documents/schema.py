"""The JSON Schema of rule documents, for editors: completion, and mistakes while typing.

What a schema cannot say (names that must exist, expressions, ranges that contradict each other)
is left to the parser and the linter.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from nlp.entities import KINDS
from qa_rules.conditions.measures import DurationOf, SpeechRateOf, TurnsOf
from qa_rules.conditions.scope import Direction, SaidBy
from qa_rules.conditions.searches import Feeling, Polarity
from qa_rules.documents.conditions import OPTIONS
from qa_rules.findings import RuleSeverity

Schema = dict[str, Any]
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_NAME: Schema = {"type": "string", "pattern": r"\S"}
_TEXTS: Schema = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_NUMBER: Schema = {"type": "number"}
_SIDE: Schema = {"enum": ["agent", "customer"]}
_RANGE: Schema = {
    "type": "string",
    "pattern": r"^(?:(?:first|last) (?:\d+ utterances?|\d+(?:\.\d+)? s)"
    r"|utterances [1-9]\d* to \d+|s \d+(?:\.\d+)? to \d+(?:\.\d+)?)$",
    "examples": ["first 3 utterances", "last 20 s", "utterances 2 to 5", "s 0 to 60"],
}
_ONE_SIDED = frozenset({"speech_rate", "talk_ratio", "unanswered"})


def rules_schema() -> Schema:
    """The schema of a rule document (JSON Schema 2020-12)."""
    return {
        "$schema": SCHEMA_ID,
        "title": "听鉴质检规则集",
        **_object(
            {
                "ruleset": _NAME,
                "version": {"type": ["string", "number"]},
                "domain": {"type": "string"},
                "description": {"type": "string"},
                "extends": {"type": "string"},
                "without": _TEXTS,
                "scorecard": {"$ref": "#/$defs/scorecard"},
                "scorecards": {
                    "type": "array",
                    "items": {"$ref": "#/$defs/scorecard"},
                    "minItems": 1,
                },
                "categories": {"type": "array", "items": {"anyOf": [_NAME, _category()]}},
                "background": _TEXTS,
                "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}},
            },
            ("ruleset", "version", "rules"),
        ),
        "$defs": {
            "rule": _rule(),
            "scorecard": _scorecard(),
            "condition": {
                "oneOf": [_condition(name, options) for name, options in OPTIONS.items()]
            },
            "anchor": _anchor(),
            "tests": _tests(),
            "example": _example(),
        },
    }


def _object(properties: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _category() -> Schema:
    return _object({"name": _NAME, "description": {"type": "string"}}, ("name",))


def _rule() -> Schema:
    return _object(
        {
            "id": {"type": ["string", "number"]},
            "name": _NAME,
            "category": _NAME,
            "severity": {"enum": list(get_args(RuleSeverity))},
            "reason": _NAME,
            "regulation": {"type": "string"},
            "score": _NUMBER,
            "veto": {"type": "boolean"},
            "veto_if": _NAME,
            "applies": {"$ref": "#/$defs/tests"},
            "applies_if": _NAME,
            "min_precision": {"type": "number", "minimum": 0, "maximum": 1},
            "unheard_ms": {"type": "integer", "minimum": 0},
            "conditions": {
                "type": "object",
                "propertyNames": {"pattern": r"^[\w\-]+$"},
                "additionalProperties": {"$ref": "#/$defs/condition"},
                "minProperties": 1,
            },
            "hit_if": _NAME,
            "examples": _object(
                {
                    key: {"type": "array", "items": {"$ref": "#/$defs/example"}}
                    for key in ("must_fire", "must_not_fire")
                }
            ),
        },
        ("id", "name", "category", "severity", "reason", "conditions", "hit_if"),
    )


def _scorecard() -> Schema:
    points = {"type": "object", "additionalProperties": _NUMBER}
    section = _object(
        {
            "name": _NAME,
            "categories": _TEXTS,
            "rules": _TEXTS,
            "zero_if": _TEXTS,
            "weight": _NUMBER,
            "max_points": _NUMBER,
            "max_bonus": _NUMBER,
        },
        ("name",),
    )
    section["anyOf"] = [{"required": ["categories"]}, {"required": ["rules"]}]
    section["dependentRequired"] = {"zero_if": ["max_points"]}
    return _object(
        {
            "name": _NAME,
            "start": _NUMBER,
            "floor": _NUMBER,
            "ceiling": _NUMBER,
            "pass_mark": {"type": ["number", "null"]},
            "applies_to": {"$ref": "#/$defs/tests"},
            "points": points,
            "severity_points": points,
            "veto": _TEXTS,
            "sections": {"type": "array", "items": section},
        }
    )


def _tests() -> Schema:
    several = {"type": "array", "items": _TEXT, "minItems": 1}
    special = [_object({"not": several}, ("not",)), _object({"matches": _NAME}, ("matches",))]
    return {"type": "object", "additionalProperties": {"anyOf": [_TEXT, several, *special]}}


def _example() -> Schema:
    spoken = dict.fromkeys(("坐席", "客服", "客户", "agent", "customer"), _TEXT)
    whole = {"type": "integer"}
    line = _object({**spoken, "gap_ms": whole, "duration_ms": _count(1), "level_dbfs": _NUMBER})
    dialogue = {
        "anyOf": [_TEXT, {"type": "array", "items": {"anyOf": [_NAME, line]}, "minItems": 1}]
    }
    said = {"type": "array", "items": _TEXT}
    answers = {"type": "object", "additionalProperties": {"anyOf": [_TEXT, said]}}
    fields: dict[str, Schema] = {
        "dialogue": dialogue,
        "metadata": {"type": "object", "additionalProperties": _TEXT},
        "answers": answers,
    }
    full = _object(fields, ("dialogue",))
    return {"anyOf": [dialogue, full]}


def _anchor() -> Schema:
    sides = get_args(Direction)
    hit = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "last"}]}
    return {
        **_object({**dict.fromkeys(sides, _NAME), **_reach(), "hit": hit}),
        "oneOf": [{"required": [side]} for side in sides],
    }


def _condition(operator: str, options: Sequence[str]) -> Schema:
    role = _SIDE if operator in _ONE_SIDED else {"enum": list(get_args(SaidBy))}
    known: dict[str, Schema] = {
        "role": role,
        "range": {"oneOf": [_RANGE, {"type": "array", "items": _RANGE, "minItems": 1}]},
        "anchor": {"$ref": "#/$defs/anchor"},
        "unless": _TEXTS,
        "polarity": {"enum": list(get_args(Polarity))},
        "plausible": _NAME,
        "in_one_utterance": {"type": "boolean"},
        "at_least": {"type": "number", "minimum": 0.01, "maximum": 1},
        "above": _NUMBER,
        "below": _NUMBER,
        "count": _count(1),
    }
    properties = {operator: _values()[operator], "label": _NAME}
    return _object({**properties, **{key: known[key] for key in options}}, (operator,))


def _values() -> dict[str, Schema]:
    """What stands after each operator."""
    near = {
        "find": _NAME,
        "of": _NAME,
        **_reach(),
        "direction": {"enum": list(get_args(Direction))},
    }
    ratio = {"type": "number", "minimum": 0, "maximum": 1}
    semantic = {"examples": _TEXTS, "counter_examples": _TEXTS, "threshold": ratio}
    return {
        "keyword": _many(_TEXT),
        "regex": _TEXTS,
        "not_regex": _TEXTS,
        "semantic": _object(semantic, ("examples",)),
        "act": _NAME,
        "event": _many(_NAME),
        "entity": _many({"enum": list(KINDS)}),
        "sentiment": {"enum": list(get_args(Feeling))},
        "repetition": _object({
            "times": _count(2), "min_chars": _count(1), "within": _count(1), "similarity": ratio,
        }),
        "volume": _bounds(_NUMBER, count=_count(1)),
        "judge": _NAME,
        "order": _object({"first": _NAME, "then": _NAME}, ("first", "then")),
        "within": _one_reach(_object(near, ("find", "of"))),
        "not_within": _one_reach(_object(near, ("find", "of"))),
        "times": _object({"of": _NAME, "at_least": _count(1), "at_most": _count(0)}, ("of",)),
        "unanswered": _one_reach(_object({**_reach(), "question": _NAME, "answer": _NAME})),
        "process": {"type": "array", "items": {"anyOf": [_NAME, _step()]}, "minItems": 2},
        "logic": _NAME,
        "rule": {"type": ["string", "number"]},
        "silence": _object({
            "min_s": _NUMBER, "count": _count(1), "after": {"enum": list(get_args(SaidBy))},
        }),
        "interruption": _object({"min_overlap_ms": _count(1), "count": _count(1)}),
        "speech_rate": _bounds(_NUMBER, of={"enum": list(get_args(SpeechRateOf))}, count=_count(1)),
        "talk_ratio": _bounds(ratio),
        "duration": _bounds(_NUMBER, of={"enum": list(get_args(DurationOf))}),
        "monologue": _object({"min_s": _NUMBER, "count": _count(1)}),
        "turns": _bounds(_NUMBER, of={"enum": list(get_args(TurnsOf))}),
        "metadata": {"$ref": "#/$defs/tests"},
    }  # fmt: skip


def _step() -> Schema:
    within = {"type": "string", "pattern": r"^(?:\d+ utterances?|\d+(?:\.\d+)? s)$"}
    fields = {"step": _NAME, "next": _TEXTS, "within": within, "optional": {"type": "boolean"}}
    return _object(fields, ("step",))


def _many(entry: Schema) -> Schema:
    entries = {"oneOf": [entry, {"type": "array", "items": entry, "minItems": 1}]}
    modes = [_object({mode: entries}, (mode,)) for mode in ("any", "all", "none")]
    counted = _object({"at_least": _count(1), "of": entries}, ("at_least", "of"))
    return {"anyOf": [entries, *modes, counted]}


def _reach() -> dict[str, Schema]:
    return {"utterances": _count(0), "seconds": {"type": "number", "minimum": 0}}


def _one_reach(near: Schema) -> Schema:
    return {**near, "oneOf": [{"required": ["utterances"]}, {"required": ["seconds"]}]}


def _bounds(number: Schema, **more: Schema) -> Schema:
    return {
        **_object({"above": number, "below": number, **more}),
        "anyOf": [{"required": ["above"]}, {"required": ["below"]}],
    }


def _count(least: int) -> Schema:
    return {"type": "integer", "minimum": least}
