"""Evidence: the exact place in a call that a verdict rests on."""

from dataclasses import dataclass
from typing import Literal

Layer = Literal[
    "keyword",
    "regex",
    "pinyin",
    "semantic",
    "learned",
    "judge",
    "event",
    "entity",
    "sentiment",
    "repetition",
    "volume",
    "timing",
    "metadata",
    "human",
]
Form = Literal["raw", "normalised", "pinyin", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One place in a call, and what found it there.

    `utterance` is the index into the transcript, None for evidence that no utterance carries
    (silence, duration, metadata). `char_start`/`char_end` are half-open Unicode code points of
    that utterance's raw `text`, whatever form matched. Times are call milliseconds, half-open.
    `layer` found it, on `form` of the text; `score` is in [0, 1], 1.0 for exact layers.
    `text` quotes what matched, or states the measured fact (`静音 5.2 秒`).
    """

    utterance: int | None
    role: str
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int
    layer: Layer
    form: Form
    score: float
    text: str
