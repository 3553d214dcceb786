"""Levels of utterances and clipped shares, on tones whose level is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio_checks import Listened
from asr.decode import DecodedAudio
from asr.engines.silero import FRAME_SAMPLES
from asr.loudness import with_loudness
from asr.transcript import AudioFacts, ChannelSpeech, EngineInfo, Transcript, Utterance
from asr.vad import frame_levels
from core.span import Span

FACTS = AudioFacts(4_000, 16_000, 2, "pcm", "wav")


def _tone(dbfs: float, ms: int) -> NDArray[np.int16]:
    """A sine whose root mean square lies at `dbfs`."""
    at = np.arange(16 * ms)
    peak = 32768 * np.sqrt(2) * 10 ** (dbfs / 20)
    return np.clip(peak * np.sin(at * 0.3), -32768, 32767).astype(np.int16)


def _quiet(ms: int) -> NDArray[np.int16]:
    return np.zeros(16 * ms, np.int16)


def _measured(
    channels: list[NDArray[np.int16]], speech: list[list[Span]], *utterances: Utterance
) -> Transcript:
    audio = DecodedAudio(tuple(channels), FACTS)
    levels = tuple(frame_levels(pcm, FRAME_SAMPLES) for pcm in channels)
    spans = tuple(map(tuple, speech))
    sides = tuple(ChannelSpeech(c, "agent", s) for c, s in enumerate(spans))
    transcript = Transcript(FACTS, EngineInfo("e"), utterances, speech=sides)
    return with_loudness(transcript, Listened(audio, spans, levels, ()))


def _said(channel: int, start: int, end: int) -> Utterance:
    return Utterance(0, channel, "agent", start, end, "话", "话")


@pytest.mark.parametrize("dbfs", [-6.0, -20.0, -40.0])
def test_the_level_of_an_utterance_is_that_of_its_channel_and_time(dbfs: float) -> None:
    loud = np.concatenate([_tone(dbfs, 2_000), _tone(-50, 2_000)])
    told = _measured(
        [loud, _tone(-12, 4_000)],
        [[Span(0, 4_000)], [Span(0, 4_000)]],
        _said(0, 64, 1_920),
        _said(1, 64, 1_920),
    )
    assert [u.level_dbfs for u in told.utterances] == [
        pytest.approx(dbfs, abs=0.2),
        pytest.approx(-12, abs=0.2),
    ]


def test_pauses_inside_an_utterance_do_not_make_it_soft() -> None:
    pcm = np.concatenate([_tone(-20, 960), _quiet(640), _tone(-20, 960), _quiet(1_440)])
    told = _measured([pcm], [[Span(0, 960), Span(1_600, 2_560)]], _said(0, 0, 2_560))
    assert told.utterances[0].level_dbfs == pytest.approx(-20, abs=0.2)


def test_digital_silence_has_a_level_and_words_after_the_end_none() -> None:
    told = _measured([_quiet(4_000)], [[]], _said(0, 0, 2_000), _said(0, 5_000, 6_000))
    assert told.utterances[0].level_dbfs == pytest.approx(-90.3, abs=0.1)
    assert told.utterances[1].level_dbfs is None


def test_the_clipped_share_counts_speech_alone() -> None:
    pcm = np.concatenate([np.full(16_000, 32_767, np.int16), _quiet(3_000)])
    told = _measured([pcm, pcm], [[Span(0, 2_000)], [Span(1_000, 4_000)]])
    assert [side.clipped_share for side in told.speech] == [0.5, 0.0]
    assert _measured([pcm], [[]]).speech[0].clipped_share is None
