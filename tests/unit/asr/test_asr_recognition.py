"""Passes of recognition: what is tried again, with which options, and whose text stays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asr.decode import DecodedAudio
from asr.engines.base import DecodeOptions, WindowText, WindowWord
from asr.packing import Segment
from asr.recognition import PassOptions, recognise
from asr.transcript import AudioFacts, EngineInfo
from core.span import Span

FACTS = AudioFacts(60_000, 8000, 1, "pcm_s16le", "wav")
AUDIO = DecodedAudio((np.zeros(60_000 * 16, np.int16),), FACTS)
SEGMENTS = [Segment(0, Span(a, b), Span(a, b)) for a, b in ((0, 2000), (5000, 7000), (9000, 9300))]
Answer = Sequence[tuple[str, int, float]]


class ScriptedEngine:
    """Answers windows in turn with (text, start in the window, confidence); notes the options."""

    window_ms = 29_000
    batch_size = 4
    info = EngineInfo("scripted")

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, DecodeOptions]] = []

    def recognise(
        self, windows: Sequence[NDArray[np.float32]], options: DecodeOptions
    ) -> list[WindowText]:
        texts = []
        for window in windows:
            self.asked.append((len(window) // 16, options))
            words = [WindowWord(t, at, at + 100, c) for t, at, c in self.answers.pop(0)]
            texts.append(WindowText(tuple(words), -0.2, 0.0))
        return texts


def texts(engine: ScriptedEngine, profile: str = "fast") -> list[str]:
    shares: list[float] = []
    options = PassOptions(prompt="P", beam_size=1, window_ms=15_000, profile=profile)  # type: ignore[arg-type]
    placed = recognise(engine, AUDIO, SEGMENTS, options, shares.append)
    assert engine.answers == []
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return ["".join(word.text for word in words) for words in placed.words]


ALL = [("一", 500, 0.9), ("二", 3000, 0.9), ("三", 4700, 0.9)]


def test_what_was_heard_at_once_is_not_tried_again() -> None:
    engine = ScriptedEngine(ALL)
    assert texts(engine) == ["一", "二", "三"]
    assert engine.asked == [(4900, DecodeOptions(1, "P"))]


def test_a_hole_is_decoded_alone_with_a_wide_beam() -> None:
    engine = ScriptedEngine([ALL[0], ALL[2]], [("二", 400, 0.8)])
    assert texts(engine) == ["一", "二", "三"]
    assert engine.asked[1] == (2000, DecodeOptions(5, "P"))


def test_a_stubborn_hole_is_tried_without_the_prompt_and_then_stays() -> None:
    engine = ScriptedEngine([ALL[0], ALL[2]], [], [])
    assert texts(engine) == ["一", "", "三"]
    assert engine.asked[2] == (2000, DecodeOptions(5, "", 3))


def test_a_short_hole_is_left() -> None:
    engine = ScriptedEngine(ALL[:2])
    assert texts(engine) == ["一", "二", ""]
    assert len(engine.asked) == 1


def test_a_refused_text_is_a_hole_and_stays_visible() -> None:
    credits = [(c, 2500 + 20 * i, 0.9) for i, c in enumerate("感谢您的观看")]
    engine = ScriptedEngine([ALL[0], *credits, ALL[2]], [("二", 400, 0.8)])
    options = PassOptions(prompt="P", beam_size=1, window_ms=15_000)
    placed = recognise(engine, AUDIO, SEGMENTS, options, lambda _share: None)
    assert [word.text for word in placed.words[1]] == ["二"]
    assert [(d.text, d.reason) for d in placed.dropped] == [("感谢您的观看", "stock-phrase")]


def test_the_surer_text_of_weak_speech_stays() -> None:
    first = [("一", 500, 0.9), ("尔", 3000, 0.4), ("三", 4700, 0.5)]
    second = [("壹", 500, 0.99), ("二", 3000, 0.8), ("山", 4700, 0.3)]
    engine = ScriptedEngine(first, second)
    assert texts(engine, "best") == ["一", "二", "三"]
    assert engine.asked[1] == (4900, DecodeOptions(5, "P"))


def test_sure_windows_are_not_searched_again() -> None:
    engine = ScriptedEngine(ALL)
    assert texts(engine, "best") == ["一", "二", "三"]


def test_no_speech_is_no_work() -> None:
    engine = ScriptedEngine()
    options = PassOptions(prompt="P", beam_size=1, window_ms=15_000)
    assert recognise(engine, AUDIO, [], options, lambda _share: None).words == ()
    assert engine.asked == []
