"""Acts: what the built-in model of dialogue acts reads in a call, for the rules that ask."""

from collections.abc import Mapping

from asr.transcript import Transcript
from core.errors import AppError
from events.acts.labels import LABELS
from events.acts.reading import ActPlace, ActReader, act_reader
from events.reading import CallReading
from nlp.encoders.base import SentenceEncoder
from qa_rules.conditions.searches import ActCondition, KeywordCondition, RegexCondition
from qa_rules.model import Condition, RuleSet

Acts = Mapping[int, Mapping[str, ActPlace]]
"""By the index of the utterance: the acts that reach the model's own threshold, by name."""


class ActListener:
    """Reads calls with the act model that ships with the product. Thread safe."""

    def __init__(self, reader: ActReader, encoder: SentenceEncoder) -> None:
        self._reader = reader
        self._encoder = encoder

    def read(self, transcript: Transcript) -> CallReading:
        """What a call's utterances say, acts and their chances among it."""
        return CallReading(transcript, self._encoder, self._reader)


def named_act(condition: Condition) -> str:
    """The act that a condition asks the model for; empty when it asks for none."""
    if isinstance(condition, ActCondition):
        return condition.act
    if isinstance(condition, KeywordCondition | RegexCondition):
        return condition.plausible
    return ""


def unknown_act(condition: Condition) -> str:
    """The act that a condition names and that there is none of; empty when there is no such."""
    act = named_act(condition)
    return "" if act in LABELS else act


def listener(ruleset: RuleSet, encoder: SentenceEncoder | None) -> ActListener | None:
    """What reads the acts that the rules name.

    None when no rule names one, and without the encoder that the model was trained on.

    Raises:
        AppError: `bad-rules` when a condition names an act that there is none of.
    """
    named = False
    for rule in ruleset.rules:
        for name, condition in rule.conditions.items():
            named = named or bool(named_act(condition))
            if act := unknown_act(condition):
                raise AppError(
                    "bad-rules",
                    f"规则 {rule.id}：条件 {name} 写的是 {act}，没有这个内置事件或违规。",
                )
    if encoder is None or not named:
        return None
    reader = act_reader(encoder)
    return None if reader is None else ActListener(reader, encoder)
