"""The hallucination guard: which recognised words are not believed, and why."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from asr.engines.base import WindowText, WindowWord

# Thresholds of Whisper's reference decoder: silence is believed when the model says so and was
# also unsure of the text it wrote.
_NO_SPEECH_PROBABILITY = 0.6
_NO_SPEECH_LOGPROB = -1.0
# Text that packs better than this repeats itself (Whisper's reference decoder, for UTF-8).
_COMPRESSION_RATIO = 2.4
# A window that is this unsure may have written anything.
_DOUBT_NO_SPEECH = 0.3
_DOUBT_LOGPROB = -0.8

_MIN_REPEATS = 4
_MIN_LOOP_CHARACTERS = 10
_LONGEST_UNIT = 20
_KEPT_REPEATS = 1

# Subtitle credits that the weights learned from video: nobody says them on the telephone.
_STOCK = re.compile(
    r"(?:字幕|翻译|校对|听译)(?:由|志愿者|组|制作|提供|by|:|：)|amara\.?org|明镜(?:与|和|需要)?点点|点点栏目"
    r"|不吝点赞|点赞.{0,4}订阅|订阅.{0,4}(?:转发|打赏)|(?:谢谢|感谢)(?:您|大家|你)?的?(?:观看|收看|收听)|优优独播剧场"
    r"|(?:中文)?字幕(?:組|组)|请按.{0,4}订阅",
    re.IGNORECASE,
)
# What presenters say as well as callers do: refused as a whole utterance of a doubtful window.
_PRESENTER = re.compile(
    r"(?:请|记得)?(?:订阅|关注|点赞|分享|转发)(?:我们?的?)?(?:频道|视频|节目)?"
    r"|(?:我们)?下(?:期|次|集)(?:节目)?(?:再见|见)"
    r"|(?:谢谢|感谢)(?:大家|各位)(?:的支持)?|未经(?:授权|许可).{0,8}|版权所有|本(?:期|集|片|节目).{0,6}"
    r"|to be continued|thank you(?: for watching)?|thanks for watching|bye[- ]?bye",
    re.IGNORECASE,
)
_NOT_TEXT = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Refused:
    """Words `[first, last)` of a window that are dropped, with the reason (kebab-case)."""

    first: int
    last: int
    reason: str


def refuse_window(text: WindowText, prompt: str) -> tuple[Refused, ...]:
    """What to drop of one window's text: sorted, disjoint runs of words.

    `no-speech` drops everything, `prompt-echo` the prompt written back; `repeat-loop` drops the
    second and later of at least four repeats in a row, or everything that packs like a loop
    whose rounds are not quite equal.
    """
    everything = len(text.words)
    if not everything:
        return ()
    if text.no_speech_prob > _NO_SPEECH_PROBABILITY and text.avg_logprob < _NO_SPEECH_LOGPROB:
        return (Refused(0, everything, "no-speech"),)
    plain = _NOT_TEXT.sub("", text.text)
    if _is_echo(plain, prompt, 2 if is_doubtful(text) else 4):
        return (Refused(0, everything, "prompt-echo"),)
    loops = _loops(text.words)
    if not loops and compression_ratio(plain) > _COMPRESSION_RATIO:
        return (Refused(0, everything, "repeat-loop"),)
    return loops


def is_doubtful(text: WindowText) -> bool:
    """Whether the engine itself half doubts that the window holds this, or any, speech."""
    return (
        text.no_speech_prob > _DOUBT_NO_SPEECH
        or text.avg_logprob < _DOUBT_LOGPROB
        or compression_ratio(_NOT_TEXT.sub("", text.text)) > _COMPRESSION_RATIO
    )


def is_stock_phrase(text: str, *, is_doubtful: bool = False) -> bool:
    """Whether an utterance is a subtitle credit that the weights write over noise.

    What presenters and callers both say counts only when the engine was doubtful.
    """
    if _STOCK.search(text):
        return True
    plain = re.sub(r"[，。！？、；：,.!?;:…\s]+$", "", text.strip())
    return is_doubtful and _PRESENTER.fullmatch(plain) is not None


def compression_ratio(text: str) -> float:
    """Bytes of the text in UTF-8 per byte of it packed by zlib; 0 for no text."""
    encoded = text.encode("utf-8")
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


def _is_echo(plain: str, prompt: str, least: int) -> bool:
    """Whether a text of `least` characters or more is a piece of the prompt."""
    return len(plain) >= least and plain in _NOT_TEXT.sub("", prompt)


def _loops(words: Sequence[WindowWord]) -> tuple[Refused, ...]:
    """Runs of repeated text, the first occurrence kept."""
    texts = [_NOT_TEXT.sub("", word.text) for word in words]
    refused: list[Refused] = []
    first = 0
    while first < len(texts):
        unit, repeats = _repeats_at(texts, first)
        characters = sum(map(len, texts[first : first + unit])) * repeats
        if repeats >= _MIN_REPEATS and characters >= _MIN_LOOP_CHARACTERS:
            last = first + unit * repeats
            refused.append(Refused(first + unit * _KEPT_REPEATS, last, "repeat-loop"))
            first = last
        else:
            first += 1
    return tuple(refused)


def _repeats_at(texts: Sequence[str], first: int) -> tuple[int, int]:
    """The unit length (words) that covers most when repeated from `first` on, and its count."""
    best = (1, 1)
    for unit in range(1, min(_LONGEST_UNIT, (len(texts) - first) // _MIN_REPEATS) + 1):
        pattern = texts[first : first + unit]
        repeats = 1
        while texts[first + unit * repeats : first + unit * (repeats + 1)] == pattern:
            repeats += 1
        if repeats >= _MIN_REPEATS and unit * repeats > best[0] * best[1]:
            best = (unit, repeats)
    return best
