"""Recordings that a browser cannot play, as FLAC that it can."""

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from asr.decode import SAMPLE_RATE_HZ, DecodedAudio
from asr.transcript import AudioFacts

_FRAME_SAMPLES = 4096
_PLAYABLE = {
    "wav": ("pcm_s16le", "pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le"),
    "mp3": ("mp3", "mp3float"),
    "mov": ("aac", "mp3", "mp3float", "alac", "opus"),
    "aac": ("aac",),
    "ogg": ("opus", "vorbis", "libopus", "libvorbis"),
    "flac": ("flac",),
    "matroska": ("opus", "vorbis", "libopus", "libvorbis"),
}


def is_browser_playable(facts: AudioFacts) -> bool:
    """Whether current browsers play a single file of this container and codec as it is."""
    return facts.codec in _PLAYABLE.get(facts.container, ())


def write_playable(audio: DecodedAudio, target: Path) -> None:
    """Writes the call as one 16 kHz FLAC file, stereo if it has two channels.

    `target` appears whole or not at all.

    Args:
        audio: The recording.
        target: File to write; its folder must exist.

    Raises:
        OSError: when there is no room for it.
    """
    with tempfile.TemporaryDirectory(prefix=".playable-", dir=target.parent) as folder:
        draft = Path(folder) / "audio.flac"
        _write_flac(audio, draft)
        draft.replace(target)


def _write_flac(audio: DecodedAudio, path: Path) -> None:
    layout = "stereo" if len(audio.pcm) == 2 else "mono"
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE_HZ, layout=layout, format="s16")
        for first in range(0, len(audio.pcm[0]), _FRAME_SAMPLES):
            block = np.stack([pcm[first : first + _FRAME_SAMPLES] for pcm in audio.pcm], axis=1)
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(block).reshape(1, -1), format="s16", layout=layout
            )
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = first
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
