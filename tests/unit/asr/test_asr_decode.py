"""Decoding: every format, bad files, channels kept apart, bounded length."""

import math
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from asr.decode import SAMPLE_RATE_HZ, decode, decode_pair, probe
from core.errors import AppError

CLIPS = Path(__file__).resolve().parents[3] / "fixtures" / "audio" / "clips"

FORMATS = [
    ("pcm16.wav", 1, "pcm_s16le", 8000),
    ("alaw.wav", 2, "pcm_alaw", 8000),
    ("mulaw.wav", 2, "pcm_mulaw", 8000),
    ("stereo.mp3", 2, "mp3float", 16_000),
    ("stereo.m4a", 2, "aac", 16_000),
    ("stereo.ogg", 2, "opus", 48_000),
    ("stereo.webm", 2, "opus", 48_000),
    ("mono.amr", 1, "amrnb", 8000),
]


@pytest.mark.parametrize(("name", "channels", "codec", "rate_hz"), FORMATS)
def test_each_format_gives_its_channels_at_16_khz(
    name: str, channels: int, codec: str, rate_hz: int
) -> None:
    audio = decode(CLIPS / name, 60)
    assert len(audio.pcm) == channels == audio.facts.channels
    assert audio.facts.codec == codec
    assert audio.facts.sample_rate_hz == rate_hz
    assert abs(audio.facts.duration_ms - 3000) <= 40
    assert audio.facts.quality_flags == ()
    assert len(audio.pcm[0]) == pytest.approx(audio.facts.duration_ms * 16, abs=16)
    loudest = [int(np.abs(pcm.astype(np.int32)).max()) for pcm in audio.pcm]
    assert all(peak > 5000 for peak in loudest)
    pieces = [audio.piece(channel, 0, audio.duration_ms) for channel in range(channels)]
    assert all(0.1 < float(np.abs(piece).max()) <= 1.0 for piece in pieces)


def test_formats_agree_on_the_sound() -> None:
    reference = decode(CLIPS / "alaw.wav", 60)
    for name in ("mulaw.wav", "stereo.mp3", "stereo.m4a", "stereo.ogg", "stereo.webm"):
        other = decode(CLIPS / name, 60)
        for ours, theirs in zip(reference.pcm, other.pcm, strict=True):
            length = min(len(ours), len(theirs))
            pair = ours[:length].astype(float), theirs[:length].astype(float)
            assert np.corrcoef(*pair)[0, 1] > 0.8, name


def test_channels_are_resampled_apart(tmp_path: Path) -> None:
    path = tmp_path / "tones.wav"
    t = np.arange(8000) / 8000
    tones = np.stack([10_000 * np.sin(2 * math.pi * f * t) for f in (400, 1000)])
    write_wav(path, tones.astype(np.int16), 8000)
    for pcm, frequency in zip(decode(path, 60).pcm, (400, 1000), strict=True):
        spectrum = np.abs(np.fft.rfft(pcm.astype(float)))
        peak = int(spectrum.argmax())
        assert round(peak * SAMPLE_RATE_HZ / len(pcm)) == frequency
        away = np.delete(spectrum, range(max(0, peak - 20), peak + 20))
        assert away.max() < spectrum[peak] / 100


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text.mp3", "not-audio"),
        ("playlist.mp3", "not-audio"),
        ("empty.wav", "empty-file"),
        ("header-only.wav", "no-samples"),
        ("video-only.mp4", "no-audio-track"),
        ("three-channels.wav", "too-many-channels"),
        ("absent.wav", "unreadable"),
    ],
)
def test_a_bad_file_is_one_clear_error(name: str, reason: str) -> None:
    with pytest.raises(AppError) as caught:
        decode(CLIPS / name, 60)
    assert caught.value.code == "bad-audio"
    assert not caught.value.retryable
    assert caught.value.detail == {"file": name, "reason": reason}
    assert name in caught.value.message


def test_random_bytes_are_never_more_than_bad_audio(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(np.random.default_rng(7).bytes(20_000))
    with pytest.raises(AppError, match=r"noise\.wav"):
        decode(path, 60)


def test_a_truncated_wav_is_decoded_as_far_as_it_goes() -> None:
    audio = decode(CLIPS / "truncated.wav", 60)
    assert audio.facts.quality_flags == ("truncated",)
    assert 1400 < audio.facts.duration_ms < 1600


def test_a_broken_flac_keeps_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    whole = (CLIPS / "stereo.flac").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    audio = decode(path, 60)
    assert "truncated" in audio.facts.quality_flags
    assert 500 < audio.facts.duration_ms < 2000


def test_a_recording_over_the_limit_is_refused() -> None:
    with pytest.raises(AppError) as caught:
        decode(CLIPS / "pcm16.wav", 2)
    assert caught.value.code == "audio-too-long"
    assert caught.value.detail["max_duration_s"] == 2


def test_two_mono_files_are_one_call_padded_to_the_longer() -> None:
    audio = decode_pair(CLIPS / "pair-agent.wav", CLIPS / "pair-customer.wav", 60)
    assert audio.facts.channels == 2
    assert audio.facts.duration_ms == 3000
    assert len(audio.pcm[0]) == len(audio.pcm[1])
    assert not audio.pcm[1][2100 * 16 :].any()
    assert audio.pcm[1][: 2000 * 16].any()


def test_a_pair_must_be_mono() -> None:
    with pytest.raises(AppError) as caught:
        decode_pair(CLIPS / "alaw.wav", CLIPS / "pair-customer.wav", 60)
    assert caught.value.detail == {"file": "alaw.wav", "reason": "not-mono"}


def test_probe_reads_the_header_only() -> None:
    facts = probe(CLIPS / "stereo.m4a")
    assert (facts.channels, facts.container, facts.codec) == (2, "mov", "aac")
    assert abs(facts.duration_ms - 3000) < 100


def test_a_header_that_promises_hours_takes_no_memory(tmp_path: Path) -> None:
    import resource

    header = bytearray((CLIPS / "pcm16.wav").read_bytes())
    length = header.index(b"data") + 4
    header[length : length + 4] = (2 * 8000 * 3600 * 10).to_bytes(4, "little")  # ten hours
    path = tmp_path / "liar.wav"
    path.write_bytes(bytes(header))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    audio = decode(path, 12 * 3600)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "truncated" in audio.facts.quality_flags
    assert audio.facts.duration_ms < 3100
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    assert (after - before) * unit_bytes < 200_000_000


def test_a_piece_is_cut_to_the_call() -> None:
    audio = decode(CLIPS / "pcm16.wav", 60)
    assert len(audio.piece(0, -100, 50)) == 50 * 16
    assert len(audio.piece(0, 2900, 99_000)) == len(audio.pcm[0]) - 2900 * 16
    assert audio.piece(0, 0, 10).dtype == np.float32


def write_wav(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    layout = "stereo" if len(samples) == 2 else "mono"
    frame = AudioFrame.from_ndarray(
        np.ascontiguousarray(samples.T).reshape(1, -1), format="s16", layout=layout
    )
    frame.sample_rate = rate_hz
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate_hz, layout=layout)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
