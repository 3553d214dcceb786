"""Templates: the sentence of each kind of condition, the same for writing and for reading.

`{slot}` stands for a part that depends on the condition, `{+yes|no}` for words that differ
between the sentence and its denial. A template without the latter is denied by 并非.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from qa_rules.conditions.measures import (
    DurationCondition,
    InterruptionCondition,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    OrderCondition,
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
from qa_rules.sentences.slots import SLOTS, Fields

_PART = re.compile(r"\{(\+?)([^}]*)\}")


class Template:
    """The sentence of the conditions of one class whose fields have the given values."""

    def __init__(self, kind: type, text: str, **fixed: Any) -> None:
        self.kind = kind
        self._parts = tuple(_PART.split(text))
        self.fixed = fixed

    def fits(self, condition: object) -> bool:
        """Whether the template writes this condition."""
        return type(condition) is self.kind and all(
            getattr(condition, field) == value for field, value in self.fixed.items()
        )

    def write(self, condition: object, holds: bool) -> str | None:
        """The sentence, or its denial; None when the denial has no words of its own."""
        if not holds and not self._has_denial:
            return None
        return "".join(
            text if kind == "text" else text.split("|")[not holds] if kind == "verb"
            else SLOTS[text].write(condition)
            for kind, text in self._pieces()
        )  # fmt: skip

    def read(self, sentence: str) -> tuple[Any, bool] | None:
        """The condition and whether the sentence states it; None for another sentence."""
        for holds in (True, False) if self._has_denial else (True,):
            found = self._patterns[holds].fullmatch(sentence)
            if found is not None:
                fields: Fields = dict(self.fixed)
                for name, text in found.groupdict().items():
                    fields |= SLOTS[name.removeprefix("slot_")].read(text)
                return self.kind(**fields), holds
        return None

    @cached_property
    def _has_denial(self) -> bool:
        return any(kind == "verb" for kind, _ in self._pieces())

    @cached_property
    def _patterns(self) -> dict[bool, re.Pattern[str]]:
        return {holds: re.compile(self._pattern(holds), re.DOTALL) for holds in (True, False)}

    def _pattern(self, holds: bool) -> str:
        return "".join(
            re.escape(text) if kind == "text" else re.escape(text.split("|")[not holds])
            if kind == "verb" else f"(?P<slot_{text}>{SLOTS[text].pattern})"
            for kind, text in self._pieces()
        )  # fmt: skip

    def _pieces(self) -> Iterator[tuple[str, str]]:
        for at in range(0, len(self._parts), 3):
            if self._parts[at]:
                yield "text", self._parts[at]
            if at + 2 < len(self._parts):
                yield ("verb" if self._parts[at + 1] else "slot"), self._parts[at + 2]


def _many(kind: type, verb: str, entries: str, unit: str, tail: str = "") -> list[Template]:
    """The templates of any / all / at least n / none over a list of entries."""
    one = "" if kind is EntityCondition else "{one}"
    return [
        Template(kind, f"{{scope}}{one}{{+{verb}了|没有{verb}}}{{{entries}}}{tail}", mode="any"),
        Template(
            kind, f"{{scope}}{one}{{+{verb}全了|没有{verb}全}}{{{entries}}}{tail}", mode="all"
        ),
        Template(
            kind,
            f"{{scope}}{one}{{+至少{verb}了|没有{verb}够}} {{n}} {unit}：{{{entries}}}{tail}",
            mode="at_least",
        ),
        Template(kind, f"{{scope}}{one}未{verb}{{{entries}}}{tail}", mode="none"),
    ]


TEMPLATES: tuple[Template, ...] = (
    *_many(KeywordCondition, "说", "words", "种", "{options}"),
    *_many(EventCondition, "出现", "nodes", "项", "事件{options}"),
    *_many(EntityCondition, "提到", "kinds", "种", "{values}{options}"),
    Template(RegexCondition, "{scope}的话{+符合|不符合}正则{patterns}{options}", negated=False),
    Template(RegexCondition, "{scope}未说符合正则{patterns}的话{options}", negated=True),
    Template(
        SemanticCondition,
        "{scope}{+说了|没有说}意思像{examples}{counter}（阈值 {threshold}）的话{options}",
    ),
    Template(ActCondition, "{scope}{+说了|没有说}听起来像{act}{chance}的话{options}"),
    Template(SentimentCondition, "{scope}{+有|没有} {count} 句以上表示{feeling}{options}"),
    Template(
        RepetitionCondition,
        "{scope}{+把同样的话说了|没有把同样的话说} {times} 遍以上"
        "（至少 {min_chars} 个字，相似度 {similarity}）{near}{options}",
    ),
    Template(VolumeCondition, "{scope}{+有|没有} {count} 句以上的音量{level}{options}"),
    Template(JudgeCondition, "就{role}的话问语言模型{asked}，答{+是|否}{options}"),
    Template(OrderCondition, "{first}之后{+出现|没有出现}{then}{options}"),
    Template(
        WithinCondition, "{of}{direction}{reach}{+出现|没有出现}{find}{options}", lacking=False
    ),
    Template(WithinCondition, "有一次{of}{direction}{reach}缺了{find}{options}", lacking=True),
    Template(TimesCondition, "{of}出现{low}{high}{options}"),
    Template(
        UnansweredCondition,
        "{role}{question}后{reach}{+没有得到|都得到了}{answer}对方的回答{options}",
    ),
    Template(RuleCondition, "规则{rule}{+命中|没有命中}{options}"),
    Template(
        SilenceCondition,
        "{after}{inside}{+出现|没有出现} {count} 次以上超过 {min_s} 秒的静音{options}",
    ),
    Template(
        InterruptionCondition,
        "{role}{inside}{+抢话|没有抢话} {count} 次以上（重叠超过 {overlap} 毫秒）{options}",
    ),
    Template(SpeechRateCondition, "{role}的语速{rate}{options}", of="call", count=1),
    Template(
        SpeechRateCondition,
        "{role}{+有|没有} {count} 句以上的语速{rate}{options}",
        of="utterance",
    ),
    Template(TalkRatioCondition, "{role}的说话占比{share}{options}"),
    Template(DurationCondition, "整通录音（{role}）的时长{seconds}{options}", of="call"),
    Template(DurationCondition, "{role}的说话时长{seconds}{options}", of="talk"),
    Template(MonologueCondition, "{role}{+有|没有} {count} 次以上连续说话超过 {min_s} 秒{options}"),
    Template(TurnsCondition, "{role}说的话{turns}{options}", of="turns"),
    Template(TurnsCondition, "{role}说的话{lines}{options}", of="utterances"),
)  # fmt: skip
