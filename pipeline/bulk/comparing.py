"""Two analyses of one call held against each other: what is gained, what is lost, the score."""

import uuid
from collections.abc import Iterator

from asr.transcript import Transcript
from core.evidence import Evidence
from events.hits import EventHit
from models.backtests import Change, ComparedCall, Direction
from pipeline.analysis import CallAnalysis
from qa_rules.findings import Finding


def compare(
    call_id: uuid.UUID, transcript: Transcript, before: CallAnalysis, after: CallAnalysis
) -> ComparedCall:
    """What changes in one call from `before` to `after`.

    A hit is the same when its node and utterance are; a finding when its rule is.
    """
    return ComparedCall(
        call_id=call_id,
        score_before=before.score.value,
        score_after=after.score.value,
        passed_before=before.score.passed,
        passed_after=after.score.passed,
        vetoed_before=before.score.vetoed,
        vetoed_after=after.score.vetoed,
        changes=(
            *_hit_changes(transcript, before, after),
            *_finding_changes(transcript, before, after),
        ),
    )


def _hit_changes(
    transcript: Transcript, before: CallAnalysis, after: CallAnalysis
) -> Iterator[Change]:
    old = {(hit.node, hit.utterance): hit for hit in before.events}
    new = {(hit.node, hit.utterance): hit for hit in after.events}
    for place, hit in new.items():
        if place not in old:
            yield _hit_change("gained", transcript, hit)
    for place, hit in old.items():
        if place not in new:
            yield _hit_change("lost", transcript, hit)


def _hit_change(change: Direction, transcript: Transcript, hit: EventHit) -> Change:
    return Change(
        subject="node",
        key=hit.node,
        name=hit.node,
        change=change,
        utterance=hit.utterance,
        start_ms=hit.start_ms,
        quote=hit.text,
        sentence=_sentence(transcript, hit),
        layer=hit.layer,
        score=hit.score,
        reason="",
    )


def _finding_changes(
    transcript: Transcript, before: CallAnalysis, after: CallAnalysis
) -> Iterator[Change]:
    old = {finding.rule: finding for finding in before.findings if finding.outcome == "hit"}
    new = {finding.rule: finding for finding in after.findings if finding.outcome == "hit"}
    for rule, finding in new.items():
        if rule not in old:
            yield _finding_change("gained", transcript, finding)
    for rule, finding in old.items():
        if rule not in new:
            yield _finding_change("lost", transcript, finding)


def _finding_change(change: Direction, transcript: Transcript, finding: Finding) -> Change:
    quoted = next((item for item in finding.evidence if _quotes(item)), None)
    first = quoted or next(iter(finding.evidence), None)
    return Change(
        subject="rule",
        key=finding.rule,
        name=finding.rule_name,
        change=change,
        utterance=first.utterance if first else None,
        start_ms=first.start_ms if first else 0,
        quote=quoted.text if quoted else "",
        sentence=_sentence(transcript, quoted) if quoted else "",
        layer=first.layer if first else "",
        score=finding.score_effect,
        reason=finding.reason,
    )


def _quotes(evidence: Evidence) -> bool:
    return evidence.utterance is not None and evidence.char_end > evidence.char_start


def _sentence(transcript: Transcript, evidence: Evidence) -> str:
    at = evidence.utterance
    inside = at is not None and at < len(transcript.utterances)
    return transcript.utterances[at].text if inside and at is not None else evidence.text
