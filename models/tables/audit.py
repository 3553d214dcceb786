"""Audit trail: who did what to what, and when. Rows are only ever added."""

import uuid
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Serial


class AuditEntry(Base):
    """One act.

    `action` is `noun.verb` (`finding.judged`, `recording.read`); `object_type` and `object_id`
    say what it was done to. `before` and `after` hold what changed, None where nothing was or is.
    `user_id` is None for what the service did on its own. No foreign keys: an entry outlives the
    user and the object that it speaks of.
    """

    __tablename__ = "audit_log"

    id: Mapped[Serial]
    at: Mapped[CreatedAt]
    user_id: Mapped[uuid.UUID | None]
    username: Mapped[str]
    role: Mapped[str]
    key_id: Mapped[uuid.UUID | None]
    request_id: Mapped[str] = mapped_column(default="")
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]

    __table_args__ = (
        Index("ix_audit_log_object_type_object_id_id", "object_type", "object_id", "id"),
        Index("ix_audit_log_username_id", "username", "id"),
        Index("ix_audit_log_at", "at"),
    )
