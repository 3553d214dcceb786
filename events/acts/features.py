"""What the act model reads of a call: turns with their segments, n-grams and place.

A turn is everything one side says until the other side speaks: a recogniser cuts at pauses, so
consecutive utterances of one role are read together.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from asr.transcript import Role
from events.segments import segments, semantic_text
from nlp.grams import gram_slots
from nlp.normalise import TextForms

Floats = NDArray[np.float32]

_GRAM_BITS = 30  # So many that hardly two n-grams share a slot: shared ones cost two points of F1.
PLACE_SIZE = 24
# Odd multipliers of a multiplicative hash, modulo 2**32: of both syllables, and all over.
_FIRST, _SECOND, _SPREAD = (np.uint32(factor) for factor in (0xC2B2AE35, 0x27D4EB2F, 0x9E3779B1))
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


def read_turns(spoken: Sequence[tuple[Role, Sequence[TextForms]]]) -> list[Turn]:
    """Turns from who speaks and the forms of the turn's utterances, in order."""
    contents = ["|".join(semantic_text(text.normalised) for text in texts) for _, texts in spoken]
    sounds = [[sound for text in texts for sound in (*text.pinyin, "|")] for _, texts in spoken]
    slots = _slots(contents, sounds)
    return [
        _turn(role, texts, content, found)
        for (role, texts), content, found in zip(spoken, contents, slots, strict=True)
    ]


def piece_turns(role: Role, texts: Sequence[str]) -> list[Turn]:
    """Segments read as turns of their own, by their vectors and their characters."""
    return [
        Turn(role, ((0, 0, len(text)),), (text,), slots, len(text), (0.0, *_cues(text)))
        for text, slots in zip(texts, _slots(texts, [()] * len(texts)), strict=True)
    ]


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


def _turn(role: Role, texts: Sequence[TextForms], content: str, slots: NDArray[np.int32]) -> Turn:
    pieces = tuple((at, a, b) for at, text in enumerate(texts) for a, b in segments(text))
    raw = "".join(text.raw for text in texts)
    return Turn(
        role,
        pieces,
        tuple(semantic_text(texts[at].normalised[a:b]) for at, a, b in pieces),
        slots,
        len(content),
        (float("？" in raw or "?" in raw), *_cues(content)),
    )


def _cues(content: str) -> tuple[float, ...]:
    return tuple(float(cue in content) for cue in _CUES)


def _slots(contents: Sequence[str], sounds: Sequence[Sequence[str]]) -> list[NDArray[np.int32]]:
    """For each text the slots of its n-grams, ascending, each once."""
    if not contents:
        return []
    written, starts = gram_slots(contents, _GRAM_BITS)
    heard, heard_starts = _sound_slots(sounds)
    return [
        np.concatenate(parts).astype(np.int32)
        for parts in zip(
            np.split(written, starts[1:]), np.split(heard, heard_starts[1:]), strict=True
        )
    ]


def _sound_slots(sounds: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The slots of the syllables and of the pairs of each text, and where each text's begin."""
    codes = np.array([_sound(sound) for text in sounds for sound in text], dtype=np.uint32)
    row_of = np.repeat(np.arange(len(sounds)), [len(text) for text in sounds])
    pairs = (codes[:-1] * _FIRST + codes[1:] * _SECOND)[row_of[:-1] == row_of[1:]]
    mixed = np.concatenate([codes, pairs]) * _SPREAD >> np.uint32(32 - _GRAM_BITS)
    rows = np.concatenate([row_of, row_of[:-1][row_of[:-1] == row_of[1:]]])
    unique = np.unique(rows << _GRAM_BITS | mixed)
    starts = np.searchsorted(unique, np.arange(len(sounds)) << _GRAM_BITS)
    return unique & ((1 << _GRAM_BITS) - 1) | (1 << _GRAM_BITS), starts


@lru_cache(maxsize=1 << 12)
def _sound(syllable: str) -> int:
    return zlib.crc32(syllable.encode())
