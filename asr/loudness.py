"""How loud people speak: the level of each utterance, and how much of a side's speech is clipped.

Levels are taken from those of the frames that voice activity is found with, so nothing is read
again for them; samples are read only inside speech, a few seconds at a time.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from asr.audio_checks import CLIP_LEVEL, FULL_SCALE_DB, Listened
from asr.decode import SAMPLES_PER_MS
from asr.engines.silero import FRAME_MS
from asr.transcript import ChannelSpeech, Transcript, Utterance
from core.span import Span

_PIECE = 10_000 * SAMPLES_PER_MS


def with_loudness(transcript: Transcript, heard: Listened) -> Transcript:
    """The transcript with the level of each utterance and the clipped share of each side's speech.

    Args:
        transcript: Of the recording; its channels are those of `heard`.
        heard: The recording as it was listened to.
    """
    utterances = tuple(
        replace(u, level_dbfs=_level(u, heard.speech[u.channel], heard.levels[u.channel]))
        for u in transcript.utterances
    )
    speech = tuple(
        replace(side, clipped_share=_clipped(side, heard.audio.pcm[side.channel]))
        for side in transcript.speech
    )
    return replace(transcript, utterances=utterances, speech=speech)


def _level(
    utterance: Utterance, speech: Sequence[Span], levels: NDArray[np.float32]
) -> float | None:
    """Root mean square of the frames of speech in an utterance, in dBFS, to a tenth."""
    own = utterance.span
    spoken = [
        Span(max(span.start_ms, own.start_ms), min(span.end_ms, own.end_ms))
        for span in speech
        if span.overlap_ms(own)
    ]
    frames = [
        levels[span.start_ms // FRAME_MS : -(-span.end_ms // FRAME_MS)] for span in spoken or [own]
    ]
    heard = np.concatenate(frames).astype(np.float64)
    if not len(heard):
        return None
    energy = np.power(10.0, heard / 10).mean()
    return round(float(10 * np.log10(energy)) - FULL_SCALE_DB, 1)


def _clipped(side: ChannelSpeech, pcm: NDArray[np.int16]) -> float | None:
    """Samples at full scale over all samples of the speech; None without speech."""
    clipped = total = 0
    for span in side.spans:
        first, last = span.start_ms * SAMPLES_PER_MS, span.end_ms * SAMPLES_PER_MS
        for start in range(first, min(last, len(pcm)), _PIECE):
            samples = pcm[start : min(start + _PIECE, last)]
            clipped += int(np.count_nonzero((samples >= CLIP_LEVEL) | (samples <= -CLIP_LEVEL)))
            total += len(samples)
    return round(clipped / total, 6) if total else None
