"""Utterances cut where the voice changes: each word goes to the voice that speaks at its time."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from asr.assemble import fit_words
from asr.diarization.changes import VoiceSpan
from asr.text import normalise_numbers
from asr.transcript import Utterance, Word
from core.span import Span

_SENTENCE_END = "。？！?!；;"
_ANY_STOP = _SENTENCE_END + "，,、"
# Recognisers place words up to this far from their sound, mostly into the pause before them.
_SLACK_MS = 400
_ROOM_MS = 20  # for each word of a piece


@dataclass(frozen=True, slots=True)
class _Piece:
    voice: int
    words: tuple[Word, ...]


def split_utterance(
    utterance: Utterance, timeline: Sequence[VoiceSpan]
) -> list[tuple[int, Utterance]]:
    """The utterance in pieces of one voice each, with that voice, in order of time.

    The words are those of the utterance, each in exactly one piece, moved by as little as keeps
    them inside it. An utterance without words stays whole, with the voice of most of its time.

    Args:
        utterance: What was recognised.
        timeline: Who speaks when: sorted and disjoint; at least one span.
    """
    if not utterance.words:
        return [(voice_of(utterance.span, timeline), utterance)]
    near = _near(utterance, timeline)
    voices = [voice_of(Span(w.start_ms, w.end_ms), near) for w in utterance.words]
    pieces = _readable(_pieces(utterance.words, _snapped(utterance.words, voices)))
    if len(pieces) == 1:
        return [(pieces[0].voice, utterance)]
    spans = _spans(utterance, pieces, near)
    return [
        (piece.voice, _cut(utterance, piece.words, span))
        for piece, span in zip(pieces, spans, strict=True)
    ]


def voice_of(span: Span, timeline: Sequence[VoiceSpan]) -> int:
    """The voice that speaks most in `span`; when none does, the nearest in time."""
    overlap = [0, 0]
    for item in timeline:
        overlap[item.voice] += span.overlap_ms(item.span)
    if overlap[0] != overlap[1]:
        return int(overlap[1] > overlap[0])
    middle = (span.start_ms + span.end_ms) // 2
    return min(
        timeline,
        key=lambda item: max(item.span.start_ms - middle, middle - item.span.end_ms, 0),
    ).voice


def _near(utterance: Utterance, timeline: Sequence[VoiceSpan]) -> Sequence[VoiceSpan]:
    """The part of the timeline around an utterance, with one span beyond it on each side."""
    first = bisect_right(
        timeline, utterance.start_ms - _SLACK_MS, key=lambda item: item.span.end_ms
    )
    last = bisect_left(timeline, utterance.end_ms + _SLACK_MS, key=lambda item: item.span.start_ms)
    return timeline[max(0, first - 1) : last + 1]


def _snapped(words: Sequence[Word], voices: Sequence[int]) -> list[int]:
    """Voices with each change moved by a word where a sentence ends one word off."""
    moved = list(voices)
    for index in range(1, len(words)):
        if moved[index - 1] == moved[index] or _stops(words[index - 1], _ANY_STOP):
            continue
        before, after = words[index - 1], words[index]
        if (
            index > 1
            and moved[index - 2] == moved[index - 1]
            and _may_move(words[index - 2], before)
        ):
            moved[index - 1] = moved[index]
        elif (
            index + 1 < len(words) and moved[index + 1] == moved[index] and _may_move(after, after)
        ):
            moved[index] = moved[index - 1]
    return moved


def _may_move(stop: Word, moving: Word) -> bool:
    return _stops(stop, _SENTENCE_END) and moving.end_ms - moving.start_ms <= _SLACK_MS


def _stops(word: Word, marks: str) -> bool:
    return word.text.rstrip()[-1:] in marks if word.text.strip() else False


def _pieces(words: Sequence[Word], voices: Sequence[int]) -> list[_Piece]:
    pairs = zip(voices, words, strict=True)
    return [
        _Piece(voice, tuple(word for _, word in group))
        for voice, group in groupby(pairs, key=lambda pair: pair[0])
    ]


def _readable(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Pieces that say something; bare punctuation goes with what stands before it."""
    kept: list[_Piece] = []
    waiting: tuple[Word, ...] = ()
    for piece in pieces:
        says = any(c.isalnum() for word in piece.words for c in word.text)
        if says and not (kept and kept[-1].voice == piece.voice):
            kept.append(_Piece(piece.voice, waiting + piece.words))
            waiting = ()
        elif kept:
            kept[-1] = _Piece(kept[-1].voice, kept[-1].words + piece.words)
        else:
            waiting += piece.words
    return kept or [_Piece(pieces[0].voice, waiting)]


def _spans(
    utterance: Utterance, pieces: Sequence[_Piece], timeline: Sequence[VoiceSpan]
) -> list[Span]:
    """The time of each piece: up to where one voice stops, from where the next begins."""
    starts, ends = [utterance.start_ms], []
    for number, (left, right) in enumerate(pairwise(pieces)):
        natural = left.words[-1].end_ms, right.words[0].start_ms
        limit = utterance.end_ms
        if number + 2 < len(pieces):
            limit = right.words[-1].end_ms
        stop, begin = _change_near(natural, left.voice, timeline) or natural
        fits_left = stop - starts[-1] >= _ROOM_MS * len(left.words)
        fits_right = limit - begin >= _ROOM_MS * len(right.words)
        if not (fits_left and fits_right):
            stop, begin = natural
            stop = max(stop, starts[-1] + len(left.words))
            begin = max(begin, stop)
        ends.append(stop)
        starts.append(begin)
    ends.append(utterance.end_ms)
    return [Span(start, end) for start, end in zip(starts, ends, strict=True)]


def _change_near(
    border: tuple[int, int], voice: int, timeline: Sequence[VoiceSpan]
) -> tuple[int, int] | None:
    """End and start around the change from `voice` that is nearest to where the words change."""
    middle = (border[0] + border[1]) // 2
    found = [
        (left.span.end_ms, right.span.start_ms)
        for left, right in pairwise(timeline)
        if left.voice == voice != right.voice
    ]
    near = [pair for pair in found if pair[0] - _SLACK_MS <= middle <= pair[1] + _SLACK_MS]
    return min(near, key=lambda p: abs((p[0] + p[1]) // 2 - middle), default=None)


def _cut(utterance: Utterance, words: Sequence[Word], span: Span) -> Utterance:
    """A new utterance of some of the words."""
    text = "".join(word.text for word in words)
    lead = len(text) - len(text.lstrip())
    trimmed = list(words)
    trimmed[0] = replace(trimmed[0], text=trimmed[0].text[lead:])
    trimmed[-1] = replace(trimmed[-1], text=trimmed[-1].text.rstrip())
    text = text.strip()
    return replace(
        utterance,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        text=text,
        normalised=normalise_numbers(text).text,
        words=fit_words(trimmed, span),
        confidence=sum(word.confidence for word in words) / len(words),
    )
