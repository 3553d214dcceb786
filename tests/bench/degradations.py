"""What lines, codecs and exchanges do to a call, done to clean two-channel calls."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import not_speech
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ, SAMPLES_PER_MS, DecodedAudio, decode
from core.span import Span

Pcm = NDArray[np.int16]
_LINE_HZ = not_speech.RATE_HZ
_PACKET = SAMPLE_RATE_HZ // 50  # 20 ms
_LONGEST_S = 4 * 3600
_BABBLE_VOICES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Degraded:
    """A damaged call. `inserted` was not in the original; what came after it is as much later."""

    audio: DecodedAudio
    inserted: Span = field(default_factory=lambda: Span(0, 0))

    def moved(self, clean_ms: int) -> int:
        """Where a moment of the clean call is now."""
        return clean_ms + (self.inserted.duration_ms if clean_ms >= self.inserted.start_ms else 0)


Degrade = Callable[[DecodedAudio, np.random.Generator], Degraded]


def degradations(others: Sequence[DecodedAudio]) -> dict[str, Degrade]:
    """Every degradation that this installation can make, by name.

    Args:
        others: Calls whose voices make the babble.
    """
    found: dict[str, Degrade] = {"clean": lambda audio, _rng: Degraded(audio)}
    for snr_db in (20, 10, 5):
        found[f"white-{snr_db}dB"] = _noisy(_white, snr_db)
        found[f"babble-{snr_db}dB"] = _noisy(_babble(others), snr_db)
    for name, (codec, container, bit_rate) in _CODECS.items():
        if can_encode(codec):
            found[name] = _coded(codec, container, bit_rate)
    for percent in (1, 3, 5):
        found[f"loss-{percent}%-silence"] = _lossy(percent / 100, repeats=False)
        found[f"loss-{percent}%-repeat"] = _lossy(percent / 100, repeats=True)
    found["ring-back-3s"] = _ringing
    for style in ("music-chords", "music-strings", "music-pop"):
        found[f"hold-{style}-30s"] = _on_hold(style)
    found["customer-silent"] = _without_customer
    return found


def missing_codecs() -> dict[str, str]:
    """Codecs that no encoder is installed for, and what stands in for them."""
    return {
        name: _STAND_INS.get(name, "nothing")
        for name, (codec, _, _) in _CODECS.items()
        if not can_encode(codec)
    }


def can_encode(codec: str) -> bool:
    """Whether FFmpeg as installed has this encoder."""
    try:
        av.codec.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


_CODECS = {
    "g711-alaw": ("pcm_alaw", "wav", 0),
    "g711-mulaw": ("pcm_mulaw", "wav", 0),
    "gsm-06.10": ("libgsm", "gsm", 0),
    "amr-12.2": ("libopencore_amrnb", "amr", 12_200),
    "amr-7.4": ("libopencore_amrnb", "amr", 7_400),
    "amr-4.75": ("libopencore_amrnb", "amr", 4_750),
}
# GSM 06.60, the enhanced full rate that replaced 06.10 on the air, is AMR's mode of 12.2 kbit/s.
_STAND_INS = {"gsm-06.10": "amr-12.2 (the GSM enhanced full rate coder) and amr-4.75 below it"}


def _coded(codec: str, container: str, bit_rate: int) -> Degrade:
    def degrade(audio: DecodedAudio, _rng: np.random.Generator) -> Degraded:
        pcm = [_through(channel, codec, container, bit_rate) for channel in audio.pcm]
        return Degraded(_with(audio, pcm))

    return degrade


def _through(pcm: Pcm, codec: str, container: str, bit_rate: int) -> Pcm:
    """One channel encoded to a file at 8 kHz, and read back as the product reads recordings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"coded.{container}"
        with av.open(str(path), "w") as output:
            stream = output.add_stream(codec, rate=_LINE_HZ, layout="mono")
            if bit_rate:
                stream.bit_rate = bit_rate
            frame = AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE_HZ
            resampler = AudioResampler(
                stream.format or "s16", "mono", _LINE_HZ, frame_size=stream.frame_size or 160
            )
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(piece))
            output.mux(stream.encode(None))
        return decode(path, _LONGEST_S).pcm[0]


def _noisy(
    noise: Callable[[int, np.random.Generator], NDArray[np.float64]], snr_db: int
) -> Degrade:
    def degrade(audio: DecodedAudio, rng: np.random.Generator) -> Degraded:
        pcm = []
        for channel in audio.pcm:
            added = noise(len(channel), rng)
            scale = _speech_level(channel) / added.std() * 10 ** (-snr_db / 20)
            pcm.append(_clipped(channel + scale * added))
        return Degraded(_with(audio, pcm))

    return degrade


def _white(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.normal(0, 1, length)


def _babble(
    others: Sequence[DecodedAudio],
) -> Callable[[int, np.random.Generator], NDArray[np.float64]]:
    """Several people talking behind the speaker, none of them in this call's turn."""
    voices = [channel for audio in others for channel in audio.pcm]

    def babble(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
        total = np.zeros(length)
        for number in rng.choice(len(voices), min(_BABBLE_VOICES, len(voices)), replace=False):
            voice = voices[number] / _speech_level(voices[number])
            total += np.resize(np.roll(voice, int(rng.integers(len(voice)))), length)
        return total

    return babble


def _lossy(share: float, *, repeats: bool) -> Degrade:
    def degrade(audio: DecodedAudio, rng: np.random.Generator) -> Degraded:
        pcm = []
        for channel in audio.pcm:
            packets = channel[: len(channel) // _PACKET * _PACKET].reshape(-1, _PACKET).copy()
            for lost in np.flatnonzero(rng.random(len(packets)) < share):
                packets[lost] = packets[lost - 1] if repeats and lost else 0
            pcm.append(np.concatenate([packets.ravel(), channel[packets.size :]]))
        return Degraded(_with(audio, pcm))

    return degrade


def _ringing(audio: DecodedAudio, _rng: np.random.Generator) -> Degraded:
    """Three seconds before the call, and the tone ends where the callee's line opens.

    What a dialler records: the tone's second, two of its pause, and then at once the call, from
    the first sound of its first word on.
    """
    begins_ms = _first_sound_ms(audio)
    cut = replace(audio, pcm=tuple(channel[begins_ms * SAMPLES_PER_MS :] for channel in audio.pcm))
    ring = upsampled(not_speech.make("ring-back", 3))
    pcm = [np.concatenate([ring, channel]) for channel in cut.pcm]
    return Degraded(_with(audio, pcm), Span(0, 3_000 - begins_ms))


def _on_hold(style: str) -> Degrade:
    """Thirty seconds of music on both channels in the longest pause of the middle of the call."""

    def degrade(audio: DecodedAudio, rng: np.random.Generator) -> Degraded:
        at_ms = _pause_ms(audio)
        music = upsampled(not_speech.make(style, 30, int(rng.integers(1 << 16))))
        at = at_ms * SAMPLES_PER_MS
        pcm = [np.concatenate([c[:at], music, c[at:]]) for c in audio.pcm]
        return Degraded(_with(audio, pcm), Span(at_ms, at_ms + 30_000))

    return degrade


def _without_customer(audio: DecodedAudio, _rng: np.random.Generator) -> Degraded:
    return Degraded(_with(audio, [audio.pcm[0], np.zeros_like(audio.pcm[1])]))


def _with(audio: DecodedAudio, pcm: Sequence[Pcm]) -> DecodedAudio:
    length = max(map(len, pcm))
    padded = tuple(np.pad(channel, (0, length - len(channel))) for channel in pcm)
    facts = replace(audio.facts, duration_ms=-(-length // SAMPLES_PER_MS))
    return DecodedAudio(padded, facts)


def _levels(pcm: Pcm) -> NDArray[np.float64]:
    """RMS per 20 ms."""
    frames = pcm[: len(pcm) // _PACKET * _PACKET].reshape(-1, _PACKET).astype(np.float64)
    return np.sqrt(np.square(frames).mean(axis=1))


def _speech_level(pcm: Pcm) -> float:
    """RMS of the frames that are within 25 dB of the loudest ones."""
    levels = _levels(pcm)
    loud = levels[levels >= np.percentile(levels, 99) * 10 ** (-25 / 20)]
    return max(1.0, float(np.sqrt(np.square(loud).mean())))


def _first_sound_ms(audio: DecodedAudio) -> int:
    """When the first voice begins, to 20 ms."""
    starts = []
    for channel in audio.pcm:
        levels = _levels(channel)
        loud = np.flatnonzero(levels >= 0.1 * np.percentile(levels, 99))
        starts += [int(loud[0]) * 20] if len(loud) else []
    return max(0, min(starts) - 20)


def _pause_ms(audio: DecodedAudio) -> int:
    """The quietest moment of the middle third: the middle of a second's pause."""
    both = np.sum([_levels(channel) for channel in audio.pcm], axis=0)
    around = np.convolve(both, np.ones(50), "same")
    first, last = len(around) // 3, 2 * len(around) // 3
    return (first + int(np.argmin(around[first:last]))) * 20


def upsampled(samples: NDArray[np.float64]) -> Pcm:
    """8 kHz samples at 16 kHz."""
    frame = AudioFrame.from_ndarray(_clipped(samples)[None], format="s16", layout="mono")
    frame.sample_rate = _LINE_HZ
    resampler = AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def _clipped(samples: NDArray[np.float64]) -> Pcm:
    return np.clip(np.round(samples), -32768, 32767).astype(np.int16)
