"""Conversation figures of one call, after the per-call entries of the metric dictionary."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from asr.timing import CallTiming, Silence
from asr.transcript import ROLE_NAMES, Reliability, Role, Transcript
from core.span import Span, merge_spans, subtract_spans, total_ms
from events.hits import EventHit
from insights.definitions.call import CALL_METRICS
from insights.dictionary import DICTIONARY_VERSION
from insights.metric import Figure
from insights.parameters import DEFAULTS, ConversationParameters
from insights.turns import Turn, count_discussions, turns
from nlp.questions import count_questions

SIDES: tuple[Role, Role] = ("agent", "customer")

NO_TIMES = "文字稿没有时间"
NO_ROLES = "没有区分说话人"
NO_SPEECH = "通话中没有人说话"
NO_AUDIO = "没有录音"
ONE_CHANNEL = "不是双声道录音"
NO_LEVELS = "转写结果没有携带音量"
NO_VAD = "没有语音区间（文字稿）"


@dataclass(frozen=True, slots=True)
class Quiet:
    """A stretch in which nobody speaks, and who spoke last before it."""

    start_ms: int
    end_ms: int
    after: Role


@dataclass(frozen=True, slots=True)
class Overlap:
    """An interruption by `by`: both speak in the span; `utterance` is the interrupting one."""

    start_ms: int
    end_ms: int
    by: Role
    utterance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMetrics:
    """All figures of one call.

    `figures` has one entry for each per-call id of the dictionary, in its order; a figure whose
    source is absent has value None and a reason, never 0. `silences` and `interruptions` are the
    places behind the counts, in time order. `reliability` is `low` when both sides share one
    channel.
    """

    dictionary_version: int
    reliability: Reliability
    figures: dict[str, Figure]
    silences: tuple[Quiet, ...]
    interruptions: tuple[Overlap, ...]

    def value(self, identifier: str) -> float | int | None:
        """The value of one figure, None when it is missing."""
        return self.figures[identifier].value


_Measured = tuple[float | int | None, str]


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the figures are computed from, prepared once. A side's speech is None if unknown."""

    transcript: Transcript
    timing: CallTiming
    speech: dict[Role, tuple[Span, ...] | None]
    active_ms: int
    turns: tuple[Turn, ...]
    parameters: ConversationParameters

    @property
    def why_unknown(self) -> str:
        """Why nothing is known of a side."""
        if not self.transcript.utterances and not self.active_ms:
            return NO_SPEECH
        return NO_ROLES if self.active_ms else NO_TIMES


def call_metrics(
    transcript: Transcript,
    hits: Sequence[EventHit],
    parameters: ConversationParameters = DEFAULTS,
    timing: CallTiming | None = None,
) -> CallMetrics:
    """The figures of a call, as the metric dictionary defines them.

    `hits` are the call's event hits. Silence, latency and the like count between the first and
    the last speech only, so that ring-back stays out. `timing` is the transcript's, where somebody
    needs it too.
    """
    heard = _prepare(timing or CallTiming(transcript), parameters)
    silences = heard.timing.silences(parameters.silence_ms)
    interruptions = _interruptions(heard)
    measured: dict[str, _Measured] = {
        **_talk(heard),
        **_floor(heard),
        **_questions(heard),
        **_silence(heard, silences),
        **_interruption_counts(interruptions),
        **_coverage(heard),
        **_loudness(heard),
        "key_events": (len({hit.node for hit in hits}), ""),
    }
    return CallMetrics(
        dictionary_version=DICTIONARY_VERSION,
        reliability=_reliability(transcript),
        figures={entry.id: _figure(measured[entry.id], entry.unit) for entry in CALL_METRICS},
        silences=tuple(Quiet(s.span.start_ms, s.span.end_ms, s.after) for s in silences or ()),
        interruptions=interruptions or (),
    )


def _prepare(timing: CallTiming, parameters: ConversationParameters) -> _Heard:
    transcript = timing.transcript
    speech = {side: timing.speech_spans(side) for side in SIDES}
    anybody = merge_spans(
        span for role in (*SIDES, "unknown") for span in timing.speech_spans(role) or ()
    )
    active_ms = anybody[-1].end_ms - anybody[0].start_ms if anybody else 0
    return _Heard(transcript, timing, speech, active_ms, turns(transcript), parameters)


def _reliability(transcript: Transcript) -> Reliability:
    """Two sides on one channel are told apart by guessing."""
    shared = transcript.audio.channels == 1 or "identical-channels" in (
        transcript.audio.quality_flags
    )
    return "low" if shared or any(u.reliability == "low" for u in transcript.utterances) else "high"


def _figure(measured: _Measured, unit: str) -> Figure:
    value, reason = measured
    if isinstance(value, float):
        value = round(value, 4)
    return Figure(value, unit, "" if value is not None else reason)


def _ratio(numerator: float, denominator: float, reason: str) -> _Measured:
    return (numerator / denominator, "") if denominator > 0 else (None, reason)


def _talk(heard: _Heard) -> dict[str, _Measured]:
    duration = heard.transcript.audio.duration_ms
    spoken = {side: None if (s := heard.speech[side]) is None else total_ms(s) for side in SIDES}
    found: dict[str, _Measured] = {
        "call_duration": (duration, "") if duration > 0 else (None, NO_AUDIO)
    }
    agent, customer = spoken["agent"], spoken["customer"]
    if agent is None or customer is None:
        found["talk_ratio"] = (None, heard.why_unknown)
    else:
        found["talk_ratio"] = _ratio(agent, agent + customer, NO_SPEECH)
    for side in SIDES:
        mine = spoken[side]
        found[f"{side}_talk"] = (mine, heard.why_unknown)
        found[f"{side}_talk_share"] = (
            (None, heard.why_unknown) if mine is None else _ratio(mine, duration, NO_AUDIO)
        )
        rate = heard.timing.speech_rate(side, heard.parameters.rate_min_units)
        found[f"{side}_speech_rate"] = (
            rate,
            heard.why_unknown if mine is None else f"{ROLE_NAMES[side]}没有足够长的话语",
        )
    return found


def _floor(heard: _Heard) -> dict[str, _Measured]:
    found: dict[str, _Measured] = {}
    for identifier, side in zip(
        ("longest_monologue", "longest_customer_story"), SIDES, strict=True
    ):
        runs = heard.timing.monologues(side, heard.parameters.monologue_pause_ms)
        longest = max((run.speech_ms for run in runs or ()), default=None)
        reason = heard.why_unknown if runs is None else f"{ROLE_NAMES[side]}没有说话"
        found[identifier] = (longest, reason)
    gaps = heard.timing.response_latencies("agent")
    reason = heard.why_unknown if gaps is None else "没有客户之后坐席接话的地方"
    found["response_latency_median"] = (round(statistics.median(gaps)) if gaps else None, reason)
    found["response_latency_p90"] = (_percentile(gaps, 0.9) if gaps else None, reason)
    if not heard.turns or not heard.active_ms:
        found["interactivity"] = found["deep_discussions"] = (None, heard.why_unknown)
        return found
    switches = len(heard.turns) - 1
    found["interactivity"] = _ratio(switches * 60_000, heard.active_ms, NO_SPEECH)
    found["deep_discussions"] = (count_discussions(heard.turns, heard.parameters), "")
    return found


def _percentile(values: Sequence[int], share: float) -> int:
    """Nearest-rank percentile: a value that occurred."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _questions(heard: _Heard) -> dict[str, _Measured]:
    """Words need no times, but they need a speaker."""
    utterances = heard.transcript.utterances
    known = any(u.role != "unknown" for u in utterances)
    reason = NO_ROLES if utterances else NO_SPEECH
    found: dict[str, _Measured] = {}
    for side in SIDES:
        count = sum(count_questions(u.text) for u in utterances if u.role == side)
        found[f"{side}_questions"] = (count if known else None, reason)
        found[f"{side}_questions_per_10min"] = (
            _ratio(count * 600_000, heard.active_ms, NO_TIMES) if known else (None, reason)
        )
    return found


def _silence(heard: _Heard, silences: Sequence[Silence] | None) -> dict[str, _Measured]:
    if silences is None or not heard.active_ms:
        missing: _Measured = (None, heard.why_unknown)
        return dict.fromkeys(("silence_total", "silence_count", "silence_longest"), missing)
    lengths = [silence.span.duration_ms for silence in silences]
    return {
        "silence_total": (sum(lengths), ""),
        "silence_count": (len(lengths), ""),
        "silence_longest": (max(lengths, default=0), ""),
    }


def _interruptions(heard: _Heard) -> tuple[Overlap, ...] | None:
    """Both sides' interruptions in time order; None when overlaps cannot be heard."""
    found: list[Overlap] = []
    for side in SIDES:
        places = heard.timing.interruptions(side, heard.parameters.overlap_ms)
        if places is None:
            return None
        found += [Overlap(p.overlap.start_ms, p.overlap.end_ms, side, p.utterance) for p in places]
    return tuple(sorted(found, key=lambda overlap: (overlap.start_ms, overlap.utterance)))


def _interruption_counts(interruptions: tuple[Overlap, ...] | None) -> dict[str, _Measured]:
    return {
        f"{side}_interruptions": (
            None if interruptions is None else sum(o.by == side for o in interruptions),
            ONE_CHANNEL,
        )
        for side in SIDES
    }


def _coverage(heard: _Heard) -> dict[str, _Measured]:
    found: dict[str, _Measured] = {}
    for side in SIDES:
        spoken = [s for c in heard.transcript.speech if c.role == side for s in c.spans]
        unheard = [
            Span(gap.start_ms, gap.end_ms)
            for gap in heard.transcript.untranscribed
            if gap.role == side
        ]
        found[f"{side}_coverage"] = _ratio(
            total_ms(subtract_spans(spoken, unheard)), total_ms(spoken), NO_VAD
        )
    return found


def _loudness(heard: _Heard) -> dict[str, _Measured]:
    """Levels of the sound, as far as the transcript carries them for a side."""
    transcript = heard.transcript
    said = {side: [u for u in transcript.utterances if u.role == side] for side in SIDES}
    found: dict[str, _Measured] = {}
    for side in SIDES:
        levels = [u.level_dbfs for u in said[side] if u.level_dbfs is not None]
        reason = NO_LEVELS if said[side] else NO_ROLES if not any(said.values()) else NO_SPEECH
        found[f"{side}_loudness"] = (statistics.median(levels) if levels else None, reason)
        shares = [c.clipped_share for c in transcript.speech if c.role == side]
        found[f"{side}_clipping"] = (shares[0] if len(shares) == 1 else None, NO_LEVELS)
    return found
