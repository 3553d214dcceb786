"""Conditions of a rule document that look for something in what was said."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import yaml

from events.yaml_reader import Reader
from nlp.entities import KINDS
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    Feeling,
    JudgeCondition,
    KeywordCondition,
    Mode,
    Polarity,
    RegexCondition,
    RepetitionCondition,
    Search,
    SemanticCondition,
    SentimentCondition,
    VolumeCondition,
)
from qa_rules.documents.scope import (
    Nodes,
    choice,
    count_of,
    filled,
    limits,
    read_many,
    read_role,
    read_scope,
)

_SCOPED = ("role", "range", "anchor")
_TEXT = (*_SCOPED, "unless", "polarity")
_WORDS = (*_TEXT, "plausible")


def _in_one(reader: Reader, entries: Nodes, mode: Mode) -> bool:
    if "in_one_utterance" not in entries:
        return False
    if mode not in ("all", "at_least"):
        raise reader.fail(
            entries["in_one_utterance"], "in_one_utterance 只用于 all 或 at_least，请删去"
        )
    return reader.flag(entries["in_one_utterance"], "in_one_utterance")


def _text_options(reader: Reader, entries: Nodes) -> dict[str, Any]:
    options: dict[str, Any] = {"scope": read_scope(reader, entries)}
    if "unless" in entries:
        options["unless"] = filled(reader, entries["unless"], "unless")
    if "polarity" in entries:
        options["polarity"] = choice(reader, entries["polarity"], "polarity", Polarity)
    if "plausible" in entries:
        options["plausible"] = reader.name(entries["plausible"], "plausible")
    return options


def _keyword(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    mode, words, count = read_many(reader, node, "keyword")
    return KeywordCondition(
        words=words,
        mode=mode,
        at_least=count,
        in_one_utterance=_in_one(reader, entries, mode),
        line=line,
        **_text_options(reader, entries),
    )


def _regex(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    patterns = filled(reader, node, "regex")
    return RegexCondition(patterns=patterns, line=line, **_text_options(reader, entries))


def _not_regex(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    patterns = filled(reader, node, "not_regex")
    return RegexCondition(
        patterns=patterns, negated=True, line=line, **_text_options(reader, entries)
    )


def _semantic(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    inner = reader.mapping(node, ("examples", "counter_examples", "threshold"), "semantic")
    if "examples" not in inner:
        raise reader.fail(node, "semantic 要有 examples（例句）")
    counter = inner.get("counter_examples")
    threshold = inner.get("threshold")
    return SemanticCondition(
        examples=filled(reader, inner["examples"], "examples"),
        counter_examples=reader.texts(counter, "counter_examples") if counter else (),
        threshold=reader.number(threshold, "threshold", 0.01, 1.0) if threshold else 0.5,
        line=line,
        **_text_options(reader, entries),
    )


def _act(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    least = entries.get("at_least")
    return ActCondition(
        act=reader.name(node, "act"),
        at_least=reader.number(least, "at_least", 0.01, 1.0) if least else None,
        scope=read_scope(reader, entries),
        line=line,
    )


def _event(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    mode, nodes, count = read_many(reader, node, "event")
    return EventCondition(
        nodes=nodes,
        mode=mode,
        at_least=count,
        in_one_utterance=_in_one(reader, entries, mode),
        scope=read_scope(reader, entries),
        line=line,
    )


def _entity(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    mode, kinds, count = read_many(reader, node, "entity")
    for kind in kinds:
        if kind not in KINDS:
            raise reader.fail(node, f"没有 {kind} 这种实体，可用的有：{'、'.join(KINDS)}")
    bounds = limits(reader, entries, ("above", "below"), 0, 1e12)
    return EntityCondition(
        kinds=kinds,
        mode=mode,
        at_least=count,
        scope=read_scope(reader, entries),
        line=line,
        above=bounds.get("above"),
        below=bounds.get("below"),
    )


def _sentiment(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    return SentimentCondition(
        feeling=cast(Feeling, choice(reader, node, "sentiment", Feeling)),
        count=count_of(reader, entries),
        scope=read_scope(reader, entries),
        line=line,
    )


def _repetition(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    inner = reader.mapping(node, ("times", "min_chars", "similarity", "within"), "repetition")
    given: dict[str, Any] = {
        key: reader.integer(inner[key], key, low)
        for key, low in (("times", 2), ("min_chars", 1), ("within", 1))
        if key in inner
    }
    if "similarity" in inner:
        given["similarity"] = reader.number(inner["similarity"], "similarity", 0.1, 1.0)
    if "unless" in entries:
        given["unless"] = filled(reader, entries["unless"], "unless")
    return RepetitionCondition(scope=read_scope(reader, entries), line=line, **given)


def _volume(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    inner = reader.mapping(node, ("above", "below", "count"), "volume")
    bounds = limits(reader, inner, ("above", "below"), -120, 0)
    if not bounds:
        raise reader.fail(node, "volume 至少写 above 或 below 之一（dBFS，如 -35）")
    return VolumeCondition(
        count=count_of(reader, inner),
        scope=read_scope(reader, entries),
        line=line,
        above=bounds.get("above"),
        below=bounds.get("below"),
    )


def _judge(reader: Reader, node: yaml.Node, entries: Nodes, line: int) -> Search:
    return JudgeCondition(
        question=reader.name(node, "judge"), role=read_role(reader, entries, "any"), line=line
    )


_Builder = Callable[[Reader, yaml.Node, Nodes, int], Search]
SEARCHES: Mapping[str, tuple[tuple[str, ...], _Builder]] = {
    "keyword": ((*_WORDS, "in_one_utterance"), _keyword),
    "regex": (_WORDS, _regex),
    "not_regex": (_WORDS, _not_regex),
    "semantic": (_TEXT, _semantic),
    "act": ((*_SCOPED, "at_least"), _act),
    "event": ((*_SCOPED, "in_one_utterance"), _event),
    "entity": ((*_SCOPED, "above", "below"), _entity),
    "sentiment": ((*_SCOPED, "count"), _sentiment),
    "repetition": ((*_SCOPED, "unless"), _repetition),
    "volume": (_SCOPED, _volume),
    "judge": (("role",), _judge),
}
