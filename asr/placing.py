"""Recognised windows to each segment's words in call time, as far as the guard believes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asr.engines.base import WindowText, WindowWord
from asr.guard import is_doubtful, is_stock_phrase, refuse_window
from asr.packing import Segment, Window
from asr.text import chinese_punctuation, to_simplified
from asr.transcript import DroppedSegment, Word


@dataclass(frozen=True, slots=True)
class Placed:
    """Per segment its words in the order of the text, and what was refused, sorted by time."""

    words: tuple[tuple[Word, ...], ...]
    dropped: tuple[DroppedSegment, ...]

    def confidence(self, segment: int) -> float | None:
        """The mean word confidence of a segment; None when it has no words."""
        words = self.words[segment]
        return sum(word.confidence for word in words) / len(words) if words else None


def place(
    segments: Sequence[Segment],
    windows: Sequence[Window],
    texts: Sequence[WindowText],
    prompt: str,
) -> Placed:
    """The believed words of each segment, in simplified characters.

    Args:
        segments: What was to be recognised.
        windows: How it was packed, as far as it was.
        texts: What the engine made of each window.
        prompt: The prompt the engine was given, which it may have written back.
    """
    heard: list[list[Word]] = [[] for _ in segments]
    doubted: set[int] = set()
    dropped: list[DroppedSegment] = []
    for window, text in zip(windows, texts, strict=True):
        dropped.extend(_place(window, text, heard, prompt))
        if is_doubtful(text):
            doubted.update(placement.segment for placement in window.placements)
    for number, words in enumerate(heard):
        text_of = "".join(word.text for word in words)
        if is_stock_phrase(text_of, is_doubtful=number in doubted):
            segment = segments[number]
            span = segment.speech
            dropped.append(
                DroppedSegment(
                    segment.channel, span.start_ms, span.end_ms, text_of.strip(), "stock-phrase"
                )
            )
            words.clear()
        if not any(c.isalnum() for c in text_of):
            words.clear()  # a mark alone says nothing
    return Placed(tuple(map(tuple, heard)), _in_order(dropped))


def merge(first: Placed, second: Placed, taken: set[int]) -> Placed:
    """The first result with the words of the segments `taken` from the second.

    What either pass refused stays visible.
    """
    words = tuple(second.words[n] if n in taken else own for n, own in enumerate(first.words))
    return Placed(words, _in_order({*first.dropped, *second.dropped}))


def _place(
    window: Window, text: WindowText, heard: Sequence[list[Word]], prompt: str
) -> list[DroppedSegment]:
    """Gives each believed word of a window to its segment; returns what was refused."""
    simple = _simplified(text)
    refused = refuse_window(simple, prompt)
    places = [window.placement_at((word.start_ms + word.end_ms) // 2) for word in simple.words]
    # The text runs in order of time, so a word never belongs to an earlier segment than the
    # words before it, whatever a jump of the alignment says.
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1])
    dropped = []
    for run in refused:
        first, last = places[run.first], places[run.last - 1]
        words = simple.words[run.first : run.last]
        dropped.append(
            DroppedSegment(
                window.channel,
                window.to_call_ms(first, words[0].start_ms),
                max(
                    window.to_call_ms(first, words[0].start_ms),
                    window.to_call_ms(last, words[-1].end_ms),
                ),
                "".join(word.text for word in words),
                run.reason,
            )
        )
    gone = {n for run in refused for n in range(run.first, run.last)}
    for number, (word, place) in enumerate(zip(simple.words, places, strict=True)):
        if number not in gone:
            heard[window.placements[place].segment].append(
                Word(
                    word.text,
                    window.to_call_ms(place, word.start_ms),
                    window.to_call_ms(place, word.end_ms),
                    word.confidence,
                )
            )
    return dropped


def _simplified(text: WindowText) -> WindowText:
    """The window's words in simplified characters and with Chinese punctuation."""
    whole = chinese_punctuation(to_simplified(text.text))
    words: list[WindowWord] = []
    if len(whole) == len(text.text):
        offset = 0
        for word in text.words:
            words.append(replace(word, text=whole[offset : offset + len(word.text)]))
            offset += len(word.text)
    else:
        words = [replace(word, text=to_simplified(word.text)) for word in text.words]
    return replace(text, words=tuple(words))


def _in_order(
    dropped: Sequence[DroppedSegment] | set[DroppedSegment],
) -> tuple[DroppedSegment, ...]:
    return tuple(sorted(dropped, key=lambda d: (d.start_ms, d.channel, d.end_ms, d.text)))
