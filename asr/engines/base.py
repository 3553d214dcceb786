"""The contract of recognition engines: windows of speech in, words with window times out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asr.transcript import EngineInfo


@dataclass(frozen=True, slots=True)
class WindowWord:
    """One recognised token with the punctuation that follows it; times count from the window."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class WindowText:
    """What an engine made of one window.

    `words` are in the order of the text; their times may touch or be equal. `avg_logprob` is the
    mean log probability of the tokens, `no_speech_prob` in [0, 1] the engine's own doubt.
    """

    words: tuple[WindowWord, ...]
    avg_logprob: float
    no_speech_prob: float

    @property
    def text(self) -> str:
        """The words joined."""
        return "".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How to search: beam width (1 = greedy), and the text that the decoder continues from.

    `no_repeat_tokens`: no run of this many tokens is written twice; 0 = as it comes. Engines that
    search otherwise ignore what they have no use for.
    """

    beam_size: int = 1
    prompt: str = ""
    no_repeat_tokens: int = 0


class Engine(Protocol):
    """A recogniser with one set of weights in memory.

    `window_ms` is the longest window it takes, `batch_size` how many it takes at once.
    """

    window_ms: int
    batch_size: int

    @property
    def info(self) -> EngineInfo:
        """Engine id, weights and options: all that the text depends on."""
        ...

    def recognise(
        self, windows: Sequence[NDArray[np.float32]], options: DecodeOptions
    ) -> list[WindowText]:
        """The text of each window, in order. Windows are float32, 16 kHz, at most `window_ms`."""
        ...
