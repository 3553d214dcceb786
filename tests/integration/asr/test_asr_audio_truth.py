"""The audio checks on real telephone calls: no false alarm, and every damage is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio_checks import check_audio, is_fake_stereo, same_signal, with_checks
from asr.decode import DecodedAudio, decode
from asr.engines.silero import SileroVad
from asr.listening import listen
from asr.transcript import EngineInfo, Role, Transcript, Utterance
from asr.vad import VadOptions

AUDIO = Path(__file__).resolve().parents[3] / "fixtures" / "audio"
CALLS = sorted(path.stem for path in AUDIO.glob("dev-*.flac"))
VAD = SileroVad()


def flags(audio: DecodedAudio) -> set[str]:
    correlation = same_signal(audio)
    channels = 1 if is_fake_stereo(correlation) else len(audio.pcm)
    heard = listen(VAD, audio, channels, VadOptions())
    return {check.code for check in check_audio(heard, correlation) if check.flagged}


def call(name: str) -> DecodedAudio:
    return decode(AUDIO / f"{name}.flac", 3600)


def changed(audio: DecodedAudio, *channels: NDArray[np.floating]) -> DecodedAudio:
    pcm = tuple(np.clip(c, -32768, 32767).astype(np.int16) for c in channels)
    return DecodedAudio(pcm, audio.facts)


@pytest.mark.parametrize("name", CALLS)
def test_a_good_call_raises_no_flag(name: str) -> None:
    assert flags(call(name)) == set()


@pytest.mark.parametrize("name", CALLS)
def test_wording_tells_right_channels_from_swapped_ones(name: str) -> None:
    document = json.loads((AUDIO / f"{name}.json").read_text("utf-8"))
    other: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
    for swapped in (False, True):
        utterances = tuple(
            Utterance(
                index,
                0,
                other[turn["role"]] if swapped else turn["role"],
                turn["start_ms"],
                turn["end_ms"],
                turn["text"],
                turn["text"],
            )
            for index, turn in enumerate(document["turns"])
        )
        found = with_checks(Transcript(call(name).facts, EngineInfo("reference"), utterances), ())
        assert ("swapped-channels" in found.audio.quality_flags) is swapped


def test_damages_are_noticed() -> None:
    audio = call("dev-edu-04")
    left, right = (pcm.astype(np.float64) for pcm in audio.pcm)
    assert flags(changed(audio, left, left)) == {"identical-channels"}
    assert "cross-talk" in flags(changed(audio, left + 0.2 * right, right + 0.2 * left))
    assert "clipping" in flags(changed(audio, left * 20, right))
    assert {"low-level", "level-imbalance"} <= flags(changed(audio, left, right * 0.03))
    assert "silent-channel" in flags(changed(audio, left + right, right * 0))
    assert "wrong-rate" in flags(changed(audio, left[::2], right[::2]))
    last = int(np.flatnonzero(np.abs(left) > 2000)[-1])
    assert "abrupt-end" in flags(changed(audio, left[: last - 3200], right[: last - 3200]))
