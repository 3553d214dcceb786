"""Makers for tests: transcripts from lines of text, and an encoder that needs no weights."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance

ROLE: dict[str, Role] = {"A": "agent", "C": "customer", "U": "unknown"}


class GramEncoder:
    """Unit vectors of hashed characters and character pairs: similar words, similar vectors."""

    encoder_id = "grams@1"
    dim = 256

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for gram in (*text, *(text[i : i + 2] for i in range(len(text) - 1))):
                vectors[row, zlib.crc32(gram.encode()) % self.dim] += 1.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(norms, 1e-6)
        return unit


def make_call(*lines: str) -> Transcript:
    """A call from lines such as `A:您好`: 200 ms for each character, 500 ms between turns."""
    utterances = []
    at = 0
    for index, line in enumerate(lines):
        side, text = line.split(":", 1)
        end = at + max(len(text), 1) * 200
        channel = 1 if side == "C" else 0
        utterances.append(Utterance(index, channel, ROLE[side], at, end, text, text))
        at = end + 500
    facts = AudioFacts(max(at, 60_000), 8000, 2, "reference", "none")
    return Transcript(facts, EngineInfo("reference"), tuple(utterances))
