"""What is wrong with a recording before anything is scored: quality flags from its samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ, DecodedAudio
from core.span import Span, total_ms

_BLOCK = SAMPLE_RATE_HZ * 60
_SILENT_PEAK = 3  # of 32768
# Both channels carry one signal when they correlate like this and are about equally loud.
# Cross-talk correlates as well, but the leaked voice is much softer than the one on its channel.
_SAME_CORRELATION = 0.98
_SAME_LEVEL_RATIO = 4.0  # of energy: 6 dB
# mu-law tops out at 32124 of 32768, A-law at 32256; a clean call touches that level by accident.
_CLIP_LEVEL = 32_000
_CLIP_SHARE = 0.001
_NEARLY_EMPTY_MS = 1_000


def is_fake_stereo(audio: DecodedAudio) -> bool:
    """Whether two channels carry the same signal (a mono call saved as stereo)."""
    if len(audio.pcm) != 2:
        return False
    left_energy = right_energy = product = 0.0
    for first in range(0, len(audio.pcm[0]), _BLOCK):
        left = audio.pcm[0][first : first + _BLOCK].astype(np.float64)
        right = audio.pcm[1][first : first + _BLOCK].astype(np.float64)
        left_energy += float(left @ left)
        right_energy += float(right @ right)
        product += float(left @ right)
    weaker, stronger = sorted((left_energy, right_energy))
    if weaker <= 0 or stronger > _SAME_LEVEL_RATIO * weaker:
        return False
    return product / float(np.sqrt(left_energy * right_energy)) >= _SAME_CORRELATION


def quality_flags(
    audio: DecodedAudio, speech: Sequence[Sequence[Span]], fake_stereo: bool
) -> tuple[str, ...]:
    """All flags of a recording, sorted: those of its decoding and those heard in it.

    `no-audio`: digital silence throughout; `nearly-empty`: under a second of speech;
    `clipping`: more than 0.1 % of the samples of a channel at full scale; `identical-channels`.

    Args:
        audio: The recording.
        speech: Unpadded VAD spans per channel.
        fake_stereo: As of `is_fake_stereo`, which reads every sample.
    """
    flags = set(audio.facts.quality_flags)
    if all(_peak(pcm) <= _SILENT_PEAK for pcm in audio.pcm):
        flags.add("no-audio")
    if sum(total_ms(spans) for spans in speech) < _NEARLY_EMPTY_MS:
        flags.add("nearly-empty")
    if any(_clipped_share(pcm) > _CLIP_SHARE for pcm in audio.pcm):
        flags.add("clipping")
    if fake_stereo:
        flags.add("identical-channels")
    return tuple(sorted(flags))


def _peak(pcm: NDArray[np.int16]) -> int:
    return max(int(pcm.max()), -int(pcm.min())) if len(pcm) else 0


def _clipped_share(pcm: NDArray[np.int16]) -> float:
    high = sum(
        int(np.count_nonzero((block >= _CLIP_LEVEL) | (block <= -_CLIP_LEVEL)))
        for block in (pcm[i : i + _BLOCK] for i in range(0, len(pcm), _BLOCK))
    )
    return high / max(1, len(pcm))
