"""Bulk runs: work over many stored calls in the background, and what back-tests found."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Serial


class BulkRun(Base):
    """One piece of background work with one version of a document.

    `kind` is `trial` (some sentences or one call), `backtest` (compare with what is in force) or
    `reanalysis` (store new results). `document` is the text at the time of asking, so that later
    edits of a draft change nothing; it is `name` `version` at `revision`. `request` says what was
    asked, `result` what came out, `calls` how many there are to do (None until planned). State
    queued -> running -> done | failed | cancelled.
    """

    __tablename__ = "bulk_runs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    document_kind: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    revision: Mapped[int]
    document: Mapped[str]
    request: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="queued")
    calls: Mapped[int | None]
    calls_done: Mapped[int] = mapped_column(default=0)
    calls_failed: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    user_id: Mapped[uuid.UUID]
    created_by: Mapped[str]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]

    __table_args__ = (
        CheckConstraint("kind IN ('trial','backtest','reanalysis')", name="kind"),
        CheckConstraint("document_kind IN ('tree','ruleset')", name="document_kind"),
        CheckConstraint("state IN ('queued','running','done','failed','cancelled')", name="state"),
        Index("ix_bulk_runs_document_kind_name_created_at", "document_kind", "name", "created_at"),
        Index(
            "ix_bulk_runs_unfinished",
            "id",
            postgresql_where=text("state IN ('queued','running')"),
        ),
    )


class BulkChunk(Base):
    """Some calls of a run, done in one transaction.

    `call_ids` are their ids as text; `failures` the calls that could not be done, with reasons.
    `attempts` counts the tries; a chunk without `done_at` is still to do.
    """

    __tablename__ = "bulk_chunks"

    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("bulk_runs.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    call_ids: Mapped[list[Any]]
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[list[Any]] = mapped_column(default=list)
    done_at: Mapped[dt.datetime | None]


class BacktestCall(Base):
    """One call of a back-test: its score as things are, and with the version that was tested."""

    __tablename__ = "backtest_calls"

    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("bulk_runs.id", ondelete="CASCADE"), primary_key=True
    )
    call_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent: Mapped[str | None]
    called_at: Mapped[dt.datetime]
    score_before: Mapped[float]
    score_after: Mapped[float]
    passed_before: Mapped[bool | None]
    passed_after: Mapped[bool | None]
    vetoed_before: Mapped[bool]
    vetoed_after: Mapped[bool]
    gained: Mapped[int]
    lost: Mapped[int]

    __table_args__ = (Index("ix_backtest_calls_call_id", "call_id"),)


class BacktestChange(Base):
    """One hit of a node, or finding of a rule, that the tested version gains or loses.

    `quote` is the evidence inside `sentence`, the whole utterance; both are empty for a finding
    that rests on no words (something was not said), which `reason` then explains.
    """

    __tablename__ = "backtest_changes"

    id: Mapped[Serial]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bulk_runs.id", ondelete="CASCADE"))
    call_id: Mapped[uuid.UUID]
    subject: Mapped[str]
    key: Mapped[str]
    name: Mapped[str]
    change: Mapped[str]
    utterance: Mapped[int | None]
    start_ms: Mapped[int]
    quote: Mapped[str]
    sentence: Mapped[str]
    layer: Mapped[str]
    score: Mapped[float]
    reason: Mapped[str]

    __table_args__ = (
        CheckConstraint("subject IN ('node','rule')", name="subject"),
        CheckConstraint("change IN ('gained','lost')", name="change"),
        Index("ix_backtest_changes_run_id_subject_key", "run_id", "subject", "key"),
        Index("ix_backtest_changes_run_id_call_id", "run_id", "call_id"),
        Index("ix_backtest_changes_call_id", "call_id"),
    )
