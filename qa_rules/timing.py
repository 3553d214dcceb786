"""Timing facts as rules need them; every function returns None when they cannot be known."""

from dataclasses import dataclass

from asr.transcript import Transcript, Utterance
from core.span import Span, merge_spans, total_ms
from qa_rules.model import SaidBy

_BACKCHANNELS = frozenset("嗯啊哦噢对好是行喂哎诶呃的了吧呀嘛")
_RATE_CHARS = 5


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nobody speaks; `after` is the role that spoke before it."""

    start_ms: int
    end_ms: int
    after: str


def pauses(transcript: Transcript, min_ms: int) -> tuple[Pause, ...] | None:
    """Silences of at least `min_ms` between the first and the last speech, sorted."""
    spans = _speech(transcript, "any")
    if spans is None:
        return None
    return tuple(
        Pause(before.end_ms, after.start_ms, _speaker_before(transcript, before.end_ms))
        for before, after in zip(spans, spans[1:], strict=False)
        if after.start_ms - before.end_ms >= min_ms
    )


def interruptions(
    transcript: Transcript, by: str, min_overlap_ms: int
) -> tuple[tuple[Utterance, int], ...] | None:
    """Utterances of `by` that start while the other side speaks, with the overlap in ms.

    Back-channels (嗯, 对, 好的) are left out. None unless both sides have a channel of their own.
    """
    mine = [u for u in transcript.utterances if u.role == by]
    theirs = [u for u in transcript.utterances if u.role not in (by, "unknown")]
    if not mine or not theirs or {u.channel for u in mine} & {u.channel for u in theirs}:
        return None
    if _speech(transcript, "any") is None:
        return None
    found = []
    for utterance in mine:
        if all(character in _BACKCHANNELS for character in utterance.text if character.isalnum()):
            continue
        overlap = max(
            (o.span.overlap_ms(utterance.span) for o in theirs if o.start_ms < utterance.start_ms),
            default=0,
        )
        if overlap >= min_overlap_ms:
            found.append((utterance, overlap))
    return tuple(found)


def speech_rate(transcript: Transcript, role: SaidBy) -> float | None:
    """汉字 (and Latin words, digit groups) per minute over utterances of at least 5."""
    chosen = [u for u in transcript.utterances if role in ("any", u.role)]
    counted = [(len([c for c in u.text if c.isalnum()]), u.end_ms - u.start_ms) for u in chosen]
    counted = [(chars, ms) for chars, ms in counted if chars >= _RATE_CHARS and ms > 0]
    spoken = sum(ms for _, ms in counted)
    return sum(chars for chars, _ in counted) * 60_000 / spoken if spoken else None


def talk_ms(transcript: Transcript, role: SaidBy) -> int | None:
    """Milliseconds in which `role` speaks."""
    spans = _speech(transcript, role)
    return None if spans is None else total_ms(spans)


def talk_ratio(transcript: Transcript, role: SaidBy) -> float | None:
    """The role's share of both sides' speech, in [0, 1]."""
    agent, customer = _speech(transcript, "agent"), _speech(transcript, "customer")
    if agent is None or customer is None:
        return None
    mine = total_ms(agent if role == "agent" else customer)
    both = total_ms(agent) + total_ms(customer)
    if role == "any" or not both:
        return None
    return mine / both


def _speech(transcript: Transcript, role: SaidBy) -> tuple[Span, ...] | None:
    spans = [s for c in transcript.speech if role in ("any", c.role) for s in c.spans]
    if not spans:
        spans = [u.span for u in transcript.utterances if role in ("any", u.role)]
        spans += [
            Span(g.start_ms, g.end_ms) for g in transcript.untranscribed if role in ("any", g.role)
        ]
    return merge_spans(spans) if any(span.duration_ms for span in spans) else None


def _speaker_before(transcript: Transcript, at_ms: int) -> str:
    before = [u for u in transcript.utterances if u.end_ms <= at_ms]
    return max(before, key=lambda u: u.end_ms).role if before else "unknown"
