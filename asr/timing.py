"""Who spoke when in one call: pure facts from a transcript, for rules and metrics.

`CallTiming` returns None when the transcript cannot tell (no times, speakers not told apart), so
that missing data is never mistaken for 0. Definitions: the metric dictionary, "Per call".
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
_LONGEST_LISTENING_MS = 500
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


class CallTiming:
    """The timing of one call; what several figures need is worked out once. Not for threads.

    `transcript` is the call's.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self._utterances = transcript.utterances
        self._speech: dict[Role, tuple[Span, ...] | None] = {}
        self._overlaps: dict[Role, list[Interruption]] = {}
        self._rates: dict[tuple[Role, int], float | None] = {}

    @cached_property
    def has_times(self) -> bool:
        """Whether times mean anything: text that never was audio has none."""
        if not self._utterances:
            return self.transcript.audio.duration_ms > 0
        return any(u.end_ms > u.start_ms for u in self._utterances)

    def speech_spans(self, role: Role) -> tuple[Span, ...] | None:
        """When `role` speaks: sorted, disjoint; VAD spans if there are any, else utterances.

        None when no channel or utterance of the transcript has that role, or it has no times.
        """
        if role not in self._speech:
            self._speech[role] = self._spans_of(role) if self.has_times else None
        return self._speech[role]

    def _spans_of(self, role: Role) -> tuple[Span, ...] | None:
        heard = [channel for channel in self.transcript.speech if channel.role == role]
        if heard:
            return merge_spans(span for channel in heard for span in channel.spans)
        said = [u.span for u in self._utterances if u.role == role]
        return merge_spans(said) if said else None

    def talk_ms(self, role: Role) -> int | None:
        """Milliseconds in which `role` speaks; None when that cannot be known."""
        spans = self.speech_spans(role)
        return None if spans is None else sum(span.end_ms - span.start_ms for span in spans)

    def silences(self, min_ms: int = 3000) -> tuple[Silence, ...] | None:
        """Stretches longer than `min_ms` between the first and last speech in which nobody speaks.

        In order of time. Ring-back before and hold after the conversation are not counted. None
        when the transcript has no times; empty when nobody speaks at all.
        """
        if not self.has_times:
            return None
        return tuple(
            Silence(Span(start_ms, end_ms), after)
            for start_ms, end_ms, after in self._pauses
            if end_ms - start_ms > min_ms
        )

    @cached_property
    def _pauses(self) -> list[tuple[int, int, Role]]:
        """Every stretch between the first and last speech in which nobody speaks."""
        spoken = [(u.start_ms, u.end_ms, u.role) for u in self._utterances]
        if self.transcript.speech:
            heard = [
                (s.start_ms, s.end_ms, c.role) for c in self.transcript.speech for s in c.spans
            ]
            spoken = sorted(heard + spoken, key=_TIMES)
        if not spoken:
            return []
        found = []
        _, last_ms, speaker = spoken[0]
        for start_ms, end_ms, role in spoken:
            if start_ms > last_ms:
                found.append((last_ms, start_ms, speaker))
            if end_ms > last_ms:
                last_ms, speaker = end_ms, role
        return found

    def interruptions(self, by: Role, min_overlap_ms: int = 500) -> tuple[Interruption, ...] | None:
        """Utterances of `by` that begin while the other side speaks and overlap it for longer.

        A short pause inside what the other side says does not end it: who begins in the pause
        interrupts too if the other side goes on before it can have heard that. An utterance that
        only says 嗯, 对, 好的 interrupts nobody. In order of time. None unless each side has a
        channel of its own or people wrote the times down: on one channel, overlaps cannot be heard.
        """
        if not self.has_times or not self._can_overlap:
            return None
        if by not in self._overlaps:
            self._overlaps[by] = list(self._overlapping(by))
        found: dict[int, Interruption] = {}
        for one in self._overlaps[by]:
            if one.overlap.duration_ms > min_overlap_ms:
                found.setdefault(one.utterance, one)
        return tuple(found.values())

    def _overlapping(self, by: Role) -> Iterator[Interruption]:
        """Every utterance of `by` with each one that it interrupts, however short the overlap."""
        # Utterances of the other side that have not ended, or only just.
        speaking: list[Utterance] = []
        for at, utterance in enumerate(self._utterances):
            began = utterance.start_ms
            if utterance.role not in (by, "unknown"):
                speaking.append(utterance)
            elif speaking and utterance.role == by and not is_backchannel(utterance.text):
                speaking = [other for other in speaking if other.end_ms + _OWN_PAUSE_MS >= began]
                for other in speaking:
                    if other.start_ms == began or is_backchannel(other.text):
                        continue
                    last = other if other.end_ms > began else self._resumed(at, other)
                    if last is None:
                        continue
                    start_ms, end_ms = max(began, last.start_ms), min(utterance.end_ms, last.end_ms)
                    if end_ms > start_ms:
                        yield Interruption(utterance.index, other.index, Span(start_ms, end_ms))

    def _resumed(self, at: int, other: Utterance) -> Utterance | None:
        """What goes on with `other` after the pause in which utterance `at` begins, if anything.

        Begins with or after utterance `at`, too soon to be an answer to it.
        """
        began = self._utterances[at].start_ms
        for place in range(at + 1, len(self._utterances)):
            following = self._utterances[place]
            if following.start_ms - began > _REACTION_MS:
                return None
            if following.role == other.role and not is_backchannel(following.text):
                return following if following.start_ms - other.end_ms <= _OWN_PAUSE_MS else None
        return None

    @cached_property
    def _can_overlap(self) -> bool:
        transcript = self.transcript
        roles = {u.role for u in self._utterances} | {c.role for c in transcript.speech}
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

    def speech_rate(self, role: Role, min_units: int = 5) -> float | None:
        """汉字 per minute of `role`'s own speech, a Latin word or digit group counting as one.

        Only utterances of at least `min_units` count. None without any, or without times.
        """
        if (role, min_units) not in self._rates:
            self._rates[role, min_units] = self._rate(role, min_units)
        return self._rates[role, min_units]

    def _rate(self, role: Role, min_units: int) -> float | None:
        if self.speech_spans(role) is None:
            return None
        units = spoken_ms = 0
        for utterance in self._utterances:
            if utterance.role == role and (said := text_units(utterance.text)) >= min_units:
                units += said
                spoken_ms += self._spoken_ms(utterance)
        return units * 60_000 / spoken_ms if spoken_ms else None

    def utterance_rate(self, utterance: Utterance, min_units: int = 5) -> float | None:
        """汉字 per minute of one utterance, pauses inside left out; None for a short one."""
        units = text_units(utterance.text)
        if self.speech_spans(utterance.role) is None or units < min_units:
            return None
        spoken_ms = self._spoken_ms(utterance)
        return units * 60_000 / spoken_ms if spoken_ms else None

    def _spoken_ms(self, utterance: Utterance) -> int:
        """How long the utterance's role really speaks in it."""
        spans = self.speech_spans(utterance.role) or ()
        start_ms, end_ms, spoken = utterance.start_ms, utterance.end_ms, 0
        # The spans are sorted and disjoint: only those around the utterance can overlap it.
        for at in range(max(0, bisect_right(spans, start_ms, key=_START) - 1), len(spans)):
            span = spans[at]
            if span.start_ms >= end_ms:
                break
            spoken += max(0, min(end_ms, span.end_ms) - max(start_ms, span.start_ms))
        return spoken or end_ms - start_ms

    def monologues(
        self, role: Role, max_pause_ms: int = 3000, at_least_ms: int = 0
    ) -> tuple[Monologue, ...] | None:
        """Runs of `role`'s speech that last `at_least_ms` or longer, in order of time.

        A run ends with the other's turn or an own pause longer than `max_pause_ms`; the other's
        backchannels of up to 500 ms do not end it. None when the speakers are not told apart.
        """
        spans = self.speech_spans(role)
        if spans is None:
            return None
        long_ones = [
            run
            for run in self._runs(role, max_pause_ms)
            if max(u.end_ms for u in run) - run[0].start_ms >= at_least_ms
        ]
        bridged = merge_spans(spans, max_gap_ms=300) if long_ones else ()
        return tuple(_monologue(role, run, bridged) for run in long_ones)

    def _runs(self, role: Role, max_pause_ms: int) -> list[list[Utterance]]:
        runs: list[list[Utterance]] = []
        is_open = False
        for utterance in self._utterances:
            if utterance.role == role:
                if is_open and utterance.start_ms - runs[-1][-1].end_ms <= max_pause_ms:
                    runs[-1].append(utterance)
                else:
                    runs.append([utterance])
                is_open = True
            elif is_open:
                is_short = utterance.end_ms - utterance.start_ms <= _LONGEST_LISTENING_MS
                is_open = is_short and is_backchannel(utterance.text)
        return runs

    def response_latencies(self, of: Role) -> tuple[int, ...] | None:
        """Milliseconds from the other's end to `of`'s start at each change of turn, in order.

        Speaking before the other has ended counts 0. None when the speakers are not told apart or
        there are no times; empty when `of` never answers.
        """
        if self.speech_spans(of) is None:
            return None
        pairs = zip(self._utterances, self._utterances[1:], strict=False)
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


_START = attrgetter("start_ms")
_TIMES = itemgetter(0, 1)


def _monologue(role: Role, run: Sequence[Utterance], bridged: Sequence[Span]) -> Monologue:
    span = Span(run[0].start_ms, max(u.end_ms for u in run))
    # They are sorted and disjoint: only those around the run can lie in it.
    first, last = bisect_left(bridged, span), bisect_left(bridged, Span(span.end_ms, span.end_ms))
    pauses = subtract_spans([span], bridged[max(0, first - 1) : last])
    return Monologue(role, span, span.duration_ms - total_ms(pauses), tuple(u.index for u in run))
