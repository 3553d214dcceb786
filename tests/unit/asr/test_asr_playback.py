"""What the page plays and draws: playable copies and waveform peaks."""

import errno
from pathlib import Path

import numpy as np
import pytest

from asr.decode import DecodedAudio, decode, decode_pair, probe
from asr.playback import is_browser_playable, write_playable
from asr.transcript import AudioFacts
from asr.waveform import peaks

CLIPS = Path(__file__).resolve().parents[3] / "fixtures" / "audio" / "clips"


@pytest.mark.parametrize(
    ("name", "playable"),
    [
        ("pcm16.wav", True),
        ("stereo.mp3", True),
        ("stereo.m4a", True),
        ("stereo.ogg", True),
        ("stereo.webm", True),
        ("stereo.flac", True),
        ("mono.amr", False),
        ("alaw.wav", False),
        ("mulaw.wav", False),
    ],
)
def test_which_files_browsers_play(name: str, playable: bool) -> None:
    assert is_browser_playable(probe(CLIPS / name)) is playable
    assert is_browser_playable(decode(CLIPS / name, 60).facts) is playable


def test_an_amr_becomes_flac_with_the_same_samples(tmp_path: Path) -> None:
    target = tmp_path / "call.flac"
    write_playable(decode(CLIPS / "mono.amr", 60), target)
    assert is_browser_playable(probe(target))
    assert np.array_equal(decode(target, 60).pcm[0], decode(CLIPS / "mono.amr", 60).pcm[0])
    assert [path.name for path in tmp_path.iterdir()] == ["call.flac"]


def test_two_mono_files_become_one_stereo_file(tmp_path: Path) -> None:
    target = tmp_path / "call.flac"
    write_playable(decode_pair(CLIPS / "pair-agent.wav", CLIPS / "pair-customer.wav", 60), target)
    audio = decode(target, 60)
    assert len(audio.pcm) == 2
    assert np.array_equal(audio.pcm[0], decode(CLIPS / "pair-agent.wav", 60).pcm[0])


def test_what_cannot_be_written_leaves_no_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_paths: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_playable(decode(CLIPS / "mono.amr", 60), tmp_path / "call.flac")
    assert list(tmp_path.iterdir()) == []


def test_peaks_are_int8_pairs_per_stretch() -> None:
    pcm = np.zeros(16_000 + 400, np.int16)
    pcm[:800] = np.tile([256 * 50, -256 * 20], 400)
    audio = DecodedAudio((pcm, np.zeros_like(pcm)), AudioFacts(1025, 8000, 2, "flac", "flac"))
    left, right = peaks(audio, per_second=20)
    assert len(left) == len(right) == 21 * 2
    assert left[:2] == (-20, 50)
    assert not any(left[2:])
    assert not any(right)


def test_full_scale_stays_in_int8() -> None:
    pcm = np.array([-32768, 32767] * 800, np.int16)
    (line,) = peaks(DecodedAudio((pcm,), AudioFacts(100, 8000, 1, "flac", "flac")))
    assert set(line) == {-128, 127}


def test_a_rate_that_makes_no_sense_is_refused() -> None:
    audio = decode(CLIPS / "pcm16.wav", 60)
    with pytest.raises(ValueError, match="per_second"):
        peaks(audio, per_second=0)
