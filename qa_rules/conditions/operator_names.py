"""The operator of a condition, as rule documents spell it."""

from collections.abc import Mapping

from qa_rules.conditions.measures import (
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    RuleCondition,
    TimesCondition,
    UnansweredCondition,
    WithinCondition,
)
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    JudgeCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    SemanticCondition,
    SentimentCondition,
    VolumeCondition,
)
from qa_rules.model import Condition

_NAMES: Mapping[type[Condition], str] = {
    KeywordCondition: "keyword",
    RegexCondition: "regex",
    SemanticCondition: "semantic",
    ActCondition: "act",
    EventCondition: "event",
    EntityCondition: "entity",
    SentimentCondition: "sentiment",
    RepetitionCondition: "repetition",
    VolumeCondition: "volume",
    JudgeCondition: "judge",
    OrderCondition: "order",
    WithinCondition: "within",
    TimesCondition: "times",
    UnansweredCondition: "unanswered",
    ProcessCondition: "process",
    LogicCondition: "logic",
    RuleCondition: "rule",
    SilenceCondition: "silence",
    InterruptionCondition: "interruption",
    SpeechRateCondition: "speech_rate",
    TalkRatioCondition: "talk_ratio",
    DurationCondition: "duration",
    MonologueCondition: "monologue",
    TurnsCondition: "turns",
    MetadataCondition: "metadata",
}


def operator_of(condition: Condition) -> str:
    """`keyword`, `not_regex`, `within`, …: the key under which a document states the condition."""
    name = _NAMES[type(condition)]
    reverse = (isinstance(condition, RegexCondition) and condition.negated) or (
        isinstance(condition, WithinCondition) and condition.lacking
    )
    return f"not_{name}" if reverse else name
