"""Verdicts as rows: added, superseded, and kept or detached when a call is analysed again."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.evidence import Evidence
from core.ids import new_id
from core.serial import from_json, to_json
from models.tables import FindingVerdict
from qa_rules.findings import Finding

Decision = Literal["confirm", "overturn", "add"]
VerdictStage = Literal["review", "final"]
ReasonCode = Literal[
    "asr-error", "wrong-speaker", "context", "negated-or-quoted", "rule-too-broad", "exempt",
    "missed-by-rule", "wrong-place", "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The utterance that evidence lies in; recognised again in a later transcript by its time."""

    role: str
    start_ms: int
    end_ms: int

    def same(self, other: "Place") -> bool:
        """Whether the two are the same utterance: same side, overlapping in time."""
        return (
            self.role == other.role
            and self.start_ms < other.end_ms
            and other.start_ms < self.end_ms
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVerdict:
    """A verdict that is to be added."""

    call_id: uuid.UUID
    finding: Finding
    decision: Decision
    outcome: Literal["hit", "clear"]
    stage: VerdictStage
    user_id: uuid.UUID
    username: str
    evidence: tuple[Evidence, ...] = ()
    places: tuple[Place, ...] = ()
    reason_code: str = ""
    comment: str = ""


async def add_verdict(session: AsyncSession, verdict: NewVerdict) -> FindingVerdict:
    """The verdict, now the current one of its rule on its call; the one before is superseded."""
    finding = verdict.finding
    await session.execute(
        update(FindingVerdict)
        .where(
            FindingVerdict.call_id == verdict.call_id,
            FindingVerdict.rule == finding.rule,
            FindingVerdict.standing == "current",
        )
        .values(standing="superseded")
    )
    row = FindingVerdict(
        id=new_id(),
        call_id=verdict.call_id,
        rule=finding.rule,
        rule_name=finding.rule_name,
        ruleset=finding.ruleset,
        machine_outcome=finding.outcome,
        decision=verdict.decision,
        outcome=verdict.outcome,
        reason_code=verdict.reason_code,
        comment=verdict.comment,
        evidence=[to_json(item) for item in verdict.evidence],
        places=[to_json(place) for place in verdict.places],
        stage=verdict.stage,
        user_id=verdict.user_id,
        username=verdict.username,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def current_verdicts(
    session: AsyncSession, call_id: uuid.UUID
) -> Mapping[str, FindingVerdict]:
    """Rule id -> the verdict that stands."""
    rows = await session.scalars(
        select(FindingVerdict).where(
            FindingVerdict.call_id == call_id, FindingVerdict.standing == "current"
        )
    )
    return {row.rule: row for row in rows}


async def verdict_history(session: AsyncSession, call_id: uuid.UUID) -> Sequence[FindingVerdict]:
    """Every verdict of a call, whatever its standing, in the order of time."""
    return list(
        await session.scalars(
            select(FindingVerdict)
            .where(FindingVerdict.call_id == call_id)
            .order_by(FindingVerdict.id)
        )
    )


async def reattach(
    session: AsyncSession,
    call_id: uuid.UUID,
    findings: Sequence[Finding],
    transcript: Transcript,
) -> int:
    """How many verdicts no longer fit the new findings of their call; those are detached.

    A verdict stays where its rule is still there and what it is about is too: a verdict on a hit
    while the rule hits in one of the same utterances; a verdict that nothing is broken while the
    rule does not hit; a hit that a person added in any case, since nobody has taken it back. The
    rest remains in the history.
    """
    by_rule = {finding.rule: finding for finding in findings}
    detached = 0
    for rule, verdict in (await current_verdicts(session, call_id)).items():
        if not _still_fits(verdict, by_rule.get(rule), transcript):
            verdict.standing = "detached"
            detached += 1
    await session.flush()
    return detached


def places_of(evidence: Iterable[Evidence], transcript: Transcript) -> tuple[Place, ...]:
    """The utterances that evidence lies in, without repeats; what none carries has no place."""
    by_index = {utterance.index: utterance for utterance in transcript.utterances}
    places = []
    for item in evidence:
        utterance = by_index.get(item.utterance) if item.utterance is not None else None
        if utterance is not None:
            places.append(Place(utterance.role, utterance.start_ms, utterance.end_ms))
    return tuple(dict.fromkeys(places))


def evidence_of(row: FindingVerdict) -> tuple[Evidence, ...]:
    """The evidence of a stored verdict."""
    return tuple(from_json(Evidence, item, "已存复核证据") for item in row.evidence)


def _still_fits(verdict: FindingVerdict, finding: Finding | None, transcript: Transcript) -> bool:
    if finding is None:
        return False
    if verdict.decision == "add":
        return True
    if verdict.machine_outcome != "hit":
        return finding.outcome != "hit"
    if finding.outcome != "hit":
        return False
    old = [_place(value) for value in verdict.places]
    new = places_of(finding.evidence, transcript)
    if not old and not new:
        # A rule about the whole call (its length, a silence) is about the same thing again.
        return True
    return any(one.same(other) for one in old for other in new)


def _place(value: Any) -> Place:
    return from_json(Place, value, "已存复核位置")
