"""Who spoke when in one call: pure facts from a transcript, for rules and metrics.

Everything here returns None when the transcript cannot tell (no times, speakers not told
apart), so that missing data is never mistaken for 0. Definitions: the metric dictionary,
"Per call".
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter

from asr.transcript import Role, Transcript, Utterance
from core.span import Span, merge_spans, subtract_spans, total_ms

_UNITS = re.compile(r"[\u3400-\u9fff]|[A-Za-z]+(?:'[A-Za-z]+)*|\d+(?:[.,]\d+)*")
_NOT_TEXT = re.compile(r"[\W_]+")
_BACKCHANNEL = re.compile(
    r"(?:嗯|唔|啊|哦|噢|喔|哎|诶|欸|唉|呃|额|哈|呵|对|是|好|行|成|可以|没错|没问题|明白|了解|知道|清楚|懂|ok|okay"
    r"|的|了|吧|呀|嘛|嘞|啦|呢|你说|您说|你讲|您讲)+",
    re.IGNORECASE,
)
_LONGEST_BACKCHANNEL = 6
_OWN_PAUSE_MS = 700
"""Who goes on after so short a pause had not finished."""
_REACTION_MS = 250
"""Nobody answers sooner (gaps between turns: Levinson and Torreira 2015), so who starts within this
of the other was going to speak anyway."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody speaks for the whole span; `after` spoke last before it."""

    span: Span
    after: Role


@dataclass(frozen=True, slots=True)
class Interruption:
    """Utterance `utterance` began before the other side had finished what `interrupted` says.

    `overlap` is the time in which both spoke, from where the interrupter began, or the other side
    went on after a pause.
    """

    utterance: int
    interrupted: int
    overlap: Span


@dataclass(frozen=True, slots=True)
class Monologue:
    """A run of one side's speech. `speech_ms` leaves out own gaps of more than 300 ms."""

    role: Role
    span: Span
    speech_ms: int
    utterances: tuple[int, ...]


def speech_spans(transcript: Transcript, role: Role) -> tuple[Span, ...] | None:
    """When `role` speaks: sorted, disjoint; VAD spans if there are any, else utterances.

    None when no channel or utterance of the transcript has that role, or it has no times.
    """
    if not _has_times(transcript):
        return None
    heard = [channel for channel in transcript.speech if channel.role == role]
    if heard:
        return merge_spans(span for channel in heard for span in channel.spans)
    said = [u.span for u in transcript.utterances if u.role == role]
    return merge_spans(said) if said else None


def talk_ms(transcript: Transcript, role: Role) -> int | None:
    """Milliseconds in which `role` speaks; None when that cannot be known."""
    spans = speech_spans(transcript, role)
    return None if spans is None else total_ms(spans)


def silences(transcript: Transcript, min_ms: int = 3000) -> tuple[Silence, ...] | None:
    """Stretches longer than `min_ms` between the first and last speech in which nobody speaks.

    In order of time. Ring-back before and hold after the conversation are not counted. None
    when the transcript has no times; empty when nobody speaks at all.
    """
    if not _has_times(transcript):
        return None
    spoken = [(s.start_ms, s.end_ms, c.role) for c in transcript.speech for s in c.spans]
    spoken += [(u.start_ms, u.end_ms, u.role) for u in transcript.utterances]
    spoken.sort(key=itemgetter(0, 1))
    if not spoken:
        return ()
    found: list[Silence] = []
    _, last_ms, speaker = spoken[0]
    for start_ms, end_ms, role in spoken[1:]:
        if start_ms - last_ms > min_ms:
            found.append(Silence(Span(last_ms, start_ms), speaker))
        if end_ms > last_ms:
            last_ms, speaker = end_ms, role
    return tuple(found)


def interruptions(
    transcript: Transcript, by: Role, min_overlap_ms: int = 500
) -> tuple[Interruption, ...] | None:
    """Utterances of `by` that begin while the other side speaks and overlap it for longer.

    A short pause inside what the other side says does not end it: who begins in the pause
    interrupts too if the other side goes on before it can have heard that. An utterance that only
    says 嗯, 对, 好的 interrupts nobody. In order of time. None unless each side has a channel of
    its own or people wrote the times down: on one channel, overlaps cannot be heard.
    """
    if not _has_times(transcript) or not _can_overlap(transcript):
        return None
    found: list[Interruption] = []
    # Utterances of the other side that have not ended, or only just.
    speaking: list[Utterance] = []
    for at, utterance in enumerate(transcript.utterances):
        began = utterance.start_ms
        speaking = [other for other in speaking if other.end_ms + _OWN_PAUSE_MS >= began]
        if utterance.role not in (by, "unknown"):
            speaking.append(utterance)
        if not speaking or utterance.role != by or is_backchannel(utterance.text):
            continue
        for other in speaking:
            if other.start_ms == began or is_backchannel(other.text):
                continue
            last = other if other.end_ms > began else _resumed(transcript, at, other)
            if last is None:
                continue
            start_ms, end_ms = max(began, last.start_ms), min(utterance.end_ms, last.end_ms)
            if end_ms - start_ms > min_overlap_ms:
                overlap = Span(start_ms, end_ms)
                found.append(Interruption(utterance.index, other.index, overlap))
                break
    return tuple(found)


def _resumed(transcript: Transcript, at: int, other: Utterance) -> Utterance | None:
    """What goes on with `other` after the pause in which utterance `at` begins; None if nothing.

    Begins with or after utterance `at`, too soon to be an answer to it.
    """
    utterances = transcript.utterances
    began = utterances[at].start_ms
    for following in utterances[at + 1 :]:
        if following.start_ms - began > _REACTION_MS:
            return None
        if following.role == other.role and not is_backchannel(following.text):
            return following if following.start_ms - other.end_ms <= _OWN_PAUSE_MS else None
    return None


def speech_rate(transcript: Transcript, role: Role, min_units: int = 5) -> float | None:
    """汉字 per minute of `role`'s own speech, a Latin word or digit group counting as one.

    Only utterances of at least `min_units` count. None without any, or without times.
    """
    spans = speech_spans(transcript, role)
    if spans is None:
        return None
    units = spoken_ms = 0
    for utterance in transcript.utterances:
        if utterance.role == role and (said := text_units(utterance.text)) >= min_units:
            units += said
            spoken_ms += _spoken_ms(utterance, spans)
    return units * 60_000 / spoken_ms if spoken_ms else None


def utterance_rate(
    transcript: Transcript, utterance: Utterance, min_units: int = 5
) -> float | None:
    """汉字 per minute of one utterance, pauses inside left out; None for a short one."""
    spans = speech_spans(transcript, utterance.role)
    units = text_units(utterance.text)
    if spans is None or units < min_units:
        return None
    spoken_ms = _spoken_ms(utterance, spans)
    return units * 60_000 / spoken_ms if spoken_ms else None


def monologues(
    transcript: Transcript, role: Role, max_pause_ms: int = 3000, at_least_ms: int = 0
) -> tuple[Monologue, ...] | None:
    """Runs of `role`'s speech that last `at_least_ms` or longer, in order of time.

    A run ends with the other's turn or an own pause longer than `max_pause_ms`; the other's
    backchannels of up to 500 ms do not end it. None when the speakers are not told apart.
    """
    spans = speech_spans(transcript, role)
    if spans is None:
        return None
    bridged = merge_spans(spans, max_gap_ms=300)
    runs: list[list[Utterance]] = []
    is_open = False
    for utterance in transcript.utterances:
        if utterance.role == role:
            if is_open and utterance.start_ms - runs[-1][-1].end_ms <= max_pause_ms:
                runs[-1].append(utterance)
            else:
                runs.append([utterance])
            is_open = True
        elif not (is_backchannel(utterance.text) and utterance.span.duration_ms <= 500):
            is_open = False
    return tuple(
        _monologue(role, run, bridged)
        for run in runs
        if max(u.end_ms for u in run) - run[0].start_ms >= at_least_ms
    )


def response_latencies(transcript: Transcript, of: Role) -> tuple[int, ...] | None:
    """Milliseconds from the other's end to `of`'s start at each change of turn, in order.

    Speaking before the other has ended counts 0. None when the speakers are not told apart or
    there are no times; empty when `of` never answers.
    """
    if speech_spans(transcript, of) is None:
        return None
    pairs = zip(transcript.utterances, transcript.utterances[1:], strict=False)
    return tuple(
        max(0, answer.start_ms - said.end_ms)
        for said, answer in pairs
        if answer.role == of and said.role not in (of, "unknown")
    )


@lru_cache(maxsize=1 << 14)
def is_backchannel(text: str) -> bool:
    """Whether the text only shows that its speaker listens: 嗯, 对对对, 好的, 是的是的."""
    plain = _NOT_TEXT.sub("", text)
    return 0 < len(plain) <= _LONGEST_BACKCHANNEL and bool(_BACKCHANNEL.fullmatch(plain))


@lru_cache(maxsize=1 << 12)
def text_units(text: str) -> int:
    """汉字 in the text, plus one for each Latin word and each group of digits."""
    return len(_UNITS.findall(text))


def unheard_ms(transcript: Transcript, role: Role) -> int | None:
    """Milliseconds of `role`'s speech that got no text; None when that cannot be known."""
    if speech_spans(transcript, role) is None:
        return None
    return total_ms(Span(g.start_ms, g.end_ms) for g in transcript.untranscribed if g.role == role)


_START = attrgetter("start_ms")


def _has_times(transcript: Transcript) -> bool:
    """Whether times mean anything: text that never was audio has none."""
    if not transcript.utterances:
        return transcript.audio.duration_ms > 0
    return any(u.end_ms > u.start_ms for u in transcript.utterances)


def _can_overlap(transcript: Transcript) -> bool:
    roles = {u.role for u in transcript.utterances} | {c.role for c in transcript.speech}
    if not {"agent", "customer"} <= roles:
        return False
    if transcript.engine.engine == "reference":
        return True
    agent = {c.channel for c in transcript.speech if c.role == "agent"}
    customer = {c.channel for c in transcript.speech if c.role == "customer"}
    return (
        bool(agent and customer)
        and not agent & customer
        and "identical-channels" not in transcript.audio.quality_flags
    )


def _spoken_ms(utterance: Utterance, spans: Sequence[Span]) -> int:
    span, spoken = utterance.span, 0
    # The spans are sorted and disjoint: only those around the utterance can overlap it.
    first = bisect_right(spans, span.start_ms, key=_START) - 1
    for at in range(max(0, first), len(spans)):
        if spans[at].start_ms >= span.end_ms:
            break
        spoken += span.overlap_ms(spans[at])
    return spoken or span.duration_ms


def _monologue(role: Role, run: Sequence[Utterance], bridged: Sequence[Span]) -> Monologue:
    span = Span(run[0].start_ms, max(u.end_ms for u in run))
    # They are sorted and disjoint: only those around the run can lie in it.
    first, last = bisect_left(bridged, span), bisect_left(bridged, Span(span.end_ms, span.end_ms))
    pauses = subtract_spans([span], bridged[max(0, first - 1) : last])
    return Monologue(role, span, span.duration_ms - total_ms(pauses), tuple(u.index for u in run))
