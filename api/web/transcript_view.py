"""The transcript as a page shows it: lines in call time, text cut into runs that can be marked."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from asr.transcript import Replacement, Role, Transcript, Utterance
from events.hits import EventHit
from qa_rules.findings import Finding

LineKind = Literal["utterance", "dropped", "untranscribed", "silence"]
# METRICS.md counts silence from 3 s on; the page marks the same pauses.
SILENCE_MS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A piece of an utterance inside which nothing changes.

    `start_ms`/`end_ms` are the word's time, None for text that no word covers. `hits` are
    positions in the call's hit list and `marks` ids of finding evidence (`f2-0`) that cover it.
    `heard` is what was recognised where the vocabulary put a term.
    """

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    hits: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    heard: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the conversation.

    `continues` says that the same side spoke the line before. `index` is the utterance's index,
    None for the other kinds. `reason` explains dropped text. `runs` join to the full text.
    """

    kind: LineKind
    role: Role
    start_ms: int
    end_ms: int
    index: int | None = None
    runs: tuple[Run, ...] = ()
    normalised: str = ""
    hits: tuple[int, ...] = ()
    findings: tuple[str, ...] = ()
    reason: str = ""
    low_reliability: bool = False
    continues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A span of one utterance's text that a finding rests on."""

    id: str
    finding: str
    utterance: int
    char_start: int
    char_end: int


def transcript_lines(
    transcript: Transcript, hits: Sequence[EventHit], marks: Sequence[Mark]
) -> tuple[Line, ...]:
    """All that is known of the conversation, sorted by start: said, refused, unheard, silent."""
    lines = [_utterance_line(u, hits, marks, transcript.corrections) for u in transcript.utterances]
    lines += _silences(transcript.utterances)
    lines += [
        Line(
            kind="dropped",
            role=_role_of_channel(transcript, segment.channel),
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            runs=(Run(text=segment.text),),
            reason=segment.reason,
        )
        for segment in transcript.dropped
    ]
    lines += [
        Line(kind="untranscribed", role=gap.role, start_ms=gap.start_ms, end_ms=gap.end_ms)
        for gap in transcript.untranscribed
    ]
    lines.sort(key=lambda line: (line.start_ms, line.end_ms))
    return _joined(lines)


def marks_of(findings: Sequence[Finding]) -> tuple[Mark, ...]:
    """One mark for each piece of evidence that lies in an utterance; ids are `f<i>-<j>`."""
    return tuple(
        Mark(
            id=f"f{i}-{j}",
            finding=f"f{i}",
            utterance=evidence.utterance,
            char_start=evidence.char_start,
            char_end=evidence.char_end,
        )
        for i, finding in enumerate(findings)
        if finding.outcome == "hit"
        for j, evidence in enumerate(finding.evidence)
        if evidence.utterance is not None
    )


def text_runs(
    utterance: Utterance,
    hits: Sequence[tuple[int, EventHit]],
    marks: Sequence[Mark],
    corrections: Sequence[Replacement] = (),
) -> tuple[Run, ...]:
    """The utterance's text cut at every border of a word, a hit, a mark or a correction.

    Joined, the runs give the text back. Spans that lie outside the text are clipped.
    """
    text = utterance.text
    words = _word_places(utterance)
    borders = {0, len(text)}
    for start, end, _, _ in words:
        borders |= {start, end}
    spans = [(hit.char_start, hit.char_end) for _, hit in hits]
    spans += [(mark.char_start, mark.char_end) for mark in marks]
    spans += [(made.start, made.end) for made in corrections]
    for start, end in spans:
        borders |= {min(start, len(text)), min(end, len(text))}
    cuts = sorted(borders)
    starts = [word[0] for word in words]
    runs: list[Run] = []
    for start, end in pairwise(cuts):
        place = bisect_right(starts, start) - 1
        word = words[place] if place >= 0 and start < words[place][1] else None
        runs.append(
            Run(
                text=text[start:end],
                start_ms=word[2] if word else None,
                end_ms=word[3] if word else None,
                hits=tuple(i for i, h in hits if h.char_start <= start and end <= h.char_end),
                marks=tuple(m.id for m in marks if m.char_start <= start and end <= m.char_end),
                heard=next(
                    (
                        made.before
                        for made in corrections
                        if made.start <= start and end <= made.end
                    ),
                    "",
                ),
            )
        )
    return tuple(runs)


def _utterance_line(
    u: Utterance,
    hits: Sequence[EventHit],
    marks: Sequence[Mark],
    corrections: Sequence[Replacement],
) -> Line:
    own_hits = [(i, hit) for i, hit in enumerate(hits) if hit.utterance == u.index]
    own_marks = [mark for mark in marks if mark.utterance == u.index]
    return Line(
        kind="utterance",
        role=u.role,
        start_ms=u.start_ms,
        end_ms=u.end_ms,
        index=u.index,
        runs=text_runs(
            u,
            own_hits,
            own_marks,
            [made for made in corrections if made.utterance_index == u.index],
        ),
        normalised=u.normalised if u.normalised != u.text else "",
        hits=tuple(i for i, _ in own_hits),
        findings=_unique(mark.finding for mark in own_marks),
        low_reliability=u.reliability == "low",
    )


def _word_places(utterance: Utterance) -> list[tuple[int, int, int, int]]:
    """Each word's place in the text and in time, found from left to right.

    Engines put spaces and punctuation into words or leave them out; a word that is not found
    from the current place on is skipped, so that one odd token costs only its own highlight.
    """
    places: list[tuple[int, int, int, int]] = []
    at = 0
    for word in utterance.words:
        token = word.text.strip()
        found = utterance.text.find(token, at) if token else -1
        if found < 0:
            continue
        at = found + len(token)
        places.append((found, at, word.start_ms, word.end_ms))
    return places


def _silences(utterances: Sequence[Utterance]) -> list[Line]:
    """Pauses of both sides between first and last speech."""
    silences: list[Line] = []
    heard_until: int | None = None
    for u in utterances:
        if heard_until is not None and u.start_ms - heard_until > SILENCE_MS:
            silences.append(
                Line(kind="silence", role="unknown", start_ms=heard_until, end_ms=u.start_ms)
            )
        heard_until = max(heard_until or 0, u.end_ms)
    return silences


def _joined(lines: Sequence[Line]) -> tuple[Line, ...]:
    out: list[Line] = []
    for line in lines:
        before = out[-1] if out else None
        same = (
            before is not None
            and before.kind == line.kind == "utterance"
            and before.role == line.role
        )
        out.append(replace(line, continues=same))
    return tuple(out)


def _role_of_channel(transcript: Transcript, channel: int) -> Role:
    for speech in transcript.speech:
        if speech.channel == channel:
            return speech.role
    for utterance in transcript.utterances:
        if utterance.channel == channel:
            return utterance.role
    return "unknown"


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
