"""What a language model answered to questions about calls."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import BY_CALL_ID, Base, CreatedAt


class JudgementRow(Base):
    """One `Judgement` of a call; `key` is the hash of all that the answer depends on."""

    __tablename__ = "judgements"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    role: Mapped[str]
    verdict: Mapped[str]
    reason: Mapped[str]
    judge: Mapped[str]
    quotes: Mapped[list[Any]]
    created_at: Mapped[CreatedAt]

    __table_args__ = (BY_CALL_ID,)
