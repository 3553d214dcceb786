"""Sentence vectors of stored calls, so that analysing a call again encodes nothing."""

import uuid

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import BY_CALL_ID, Base


class CallVectors(Base):
    """The vectors of one call's sentences by one encoder.

    `keys` joins the 16-byte keys of the texts (`nlp.vectors.text_key`), `vectors` their float16
    rows in the same order, little endian, `dim` numbers each.
    """

    __tablename__ = "call_vectors"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    encoder: Mapped[str] = mapped_column(primary_key=True)
    dim: Mapped[int]
    keys: Mapped[bytes] = mapped_column(LargeBinary)
    vectors: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (BY_CALL_ID,)
