"""Calls: one row per recording (or dial record), its audio, its identities."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import BY_CALL_ID, Base, CreatedAt

CALL_STATES = ("received", "transcribing", "analyzing", "done", "failed")


class Call(Base):
    """One call. `id` is a version 7 UUID whose time is when the call was received.

    `state` moves received -> transcribing -> analyzing -> done | failed. `attempts` counts the
    tries of the current stage, and `stage_token` names the try that may write its results: a
    worker that lost its call to another one finds a different token and writes nothing. `roles`
    maps channel index to role (`["agent", "customer"]`) as the sender told; `options` is a
    `models.hearing.HearingOptions`, what people corrected since. Results live in their own tables;
    `score`, `passed` and `vetoed` are copies for lists and filters, written in the same
    transaction.
    """

    __tablename__ = "calls"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(default="upload")
    external_id: Mapped[str | None]
    file_name: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="received")
    attempts: Mapped[int] = mapped_column(default=0)
    stage_token: Mapped[uuid.UUID | None]
    failed_stage: Mapped[str | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    received_at: Mapped[CreatedAt]
    transcribe_started_at: Mapped[dt.datetime | None]
    transcribed_at: Mapped[dt.datetime | None]
    analyze_started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    # What the caller told us
    domain: Mapped[str | None]
    agent: Mapped[str | None]
    team: Mapped[str | None]
    campaign: Mapped[str | None]
    customer_id: Mapped[str | None]
    lead_source: Mapped[str | None]
    direction: Mapped[str | None]
    disposition: Mapped[str | None]
    started_at: Mapped[dt.datetime | None]
    # When the call was, as well as we know: what lists, periods and rates go by.
    called_at: Mapped[dt.datetime] = mapped_column(
        Computed("COALESCE(started_at, received_at)", persisted=True)
    )
    ring_s: Mapped[float | None]
    talk_s: Mapped[float | None]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    roles: Mapped[list[Any]] = mapped_column(default=list)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # What the audio told us
    duration_ms: Mapped[int | None]
    audio: Mapped[dict[str, Any] | None]
    playback_key: Mapped[str | None]
    # What the analysis told us
    score: Mapped[float | None]
    passed: Mapped[bool | None]
    vetoed: Mapped[bool | None]
    tree_version_id: Mapped[uuid.UUID | None]
    ruleset_version_id: Mapped[uuid.UUID | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('received','transcribing','analyzing','done','failed')", name="state"
        ),
        Index("ix_calls_team_called_at", "team", "called_at"),
        Index("ix_calls_agent_called_at", "agent", "called_at"),
        Index("ix_calls_campaign_called_at", "campaign", "called_at"),
        Index("ix_calls_called_at", "called_at"),
        Index("ix_calls_state", "state"),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    # Computed columns come back with the statement that changes them, not by a later query.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy reads it


class CallAudio(Base):
    """One stored file of a call: position 0 (and 1 when two mono files make one call)."""

    __tablename__ = "call_audio"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    blob_key: Mapped[str]
    file_name: Mapped[str]
    size_bytes: Mapped[int]
    media_type: Mapped[str]

    __table_args__ = (BY_CALL_ID,)


class CallWaveform(Base):
    """Waveform peaks for drawing: per channel interleaved int8 (min, max) pairs in time order."""

    __tablename__ = "call_waveforms"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    channel: Mapped[int] = mapped_column(primary_key=True)
    per_second: Mapped[int]
    peaks: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (BY_CALL_ID,)


class CallIdentity(Base):
    """(source, external id) of a call: what makes an upload idempotent.

    Not partitioned,
    because uniqueness must hold over all months.
    """

    __tablename__ = "call_identities"

    source: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), index=True)


class CallContent(Base):
    """Content hash of a call's audio (of both files for a pair): the same bytes are one call."""

    __tablename__ = "call_contents"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), index=True)
