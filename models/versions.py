"""Versioned documents: drafts, publishing, and which version a domain uses."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models import audit
from models.actors import SYSTEM, Actor
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


def table_of(kind: DocumentKind) -> type[TreeVersion] | type[RuleSetVersion]:
    """The table that holds the versions of a kind."""
    return _TABLES[kind]


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


async def rulesets_named(
    session: AsyncSession, references: Iterable[str]
) -> Sequence[RuleSetVersion]:
    """The rule sets that are stored under these references (`name@version`), in no order."""
    pairs = []
    for reference in set(references):
        name, _, version = reference.rpartition("@")
        if version.isascii() and version.isdigit():
            pairs.append((name, int(version)))
    row = RuleSetVersion
    return list(await session.scalars(select(row).where(tuple_(row.name, row.version).in_(pairs))))


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
    actor: Actor = SYSTEM,
    origin: str = "user",
    based_on: int | None = None,
) -> Version:
    """A new draft with the next version number of its name. Writers of a kind take turns.

    `based_on` is the version that the draft was started from.
    """
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
        created_by=actor.username,
        revision=1,
        based_on=based_on,
    )
    session.add(row)
    await session.flush()
    _record(session, actor, kind, "created", row)
    return row


async def edit_draft(
    session: AsyncSession,
    kind: DocumentKind,
    name: str,
    version: int,
    *,
    document: str,
    domain: str,
    revision: int,
    actor: Actor,
) -> Version:
    """The draft with a new text, one revision further.

    `revision` is the one that the editor started from: whoever saves second is told instead of
    overwriting what the first one saved. Saving the same text again changes nothing.

    Raises:
        AppError: `not-found`; `not-a-draft`; `edit-conflict` with the revision that is stored.
    """
    row = await _locked(session, kind, name, version)
    if row.state != "draft":
        raise AppError("not-a-draft", "只有草稿可以修改。请从这个版本新建草稿，再修改。")
    if row.document == document and row.domain == domain:
        return row
    if row.revision != revision:
        raise AppError(
            "edit-conflict",
            f"{row.updated_by or row.created_by} 已经保存了第 {row.revision} 次修改，"
            "而您改的是更早的内容。请先复制您的修改，刷新后合并。",
            detail={"revision": row.revision, "updated_by": row.updated_by},
        )
    row.document = document
    row.domain = domain
    row.revision += 1
    row.updated_at = dt.datetime.now(dt.UTC)
    row.updated_by = actor.username
    await session.flush()
    _record(session, actor, kind, "edited", row)
    return row


async def publish(
    session: AsyncSession,
    kind: DocumentKind,
    name: str,
    version: int,
    *,
    actor: Actor = SYSTEM,
    revision: int | None = None,
) -> Version:
    """The version, now the published one of its name; the one before it is archived.

    Publishing an archived version again brings it back. The document itself never changes.
    `revision` is the one that was looked at: a draft that was edited since is not published.

    Raises:
        AppError: `not-found`; `edit-conflict`.
    """
    table = _TABLES[kind]
    await _take_turn(session, kind)
    row = await _locked(session, kind, name, version)
    if revision is not None and row.revision != revision:
        raise AppError(
            "edit-conflict",
            "这个草稿刚刚又被修改过。请刷新，看过现在的内容再发布。",
            detail={"revision": row.revision, "updated_by": row.updated_by},
        )
    if row.state == "published":
        return row
    await session.execute(
        update(table).where(table.name == name, table.state == "published").values(state="archived")
    )
    row.state = "published"
    row.published_at = dt.datetime.now(dt.UTC)
    row.published_by = actor.username
    await session.flush()
    _record(session, actor, kind, "published", row)
    return row


async def archive(
    session: AsyncSession,
    kind: DocumentKind,
    name: str,
    version: int,
    *,
    actor: Actor,
) -> Version:
    """The version, put away: a draft nobody wants, or a published one that is no longer to be used.

    Raises:
        AppError: `not-found`; `last-published` when calls would be left without a version.
    """
    await _take_turn(session, kind)
    row = await _locked(session, kind, name, version)
    if row.state == "archived":
        return row
    if row.state == "published" and row.domain == GENERAL_DOMAIN:
        await _keep_general(session, kind, row)
    row.state = "archived"
    await session.flush()
    _record(session, actor, kind, "archived", row)
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
            origin="pack",
        )
        added.append(await publish(session, shipped.kind, draft.name, draft.version))
    return tuple(added)


async def _take_turn(session: AsyncSession, kind: DocumentKind) -> None:
    # Version numbers and "at most one published" are decided by looking at other rows.
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"versions:{kind}"}
    )


async def _locked(session: AsyncSession, kind: DocumentKind, name: str, version: int) -> Version:
    row = await get_version(session, kind, name, version)
    await session.refresh(row, with_for_update=True)
    return row


async def _keep_general(session: AsyncSession, kind: DocumentKind, row: Version) -> None:
    """Refuse to take away the last version that calls of any domain fall back to."""
    table = _TABLES[kind]
    others = await session.scalar(
        select(func.count()).where(
            table.state == "published", table.domain == GENERAL_DOMAIN, table.id != row.id
        )
    )
    if not others:
        raise AppError(
            "last-published",
            "这是最后一个已发布的通用版本，归档后通话将无法分析。请先发布另一个通用版本。",
        )


def _record(
    session: AsyncSession, actor: Actor, kind: DocumentKind, verb: str, row: Version
) -> None:
    """Who did what to which version, for the audit trail."""
    audit.record(
        session,
        actor,
        f"{kind}.{verb}",
        kind,
        f"{row.name}@{row.version}",
        after={"state": row.state, "revision": row.revision, "domain": row.domain},
    )
