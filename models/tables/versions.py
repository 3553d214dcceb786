"""Versioned documents: key-event trees and rule sets. A published version is immutable."""

import datetime as dt
import uuid

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt


class _Version:
    # `revision` counts the edits of a draft, so that two editors cannot overwrite each other;
    # `based_on` is the version that a draft was started from.
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    domain: Mapped[str]
    state: Mapped[str]
    document: Mapped[str]
    origin: Mapped[str] = mapped_column(default="user")
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str] = mapped_column(default="system")
    published_at: Mapped[dt.datetime | None]
    published_by: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=1)
    based_on: Mapped[int | None]
    updated_at: Mapped[dt.datetime | None]
    updated_by: Mapped[str | None]


class TreeVersion(_Version, Base):
    """One version of a tree: `document` is its YAML; state draft -> published -> archived.

    At most one version of a name is published. `origin` is `pack` or `user`.
    """

    __tablename__ = "tree_versions"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("state IN ('draft','published','archived')", name="state"),
        Index(
            "uq_tree_versions_published",
            "name",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
    )


class RuleSetVersion(_Version, Base):
    """One version of a rule set, as `TreeVersion`."""

    __tablename__ = "ruleset_versions"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("state IN ('draft','published','archived')", name="state"),
        Index(
            "uq_ruleset_versions_published",
            "name",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
    )
