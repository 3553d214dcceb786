"""Versioned documents: drafts, publishing, and which version a domain uses."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.tables import RuleSetVersion, TreeVersion

DocumentKind = Literal["tree", "ruleset"]
Version = TreeVersion | RuleSetVersion
GENERAL_DOMAIN = "general"
_TABLES: dict[DocumentKind, type[TreeVersion] | type[RuleSetVersion]] = {
    "tree": TreeVersion,
    "ruleset": RuleSetVersion,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedDocument:
    """A tree or rule set that comes with this release."""

    kind: DocumentKind
    name: str
    domain: str
    document: str


async def published_for(
    session: AsyncSession, kind: DocumentKind, domain: str | None
) -> Version | None:
    """The version that calls of `domain` are analysed with; None when nothing is published.

    That is the version of the domain published last, a team's own before a shipped one; for a
    domain that has none, the general one.
    """
    table = _TABLES[kind]
    for wanted in dict.fromkeys((domain or GENERAL_DOMAIN, GENERAL_DOMAIN)):
        found: Version | None = await session.scalar(
            select(table)
            .where(table.state == "published", table.domain == wanted)
            .order_by((table.origin == "user").desc(), table.published_at.desc())
            .limit(1)
        )
        if found is not None:
            return found
    return None


async def list_versions(
    session: AsyncSession, kind: DocumentKind, name: str | None = None
) -> Sequence[Version]:
    """All versions (of one name), by name, newest version first."""
    table = _TABLES[kind]
    query = select(table).order_by(table.name, table.version.desc())
    if name is not None:
        query = query.where(table.name == name)
    return list(await session.scalars(query))


async def get_version(
    session: AsyncSession, kind: DocumentKind, name: str, version: int
) -> Version:
    """One version.

    Raises:
        AppError: `not-found`.
    """
    table = _TABLES[kind]
    found: Version | None = await session.scalar(
        select(table).where(table.name == name, table.version == version)
    )
    if found is None:
        raise AppError("not-found", f"{name} 没有第 {version} 版。请查看它的版本列表。")
    return found


async def create_draft(
    session: AsyncSession,
    kind: DocumentKind,
    *,
    name: str,
    domain: str,
    document: str,
    created_by: str,
    origin: str = "user",
) -> Version:
    """A new draft with the next version number of its name. Writers of a kind take turns."""
    table = _TABLES[kind]
    await _take_turn(session, kind)
    last = await session.scalar(select(func.max(table.version)).where(table.name == name))
    row = table(
        id=new_id(),
        name=name,
        version=(last or 0) + 1,
        domain=domain,
        state="draft",
        document=document,
        origin=origin,
        created_by=created_by,
    )
    session.add(row)
    await session.flush()
    return row


async def publish(session: AsyncSession, kind: DocumentKind, name: str, version: int) -> Version:
    """The version, now the published one of its name; the one before it is archived.

    Publishing an archived version again brings it back. The document itself never changes.

    Raises:
        AppError: `not-found`.
    """
    table = _TABLES[kind]
    await _take_turn(session, kind)
    row = await get_version(session, kind, name, version)
    if row.state == "published":
        return row
    await session.execute(
        update(table).where(table.name == name, table.state == "published").values(state="archived")
    )
    row.state = "published"
    row.published_at = dt.datetime.now(dt.UTC)
    await session.flush()
    return row


async def seed_packs(
    session: AsyncSession, documents: Sequence[ShippedDocument]
) -> tuple[Version, ...]:
    """The versions that were published because a shipped document is new or has changed.

    A name that has a version made by a person is left alone: the team has taken it over.
    """
    added = []
    for shipped in documents:
        known = await list_versions(session, shipped.kind, shipped.name)
        if any(row.origin == "user" for row in known):
            continue
        if known and known[0].document == shipped.document:
            continue
        draft = await create_draft(
            session,
            shipped.kind,
            name=shipped.name,
            domain=shipped.domain,
            document=shipped.document,
            created_by="system",
            origin="pack",
        )
        added.append(await publish(session, shipped.kind, draft.name, draft.version))
    return tuple(added)


async def _take_turn(session: AsyncSession, kind: DocumentKind) -> None:
    # Version numbers and "at most one published" are decided by looking at other rows.
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"versions:{kind}"}
    )
