"""Makes the clips in fixtures/audio/clips: one short piece of a call in every accepted format,
and the files that an upload must survive. Run from the repository: `python scripts/make_clips.py`.

Every clip is cut from `fixtures/audio/dev-edu-04.flac` (two channels, 8 kHz) and encoded with the
codecs of the installed PyAV; its encoder stamps differ between builds, so the files are committed.
"""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

AUDIO = Path(__file__).resolve().parent.parent / "fixtures" / "audio"
SOURCE = AUDIO / "dev-edu-04.flac"
CLIPS = AUDIO / "clips"
RATE_HZ = 8000
# The agent's first words beside the customer's first answer: three seconds hold both.
AGENT_MS = (1_000, 4_000)
CUSTOMER_MS = (6_700, 9_700)

Samples = NDArray[np.int16]  # (channels, samples) at RATE_HZ


def main() -> None:
    CLIPS.mkdir(parents=True, exist_ok=True)
    call = read_call()
    agent, customer = cut(call[:1], AGENT_MS), cut(call[1:], CUSTOMER_MS)
    piece = np.vstack([agent, customer])

    encode(agent, "pcm16.wav", "pcm_s16le")
    encode(piece, "alaw.wav", "pcm_alaw")
    encode(piece, "mulaw.wav", "pcm_mulaw")
    encode(piece, "stereo.mp3", "mp3", rate_hz=16_000, bit_rate=32_000)
    encode(piece, "stereo.m4a", "aac", rate_hz=16_000, bit_rate=48_000)
    encode(piece, "stereo.ogg", "libopus", rate_hz=48_000, bit_rate=32_000)
    encode(piece, "stereo.webm", "libopus", rate_hz=48_000, bit_rate=32_000)
    encode(piece[:, RATE_HZ // 2 : RATE_HZ * 5 // 2], "stereo.flac", "flac")
    encode(agent, "mono.amr", "libopencore_amrnb", bit_rate=12_200)
    encode(agent, "pair-agent.wav", "pcm_alaw")
    encode(customer[:, : RATE_HZ * 2], "pair-customer.wav", "pcm_alaw")

    encode(agent[:, : RATE_HZ // 5], "short-200ms.wav", "pcm_s16le")
    encode(np.vstack([agent, agent]), "identical-channels.flac", "flac")
    encode(np.vstack([piece, agent])[:, :RATE_HZ], "three-channels.wav", "pcm_s16le")
    whole = (CLIPS / "pcm16.wav").read_bytes()
    (CLIPS / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    (CLIPS / "text.mp3").write_text("这不是录音，只是改了扩展名的文本。\n" * 20, encoding="utf-8")
    (CLIPS / "playlist.mp3").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\npcm16.wav\n#EXT-X-ENDLIST\n"
    )
    (CLIPS / "empty.wav").write_bytes(b"")
    (CLIPS / "header-only.wav").write_bytes(wav_header(data_bytes=0))
    video_without_sound(CLIPS / "video-only.mp4")


def read_call() -> Samples:
    """The source call as int16, shape (2, samples)."""
    with av.open(str(SOURCE)) as container:
        resampler = AudioResampler(format="s16p", rate=RATE_HZ)
        blocks = [
            out.to_ndarray()
            for frame in container.decode(audio=0)
            for out in resampler.resample(frame)
        ]
    return np.concatenate(blocks, axis=1).astype(np.int16)


def cut(samples: Samples, span_ms: tuple[int, int]) -> Samples:
    per_ms = RATE_HZ // 1000
    return samples[:, span_ms[0] * per_ms : span_ms[1] * per_ms]


def encode(
    samples: Samples, name: str, codec: str, *, rate_hz: int = RATE_HZ, bit_rate: int = 0
) -> None:
    """Writes `samples` as the clip `name`; the container follows from the suffix."""
    layout = {1: "mono", 2: "stereo", 3: "2.1"}[len(samples)]
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16p", layout=layout)
    frame.sample_rate = RATE_HZ
    with av.open(str(CLIPS / name), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        resampler = AudioResampler(
            format=stream.codec_context.format.name,
            layout=layout,
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or (960 if codec == "libopus" else 0),
        )
        position = 0
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            block.pts = position
            block.time_base = Fraction(1, rate_hz)
            position += block.samples
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))


def wav_header(data_bytes: int) -> bytes:
    """A 44-byte header of mono 16-bit PCM."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, 1),
        *(RATE_HZ, RATE_HZ * 2, 2, 16, b"data", data_bytes),
    )


def video_without_sound(path: Path) -> None:
    """Half a second of a grey picture, with no sound track."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for index in range(5):
            grey = np.full((32, 32, 3), 40 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
