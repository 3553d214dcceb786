"""Acts: what the built-in model of dialogue acts reads in a call, for the rules that ask."""

from collections.abc import Mapping, Sequence

from asr.transcript import Utterance
from core.errors import AppError
from events.acts.labels import LABELS
from events.acts.model import ActModel
from events.acts.reading import ActPlace, ActReader
from events.segments import segments, semantic_text
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms
from qa_rules.model import RuleSet
from qa_rules.searches import ActCondition

Acts = Mapping[int, Mapping[str, ActPlace]]
"""By the index of the utterance: the acts that reach the model's own threshold, by name."""


class ActListener:
    """Reads calls with the act model that ships with the product. Thread safe."""

    def __init__(self, model: ActModel, encoder: SentenceEncoder) -> None:
        self._reader = ActReader(model)
        self._encoder = encoder

    def read(self, said: Sequence[tuple[Utterance, TextForms]]) -> Acts:
        """The acts of a call's utterances; only utterances with an act are listed.

        The texts that are encoded are those of the event tree, so one cache of vectors
        serves both.
        """
        heard = [(utterance, text) for utterance, text in said if text.heard]
        pieces = dict.fromkeys(
            semantic_text(text.normalised[start:end])
            for _, text in heard
            for start, end in segments(text)
        )
        unique = list(pieces)
        vectors = dict(zip(unique, self._encoder.encode(unique), strict=True)) if unique else {}
        found = self._reader.read(heard, vectors)
        return {
            utterance.index: places
            for (utterance, _), places in zip(heard, found, strict=True)
            if places
        }


def listener(ruleset: RuleSet, encoder: SentenceEncoder | None) -> ActListener | None:
    """What reads the acts that the rules name.

    None when no rule names one, and without the encoder that the model was trained on.

    Raises:
        AppError: `bad-rules` when a condition names an act that there is none of.
    """
    named = False
    for rule in ruleset.rules:
        for name, condition in rule.conditions.items():
            if isinstance(condition, ActCondition):
                named = True
                if condition.act not in LABELS:
                    raise AppError(
                        "bad-rules",
                        f"规则 {rule.id}：条件 {name} 的 act 写的是 {condition.act}，"
                        "没有这个内置事件或违规。",
                    )
    if encoder is None or not named:
        return None
    model = ActModel.load()
    return ActListener(model, encoder) if model.fits(encoder) else None
