"""A recording listened to before it is recognised: levels, speech, sounds of the line."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from asr.audio_checks import Listened
from asr.decode import DecodedAudio
from asr.engines.silero import FRAME_MS, FRAME_SAMPLES, SileroVad
from asr.music import without_music
from asr.packing import Segment
from asr.tones import line_sounds
from asr.vad import VadOptions, frame_levels, pad_spans, speech_spans, weigh
from core.span import Span, merge_spans


def listen(vad: SileroVad, audio: DecodedAudio, channels: int, options: VadOptions) -> Listened:
    """Levels, unpadded spans of speech and sounds of the line of the first `channels` channels.

    Each channel is listened to by a thread of its own.
    """
    heard = audio.pcm[:channels]
    with ThreadPoolExecutor(channels, thread_name_prefix="listen") as ears:
        return _listened(ears, vad, audio, heard, options)


def segments_of(speech: Sequence[Sequence[Span]], pad_ms: int, duration_ms: int) -> list[Segment]:
    """What is to be recognised: each span of each channel's speech, in order, padded."""
    return [
        Segment(channel, heard, spoken)
        for channel, spans in enumerate(speech)
        for heard, spoken in zip(pad_spans(spans, pad_ms, duration_ms), spans, strict=True)
    ]


def _listened(
    ears: Executor,
    vad: SileroVad,
    audio: DecodedAudio,
    heard: Sequence[NDArray[np.int16]],
    options: VadOptions,
) -> Listened:
    channels = len(heard)
    levels = tuple(ears.map(lambda pcm: frame_levels(pcm, FRAME_SAMPLES), heard))
    probabilities = list(ears.map(vad.probabilities, heard))
    found = [
        speech_spans(
            weigh(
                probabilities[channel],
                levels[channel],
                levels[1 - channel] if channels == 2 else None,
                options,
            ),
            FRAME_MS,
            audio.duration_ms,
            options,
        )
        for channel in range(channels)
    ]
    everyone = merge_spans(chain.from_iterable(found))
    sounds = tuple(ears.map(lambda pcm, level: line_sounds(pcm, level, everyone), heard, levels))
    speech = tuple(
        without_music(found[c], sounds[c].held, sounds[c].music, probabilities[c], levels[c])
        for c in range(channels)
    )
    return Listened(audio, speech, levels, sounds)
