"""What the act model reads of a call: turns with their segments, n-grams and place.

A turn is everything one side says until the other side speaks: a recogniser cuts at pauses, so
consecutive utterances of one role are read together.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.segments import segments, semantic_text
from nlp.normalise import TextForms

Floats = NDArray[np.float32]

CHARACTER_BITS = 14
SOUND_BITS = 13
GRAM_SLOTS = (1 << CHARACTER_BITS) + (1 << SOUND_BITS)
PLACE_SIZE = 24
_EDGES = (1, 2, 3, 5, 8, 12, 20)
_CUES = ("吗", "呢", "吧", "么", "多少", "什么", "不是", "没有", "咋", "哪")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as the model reads it.

    `pieces` are its segments as (which of its texts, start, end) in the normalised form;
    `segment_texts` what is encoded for each. `slots` are hashed n-grams, each once.
    """

    role: Role
    pieces: tuple[tuple[int, int, int], ...]
    segment_texts: tuple[str, ...]
    slots: NDArray[np.int32]
    length: int
    cues: tuple[float, ...]


def read_turn(role: Role, texts: Sequence[TextForms]) -> Turn:
    """A turn from the forms of its utterances, in order."""
    pieces = tuple((at, a, b) for at, text in enumerate(texts) for a, b in segments(text))
    content = "|".join(semantic_text(text.normalised) for text in texts)
    raw = "".join(text.raw for text in texts)
    cues = (
        float("？" in raw or "?" in raw),
        *(float(cue in content) for cue in _CUES),
    )
    return Turn(
        role,
        pieces,
        tuple(semantic_text(texts[at].normalised[a:b]) for at, a, b in pieces),
        _slots(content, [syllable for text in texts for syllable in (*text.pinyin, "|")]),
        len(content),
        cues,
    )


def piece_turn(role: Role, text: str) -> Turn:
    """A segment read as a turn of its own, by its vector and its characters."""
    cues = (0.0, *(float(cue in text) for cue in _CUES))
    return Turn(role, ((0, 0, len(text)),), (text,), _slots(text, ()), len(text), cues)


def place_of(turn: Turn, at: int, count: int) -> Floats:
    """Numbers about a turn's place, length and question words, shape (PLACE_SIZE,)."""
    from_start = [float(at >= edge) for edge in _EDGES[:6]]
    from_end = [float(count - 1 - at >= edge) for edge in _EDGES[:4]]
    values = [
        *from_start,
        *from_end,
        at / max(count - 1, 1),
        math.log1p(turn.length) / 4.0,
        *turn.cues,
        1.0,
    ]
    return np.array(values, dtype=np.float32)


def _slots(content: str, sounds: Sequence[str]) -> NDArray[np.int32]:
    padded = f"^{content}$"
    found = {
        _character_slot(padded[i : i + size])
        for size in (1, 2, 3)
        for i in range(len(padded) - size + 1)
    }
    found.update(_sound_slot(sound) for sound in sounds)
    found.update(_sound_slot(f"{a} {b}") for a, b in pairwise(sounds))
    return np.array(sorted(found), dtype=np.int32)


@lru_cache(maxsize=1 << 16)
def _character_slot(gram: str) -> int:
    return zlib.crc32(gram.encode()) & ((1 << CHARACTER_BITS) - 1)


@lru_cache(maxsize=1 << 16)
def _sound_slot(gram: str) -> int:
    return (1 << CHARACTER_BITS) + (zlib.crc32(gram.encode()) & ((1 << SOUND_BITS) - 1))
