"""Segments of speech in, their words out: a first pass over packed windows, and what follows it.

Decoding is never sampled: the same audio gives the same text in whatever company and order. So
where others raise the temperature, a doubtful stretch is searched again with a wide beam, and
then without the prompt and with repeats forbidden.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from asr.decode import DecodedAudio
from asr.engines.base import DecodeOptions, Engine, WindowText
from asr.packing import Placement, Segment, Window, pack, render
from asr.placing import Placed, merge, place

Progress = Callable[[float], None]

_GAP_MS = 300
_BATCHES_PER_GROUP = 4  # windows rendered at once, so that hours of audio stay PCM
_WIDE_BEAM = 5
_NO_REPEAT_TOKENS = 3
_FIRST_SHARE = 0.8  # of the progress: the later passes are short


@dataclass(frozen=True, slots=True)
class PassOptions:
    """How segments are recognised.

    Speech of `hole_least_ms` or more that got no text is tried again, alone. With the profile
    `best`, windows with speech whose words are less sure than `low_confidence` are decoded once
    more with a wide beam, and for that speech the surer text wins. It keeps its company in the
    window: alone, it would lose the words before it, which help more than the beam does.
    """

    prompt: str
    beam_size: int
    window_ms: int
    profile: Literal["fast", "best"] = "fast"
    hole_least_ms: int = 400
    low_confidence: float = 0.9


def recognise(
    engine: Engine,
    audio: DecodedAudio,
    segments: Sequence[Segment],
    options: PassOptions,
    report: Progress,
) -> Placed:
    """The believed words of each segment; segments that nobody understood have none.

    Args:
        engine: The recogniser.
        audio: The call.
        segments: Speech, sorted by time within each channel, none longer than a window.
        options: The passes.
        report: Called with the share done in [0, 1], rising.
    """
    windows = pack(segments, options.window_ms, _GAP_MS)
    first = DecodeOptions(options.beam_size, options.prompt)
    texts = _decode(engine, audio, windows, first, lambda s: report(_FIRST_SHARE * s))
    placed = place(segments, windows, texts, options.prompt)
    if options.profile == "best":
        placed = _surer(engine, audio, segments, windows, options, placed)
    placed = _without_holes(engine, audio, segments, options, placed)
    report(1.0)
    return placed


def _surer(
    engine: Engine,
    audio: DecodedAudio,
    segments: Sequence[Segment],
    windows: Sequence[Window],
    options: PassOptions,
    placed: Placed,
) -> Placed:
    """Windows with weak segments decoded once more; of these, whichever words are surer stay."""
    weak = {
        number
        for number in range(len(segments))
        if (confidence := placed.confidence(number)) is not None
        and confidence < options.low_confidence
    }
    chosen = [window for window in windows if any(p.segment in weak for p in window.placements)]
    wide = DecodeOptions(_WIDE_BEAM, options.prompt)
    texts = _decode(engine, audio, chosen, wide, _ignore)
    again = place(segments, chosen, texts, options.prompt)
    better = {n for n in weak if (again.confidence(n) or 0.0) > (placed.confidence(n) or 0.0)}
    return merge(placed, again, better)


def _without_holes(
    engine: Engine,
    audio: DecodedAudio,
    segments: Sequence[Segment],
    options: PassOptions,
    placed: Placed,
) -> Placed:
    """Speech that got no text decoded again, ever more carefully, until it has some or stays."""
    for safer in (
        DecodeOptions(_WIDE_BEAM, options.prompt),
        DecodeOptions(_WIDE_BEAM, "", _NO_REPEAT_TOKENS),
    ):
        holes = [
            number
            for number, segment in enumerate(segments)
            if not placed.words[number] and segment.speech.duration_ms >= options.hole_least_ms
        ]
        if not holes:
            break
        again = _alone(engine, audio, segments, holes, safer)
        placed = merge(placed, again, set(holes))
    return placed


def _alone(
    engine: Engine,
    audio: DecodedAudio,
    segments: Sequence[Segment],
    numbers: Sequence[int],
    options: DecodeOptions,
) -> Placed:
    """The given segments, each in a window of its own; the others without words."""
    windows = [
        Window(segments[number].channel, (Placement(number, 0, segments[number].heard),))
        for number in numbers
    ]
    texts = _decode(engine, audio, windows, options, _ignore)
    return place(segments, windows, texts, options.prompt)


def _decode(
    engine: Engine,
    audio: DecodedAudio,
    windows: Sequence[Window],
    options: DecodeOptions,
    report: Progress,
) -> list[WindowText]:
    texts: list[WindowText] = []
    for group in _groups(windows, engine.batch_size * _BATCHES_PER_GROUP):
        texts.extend(engine.recognise([render(audio, window) for window in group], options))
        report(len(texts) / len(windows))
    return texts


def _groups(windows: Sequence[Window], size: int) -> Iterator[Sequence[Window]]:
    for first in range(0, len(windows), size):
        yield windows[first : first + size]


def _ignore(_share: float) -> None:
    return None
