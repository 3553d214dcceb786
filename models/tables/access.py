"""Who may come in: users, sign-in sessions, API keys. Secrets are stored only as hashes."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt


class User(Base):
    """A person.

    `password_hash` is Argon2id; `teams` limits managers, `agent` ties an agent's
    account to the agent name on calls.
    """

    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    password_hash: Mapped[str]
    teams: Mapped[list[Any]] = mapped_column(default=list)
    agent: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("role IN ('admin','manager','reviewer','agent')", name="role"),
    )


class SignInSession(Base):
    """A signed-in browser: the cookie's SHA-256 and when it ends."""

    __tablename__ = "sign_in_sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[dt.datetime]


class ApiKey(Base):
    """A key for programs: shown once, stored as SHA-256, found by its public prefix."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_sha256: Mapped[str]
    scopes: Mapped[list[Any]] = mapped_column(default=list)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
