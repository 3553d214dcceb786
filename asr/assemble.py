"""Recognised windows to utterances in call time: pure placement, cutting and joining."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from asr.engines.base import WindowText
from asr.packing import Segment, Window
from asr.placing import Placed, place
from asr.text import normalise_numbers
from asr.transcript import (
    DroppedSegment,
    Role,
    UntranscribedSpeech,
    Utterance,
    Word,
)
from core.span import Span


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """When two stretches of one speaker's speech are one utterance.

    They are joined over a pause of at most `max_pause_ms`, unless the other side speaks in it,
    and never to more than `max_utterance_ms`.
    """

    max_pause_ms: int = 700
    max_utterance_ms: int = 15_000


@dataclass(frozen=True, slots=True)
class Assembled:
    """Utterances of the whole call, indexed and sorted, and everything that is not in them."""

    utterances: tuple[Utterance, ...]
    dropped: tuple[DroppedSegment, ...]
    untranscribed: tuple[UntranscribedSpeech, ...]


@dataclass(frozen=True, slots=True)
class _Heard:
    """The believed words of one segment, in call time."""

    segment: Segment
    words: list[Word]


def assemble(
    segments: Sequence[Segment],
    windows: Sequence[Window],
    texts: Sequence[WindowText],
    roles: tuple[Role, ...],
    prompt: str,
    join: JoinOptions,
) -> Assembled:
    """As `joined`, of one pass over all windows."""
    return joined(segments, place(segments, windows, texts, prompt), roles, join)


def joined(
    segments: Sequence[Segment],
    placed: Placed,
    roles: tuple[Role, ...],
    join: JoinOptions,
) -> Assembled:
    """Utterances cut at pauses and turns, with what the guard refused and what stayed unheard.

    Args:
        segments: What was to be recognised.
        placed: The words believed of each.
        roles: Role of each channel.
        join: When segments become one utterance.
    """
    heard = [
        _Heard(segment, list(words)) for segment, words in zip(segments, placed.words, strict=True)
    ]
    utterances = _utterances(heard, roles, join)
    untranscribed = tuple(
        UntranscribedSpeech(
            item.segment.channel,
            roles[item.segment.channel],
            item.segment.speech.start_ms,
            item.segment.speech.end_ms,
        )
        for item in sorted(heard, key=lambda i: (i.segment.speech, i.segment.channel))
        if not item.words
    )
    return Assembled(utterances, placed.dropped, untranscribed)


def fit_words(words: Sequence[Word], span: Span) -> tuple[Word, ...]:
    """The words moved into `span`: in order, not overlapping, none of zero length.

    Times change as little as that needs; words that do not fit at their places share the span.
    A span shorter than one millisecond per word cannot hold them.

    Raises:
        ValueError: when the span has fewer milliseconds than there are words.
    """
    if not words:
        return ()
    least = min(20, span.duration_ms // len(words))
    if least < 1:
        raise ValueError(f"{len(words)} words do not fit into {span}")
    starts: list[int] = []
    ends: list[int] = []
    earliest = span.start_ms
    for word in words:
        starts.append(max(earliest, word.start_ms))
        ends.append(max(starts[-1] + least, word.end_ms))
        earliest = ends[-1]
    latest = span.end_ms
    for index in range(len(words) - 1, -1, -1):
        ends[index] = min(ends[index], latest)
        starts[index] = min(starts[index], ends[index] - least)
        latest = starts[index]
    return tuple(
        replace(word, start_ms=start, end_ms=end)
        for word, start, end in zip(words, starts, ends, strict=True)
    )


def _utterances(
    heard: Iterable[_Heard], roles: tuple[Role, ...], join: JoinOptions
) -> tuple[Utterance, ...]:
    spoken = [item for item in heard if item.words]
    groups: list[list[_Heard]] = []
    for channel in sorted({item.segment.channel for item in spoken}):
        own = sorted(
            (i for i in spoken if i.segment.channel == channel), key=lambda i: i.segment.speech
        )
        others = [i.segment.speech for i in spoken if i.segment.channel != channel]
        groups.extend(_joined(own, others, join))
    groups.sort(key=lambda group: (group[0].segment.speech.start_ms, group[0].segment.channel))
    return tuple(_utterance(index, group, roles) for index, group in enumerate(groups))


def _joined(own: Sequence[_Heard], others: Sequence[Span], join: JoinOptions) -> list[list[_Heard]]:
    """One channel's segments in groups, one per utterance."""
    groups: list[list[_Heard]] = []
    for item in own:
        if groups and _continues(groups[-1], item, others, join):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _continues(
    group: Sequence[_Heard], item: _Heard, others: Sequence[Span], join: JoinOptions
) -> bool:
    start, end = group[0].segment.speech.start_ms, group[-1].segment.speech.end_ms
    following = item.segment.speech
    if following.start_ms - end > join.max_pause_ms:
        return False
    if following.end_ms - start > join.max_utterance_ms:
        return False
    pause = Span(end, max(end, following.start_ms))
    return not any(other.overlap_ms(pause) for other in others)


def _utterance(index: int, group: Sequence[_Heard], roles: tuple[Role, ...]) -> Utterance:
    words = [word for item in group for word in _fitted(item)]
    text = "".join(word.text for word in words)
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    words[0] = replace(words[0], text=words[0].text[lead:])
    words[-1] = replace(words[-1], text=words[-1].text.rstrip())
    channel = group[0].segment.channel
    return Utterance(
        index=index,
        channel=channel,
        role=roles[channel],
        start_ms=group[0].segment.speech.start_ms,
        end_ms=group[-1].segment.speech.end_ms,
        text=text,
        normalised=normalise_numbers(text).text,
        words=tuple(words),
        confidence=sum(word.confidence for word in words) / len(words),
    )


def _fitted(item: _Heard) -> tuple[Word, ...]:
    """The segment's words inside its speech; more words than milliseconds are joined first."""
    words, span = item.words, item.segment.speech
    if len(words) > span.duration_ms:
        joined = "".join(word.text for word in words)
        words = [Word(joined, span.start_ms, span.end_ms, words[0].confidence)]
    return fit_words(words, span)
