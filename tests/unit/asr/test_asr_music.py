"""Held notes are music; what the VAD half hears in them is no speech, and a clear voice is."""

import not_speech
import numpy as np
import pytest
from degradations import upsampled

from asr.music import held_notes, without_music
from asr.tones import line_sounds
from asr.vad import frame_levels
from core.span import Span

POLYPHONIC = [name for name in not_speech.MUSIC if name != "music-flute"]
SPAN = Span(4_000, 4_480)


def heard(sound: str, seconds: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pcm = upsampled(not_speech.make(sound, seconds))
    levels = frame_levels(pcm, 512)
    return pcm, levels, held_notes(pcm, levels)


@pytest.mark.parametrize("sound", POLYPHONIC)
def test_music_holds_its_notes(sound: str) -> None:
    assert heard(sound)[2].mean() > 0.85


@pytest.mark.parametrize("sound", sorted(set(not_speech.SOUNDS) - set(not_speech.MUSIC)))
def test_noise_and_signals_of_the_network_are_no_music(sound: str) -> None:
    pcm, levels, _ = heard(sound, 20)
    assert line_sounds(pcm, levels, ()).music == ()


def test_blocks_leave_no_seam() -> None:
    pcm, levels, held = heard("music-chords", 70)
    shifted = held_notes(pcm[512 * 300 :], levels[300:])
    assert (held[320:-20] == shifted[20:-20]).mean() > 0.99


def spans_left(probability: float, louder_db: float = 0.0, sound: str = "music-pop") -> int:
    _, levels, held = heard(sound)
    around = [Span(0, SPAN.start_ms), Span(SPAN.end_ms, 10_000)]
    levels[SPAN.start_ms // 32 : SPAN.end_ms // 32] += louder_db
    probabilities = np.full(len(levels), probability, np.float32)
    return len(without_music([SPAN], held, around, probabilities, levels))


def test_what_the_model_half_hears_in_music_is_no_speech() -> None:
    assert spans_left(0.3) == 0


def test_a_sure_or_louder_voice_stays_speech() -> None:
    assert spans_left(0.95) == 1
    assert spans_left(0.3, louder_db=8) == 1
    assert spans_left(0.3, sound="white-noise") == 1


def test_without_music_nothing_is_taken_away() -> None:
    levels = np.zeros(400, np.float32)
    spans = (SPAN, Span(6_000, 7_000))
    assert without_music(spans, np.zeros(400, bool), (), levels, levels) == spans
    assert not held_notes(np.zeros(100, np.int16), levels[:1]).any()
