"""The values of one call's page, from what is stored about the call."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.web.audio_view import check_rows, fix_choices
from api.web.call_view import (
    event_entries,
    finding_entries,
    name_of_node,
    outcome_counts,
    score_sum,
    sop_stages,
    stage_of,
    stage_styles,
)
from api.web.catalogue import Phrases
from api.web.rendering import clock, file_size, number
from api.web.transcript_view import marks_of, transcript_lines
from asr.transcript import Transcript
from insights.dictionary import DICTIONARY
from insights.metric import Metric
from models.hearing import hearing_options
from models.results import StoredAnalysis
from models.tables import Call, CallAudio

_MINUTE_MS = 60_000
_METRICS: Mapping[str, Metric] = {metric.id: metric for metric in DICTIONARY}


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One metric of the call: `text` is None when it is missing, and then `reason` says why."""

    metric: Metric
    text: str | None
    unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class HeardCounts:
    """How much of the conversation is not in the utterances."""

    dropped: int
    untranscribed: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the details: a value, or a moment."""

    label: str
    value: str = ""
    when: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Lines that belong together; `title` is a key of the catalogue."""

    title: str
    rows: tuple[Fact, ...]


def call_page_values(
    call: Call,
    audio: Sequence[CallAudio],
    transcript: Transcript | None,
    analysis: StoredAnalysis | None,
    phrases: Phrases,
) -> dict[str, Any]:
    """Everything that `call.html` shows. Transcript and analysis are None until they exist."""
    hits = analysis.hits if analysis else ()
    sop = analysis.sop if analysis and analysis.sop.steps else None
    findings = analysis.findings if analysis else ()
    styles = stage_styles(sop, hits)
    entries = finding_entries(findings)
    lines = transcript_lines(transcript, hits, marks_of(findings)) if transcript else ()
    figures = figure_rows(analysis.metrics, phrases) if analysis else ()
    return {
        "call": call,
        "has_audio": bool(audio),
        "has_waveform": transcript is not None,
        "channels": _channels(call, transcript),
        "checks": check_rows(transcript, phrases),
        "fixes": fix_choices(transcript, hearing_options(call), has_audio=bool(audio)),
        "quality_flags": transcript.audio.quality_flags if transcript else (),
        "lines": lines,
        "heard": HeardCounts(
            dropped=len(transcript.dropped) if transcript else 0,
            untranscribed=len(transcript.untranscribed) if transcript else 0,
        ),
        "hits": hits,
        "hit_css": [styles[stage_of(hit.node)] for hit in hits],
        "events": event_entries(hits, styles),
        "sop": sop,
        "sop_stages": sop_stages(sop, styles) if sop else (),
        "name_of_node": name_of_node,
        "findings": entries,
        "finding_names": {entry.id: entry.finding.rule_name for entry in entries},
        "rule_ids": {entry.finding.rule: entry.id for entry in entries},
        "outcome_counts": outcome_counts(findings),
        "score_sum": score_sum(analysis.score) if analysis and analysis.score.lines else None,
        "figures": figures,
        "talk_split": _value(analysis.metrics, "talk_ratio") if analysis else None,
        "low_reliability": analysis is not None and analysis.metrics.get("reliability") == "low",
        "dictionary": _METRICS,
        "about": about_groups(call, audio, transcript, analysis, phrases),
    }


def figure_rows(metrics: Mapping[str, Any], phrases: Phrases) -> tuple[FigureRow, ...]:
    """The stored figures in the order of the dictionary, formatted by their unit."""
    stored = metrics.get("figures", {})
    return tuple(
        _figure_row(metric, stored[metric.id], phrases)
        for metric in DICTIONARY
        if metric.level == "call" and metric.id in stored
    )


def about_groups(
    call: Call,
    audio: Sequence[CallAudio],
    transcript: Transcript | None,
    analysis: StoredAnalysis | None,
    phrases: Phrases,
) -> tuple[FactGroup, ...]:
    """What is known of the call besides its conversation; empty groups are left out."""
    groups = (
        FactGroup("about.call", tuple(_call_facts(call, phrases))),
        FactGroup("about.fields", tuple(Fact(str(k), str(v)) for k, v in call.fields.items())),
        FactGroup("about.audio", tuple(_audio_facts(audio, transcript, phrases))),
        FactGroup("about.processing", tuple(_stage_facts(call, phrases))),
        FactGroup("about.versions", tuple(_version_facts(transcript, analysis, phrases))),
    )
    return tuple(group for group in groups if group.rows)


@dataclass(frozen=True, slots=True)
class _Channel:
    role: str


def _channels(call: Call, transcript: Transcript | None) -> list[_Channel]:
    if transcript is None:
        return [_Channel(str(role)) for role in call.roles]
    roles = transcript.channel_roles
    return [_Channel(roles.get(i, "unknown")) for i in range(transcript.audio.channels)]


def _value(metrics: Mapping[str, Any], identifier: str) -> float | None:
    figure = metrics.get("figures", {}).get(identifier)
    return None if figure is None else figure["value"]


def _figure_row(metric: Metric, figure: Mapping[str, Any], phrases: Phrases) -> FigureRow:
    value = figure["value"]
    if value is None:
        return FigureRow(metric, None, "", str(figure.get("missing_reason", "")))
    if metric.unit == "ratio":
        return FigureRow(metric, f"{value * 100:.0f}%", "", "")
    if metric.unit == "ms" and value >= _MINUTE_MS:
        return FigureRow(metric, clock(round(value)), "", "")
    if metric.unit == "ms":
        return FigureRow(metric, number(value / 1000), phrases.name_of("unit", "s"), "")
    return FigureRow(metric, number(value), phrases.name_of("unit", metric.unit), "")


def _call_facts(call: Call, phrases: Phrases) -> list[Fact]:
    t = phrases.t
    facts = [Fact(t("about.id"), str(call.id)), Fact(t("about.source"), call.source)]
    for name in ("external_id", "file_name", "agent", "team", "campaign", "customer_id",
                 "lead_source", "disposition"):  # fmt: skip
        value = getattr(call, name)
        if value:
            facts.append(Fact(t(f"about.{name}"), str(value)))
    if call.direction:
        facts.append(Fact(t("about.direction"), phrases.name_of("direction", call.direction)))
    if call.domain:
        facts.append(Fact(t("about.domain"), phrases.name_of("domain", call.domain)))
    if call.started_at:
        facts.append(Fact(t("about.started_at"), when=call.started_at))
    for name in ("ring_s", "talk_s"):
        seconds = getattr(call, name)
        if seconds is not None:
            facts.append(Fact(t(f"about.{name}"), number(seconds)))
    return facts


def _audio_facts(
    audio: Sequence[CallAudio], transcript: Transcript | None, phrases: Phrases
) -> list[Fact]:
    t = phrases.t
    facts = [
        Fact(t("about.file_name"), f"{a.file_name} · {file_size(a.size_bytes)}") for a in audio
    ]
    if transcript is None:
        return facts
    heard = transcript.audio
    flags = "、".join(phrases.name_of("flag", flag) for flag in heard.quality_flags)
    rows: list[tuple[str, str]] = [
        ("about.duration", clock(heard.duration_ms)),
        ("about.codec", f"{heard.codec} / {heard.container}"),
        ("about.sample_rate", f"{heard.sample_rate_hz} Hz"),
        ("about.channels", str(heard.channels)),
        ("about.quality", flags or t("about.no_flags")),
    ]
    return facts + [Fact(t(key), value) for key, value in rows]


def _stage_facts(call: Call, phrases: Phrases) -> list[Fact]:
    names = ("received_at", "transcribe_started_at", "transcribed_at", "analyze_started_at",
             "finished_at")  # fmt: skip
    facts = [
        Fact(phrases.t(f"about.{name}"), when=getattr(call, name))
        for name in names
        if getattr(call, name) is not None
    ]
    return [*facts, Fact(phrases.t("about.attempts"), str(call.attempts))]


def _version_facts(
    transcript: Transcript | None, analysis: StoredAnalysis | None, phrases: Phrases
) -> list[Fact]:
    versions: dict[str, Any] = dict(analysis.versions) if analysis else {}
    if transcript is not None:
        versions.setdefault("engine", transcript.engine.engine)
        versions.setdefault("weights", transcript.engine.weights)

    names = ("engine", "weights", "encoder", "tree", "head", "ruleset", "software")
    return [
        Fact(phrases.t(f"about.{name}"), str(versions[name]))
        for name in names
        if versions.get(name)
    ]
