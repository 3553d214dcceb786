"""Results of a call: transcript, utterances, event hits, SOP states, findings, metrics."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import BY_CALL_ID, Base, CreatedAt


class TranscriptRow(Base):
    """All of a `Transcript` but its utterances (audio, engine, speech, dropped, untranscribed)."""

    __tablename__ = "transcripts"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[CreatedAt]

    __table_args__ = (BY_CALL_ID,)


class UtteranceRow(Base):
    """One utterance. `position` is `Utterance.index`; `words` is a list of `Word` objects."""

    __tablename__ = "utterances"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[int]
    role: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    text: Mapped[str]
    normalised: Mapped[str]
    words: Mapped[list[Any]]
    confidence: Mapped[float | None]
    reliability: Mapped[str]
    level_dbfs: Mapped[float | None]

    __table_args__ = (BY_CALL_ID,)


class EventHitRow(Base):
    """One `EventHit`; `position` is its place in the call's hit list."""

    __tablename__ = "event_hits"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str]
    role: Mapped[str]
    utterance: Mapped[int | None]
    char_start: Mapped[int]
    char_end: Mapped[int]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    layer: Mapped[str]
    form: Mapped[str]
    score: Mapped[float]
    text: Mapped[str]
    tree: Mapped[str]

    __table_args__ = (Index("ix_event_hits_node", "node"), BY_CALL_ID)


class SopStateRow(Base):
    """One `StepState` of a call; `position` is the step's place in the tree."""

    __tablename__ = "sop_states"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str]
    state: Mapped[str]
    required: Mapped[bool]
    weight: Mapped[float]
    reason: Mapped[str]
    hits: Mapped[list[Any]]
    expected_rank: Mapped[int]
    actual_rank: Mapped[int | None]

    __table_args__ = (Index("ix_sop_states_node_state", "node", "state"), BY_CALL_ID)


class FindingRow(Base):
    """One `Finding` of a call; `position` is its place in the rule set."""

    __tablename__ = "findings"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str]
    rule_name: Mapped[str]
    category: Mapped[str]
    severity: Mapped[str]
    outcome: Mapped[str]
    score_effect: Mapped[float]
    veto: Mapped[bool]
    reason: Mapped[str]
    ruleset: Mapped[str]
    evidence: Mapped[list[Any]]

    __table_args__ = (Index("ix_findings_rule_outcome", "rule", "outcome"), BY_CALL_ID)


class CallMetricsRow(Base):
    """Metrics, score explanation and SOP summary of a call, with the versions that made them."""

    __tablename__ = "call_metrics"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    metrics: Mapped[dict[str, Any]]
    score: Mapped[dict[str, Any]]
    sop_coverage: Mapped[float | None]
    order_adherence: Mapped[float | None]
    versions: Mapped[dict[str, Any]]

    __table_args__ = (BY_CALL_ID,)
