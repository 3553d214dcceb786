"""What people say about recognised events, and what is learned from it."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import BY_CALL_ID, Base, CreatedAt


class Correction(Base):
    """One verdict of a person on one utterance and one node of a tree.

    `verdict`: `confirmed` and `overturned` speak of a hit, `added` of an event that was missed.
    `node_key` joins the keys from the root with `/` and survives renaming; `node` is the path of
    names at the time. `text`, `role`, the times and `context` (utterances before, oldest first)
    are what was said when the verdict was given. `layer` and `score` are the hit's, None without
    one. `standing` goes current -> superseded by a later verdict, or withdrawn.
    """

    __tablename__ = "corrections"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tree: Mapped[str]
    tree_version: Mapped[str]
    node_key: Mapped[str]
    node: Mapped[str]
    verdict: Mapped[str]
    standing: Mapped[str] = mapped_column(default="current")
    utterance: Mapped[int]
    role: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    text: Mapped[str]
    context: Mapped[list[Any]]
    layer: Mapped[str | None]
    score: Mapped[float | None]
    user_id: Mapped[uuid.UUID | None]
    username: Mapped[str]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("verdict IN ('confirmed','overturned','added')", name="verdict"),
        CheckConstraint("standing IN ('current','superseded','withdrawn')", name="standing"),
        Index(
            "uq_corrections_current",
            "call_id",
            "utterance",
            "tree",
            "node_key",
            unique=True,
            postgresql_where=sql("standing = 'current'"),
        ),
        Index("ix_corrections_tree_created_at", "tree", "created_at"),
        BY_CALL_ID,
    )


class TreeHead(Base):
    """One head of a tree: what its corrections taught, and how it did when it was tested.

    `state`: fitting -> offered | rejected | failed; offered -> in_force -> retired, and a retired
    one may come back. At most one head of a tree is in force, and one is being fitted. `payload`
    holds the weights, None until they are there and for a head that failed. `encoder` and `base`
    name the sentence vectors and the act model that it belongs to.
    """

    __tablename__ = "tree_heads"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tree: Mapped[str]
    number: Mapped[int]
    state: Mapped[str]
    encoder: Mapped[str] = mapped_column(default="")
    base: Mapped[str] = mapped_column(default="")
    tree_version: Mapped[int | None]
    corrections: Mapped[int] = mapped_column(default=0)
    payload: Mapped[bytes | None]
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    decided_at: Mapped[dt.datetime | None]
    decided_by: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("tree", "number"),
        CheckConstraint(
            "state IN ('fitting','offered','rejected','failed','in_force','retired')", name="state"
        ),
        Index(
            "uq_tree_heads_in_force",
            "tree",
            unique=True,
            postgresql_where=sql("state = 'in_force'"),
        ),
        Index(
            "uq_tree_heads_fitting",
            "tree",
            unique=True,
            postgresql_where=sql("state = 'fitting'"),
        ),
    )


class TreeFigures(Base):
    """What a tree's nodes are expected to do, by the SHA-256 of the document.

    `state` goes measuring -> ready | failed; `nodes` is a list of `NodeFigures`.
    """

    __tablename__ = "tree_figures"

    document_sha256: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    encoder: Mapped[str] = mapped_column(default="")
    nodes: Mapped[list[Any]] = mapped_column(default=list)
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[CreatedAt]

    __table_args__ = (CheckConstraint("state IN ('measuring','ready','failed')", name="state"),)
