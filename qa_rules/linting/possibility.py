"""What can never be true: of a condition by itself, and of two conditions together."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, floor

from core.errors import AppError
from events import keywords
from qa_rules.conditions.measures import (
    Bounds,
    DurationCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import UnansweredCondition
from qa_rules.conditions.searches import (
    EntityCondition,
    EventCondition,
    KeywordCondition,
    RegexCondition,
    VolumeCondition,
)
from qa_rules.model import Condition

_Bounded = DurationCondition | SpeechRateCondition | TalkRatioCondition | TurnsCondition
_Modal = KeywordCondition | EventCondition | EntityCondition


def impossible(condition: Condition) -> Iterator[str]:
    """Why a condition holds of no call, in Chinese; nothing when it may hold."""
    match condition:
        case TalkRatioCondition(bounds=bounds) if _outside(bounds, 0, 1):
            yield "占比只能在 0 到 1 之间"
        case TurnsCondition(bounds=bounds) if not _whole_number_in(bounds):
            yield "轮数与句数是不小于 0 的整数，没有一个在界内"
        case DurationCondition(bounds=bounds) | SpeechRateCondition(bounds=bounds) if (
            bounds.below is not None and bounds.below <= 0
        ):
            yield "时长与语速不会小于 0"
        case VolumeCondition(above=above) if above is not None and above >= 0:
            yield "音量最高是 0 dBFS"
        case UnansweredCondition(reach=reach) if not (reach.utterances or reach.seconds):
            yield "回答总在提问之后，多久之内不能是 0"
        case KeywordCondition(words=words) if condition.mode != "none":
            yield from filter(None, map(_empty_word, words))
        case _:
            return


def _outside(bounds: Bounds, low: float, high: float) -> bool:
    above, below = bounds.above, bounds.below
    return (above is not None and above >= high) or (below is not None and below <= low)


def _whole_number_in(bounds: Bounds) -> bool:
    least = 0 if bounds.above is None else floor(bounds.above) + 1
    return bounds.below is None or least <= ceil(bounds.below) - 1


def _empty_word(word: str) -> str | None:
    """Why an expression matches no text; None for one that may, or that cannot be read."""
    try:
        expression = keywords.parse_expression(word)
    except AppError:
        return None
    if any(not any(map(str.isalnum, term)) for term in keywords.terms(expression)):
        return f"关键词“{word}”里有只含标点的词，比对时标点都去掉了"
    if isinstance(expression, keywords.AllOf):
        without = {part.inner for part in expression.parts if isinstance(part, keywords.Not)}
        if without & set(expression.parts):
            return f"关键词“{word}”既要有又不要有同一个词"
    return None


def exclusive(one: Condition, other: Condition) -> bool:
    """Whether no call can make both conditions true."""
    if isinstance(one, _Bounded) and isinstance(other, _Bounded):
        same = replace(one, bounds=other.bounds) == other
        return same and _apart(one.bounds, other.bounds)
    return _denied(one) == other or _denied(other) == one


def _apart(one: Bounds, other: Bounds) -> bool:
    return _above(one, other) or _above(other, one)


def _above(high: Bounds, low: Bounds) -> bool:
    return high.above is not None and low.below is not None and high.above >= low.below


def _denied(condition: Condition) -> Condition | None:
    """What a condition that asks for absence asks to be absent."""
    if isinstance(condition, _Modal) and condition.mode == "none":
        return replace(condition, mode="any")
    if isinstance(condition, RegexCondition) and condition.negated:
        return replace(condition, negated=False)
    return None
