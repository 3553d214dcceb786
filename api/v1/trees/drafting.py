"""Drafts that corrections and suggestions write, and the jobs that measure and learn."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents import DocumentNoun
from api.documents.noun import missing
from core.errors import AppError
from core.ids import sha256_text
from events.acts.labels import ACTS
from events.document import parse_tree
from events.dumping import dump_tree
from events.keys import node_at
from events.learning.proposals import Proposal, Said, proposals, with_act, with_proposals
from models.actors import Actor
from models.corrections import corrections_of_tree
from models.heads import request_figures, request_head
from models.reviews.blinding import blind_calls
from models.tables import TreeFigures, TreeHead
from models.versions import Version, create_draft, edit_draft, list_versions
from pipeline.jobs import defer_learning, defer_measuring


async def start_measuring(session: AsyncSession, document: str) -> TreeFigures:
    """The figures of a document, being measured now unless they are there already."""
    digest = sha256_text(document)
    row, fresh = await request_figures(session, digest)
    if fresh:
        await defer_measuring(session, digest, document)
    return row


async def start_learning(session: AsyncSession, tree: str, actor: Actor) -> TreeHead:
    """The head of a tree that is being fitted."""
    row, fresh = await request_head(session, tree, actor)
    if fresh:
        await defer_learning(session, row.id)
    return row


async def open_proposals(
    session: AsyncSession, noun: DocumentNoun, name: str, reader: uuid.UUID | None
) -> tuple[Version, tuple[Proposal, ...]]:
    """The version in use, and what the corrections of the tree would add to it.

    Corrections of calls that the reader judges blind are left out until they may be seen.

    Raises:
        AppError: `not-found`.
    """
    version = await used_version(session, noun, name)
    rows = await corrections_of_tree(session, name)
    hidden = await blind_calls(session, reader, {row.call_id for row in rows})
    said = [
        Said(
            id=str(row.id),
            key=row.node_key,
            text=row.text,
            said=row.verdict != "overturned",
            from_hit=row.layer is not None,
        )
        for row in rows
        if row.call_id not in hidden
    ]

    def find() -> tuple[Proposal, ...]:
        return proposals(parse_tree(version.document), said)

    return version, await asyncio.to_thread(find)


async def draft_from_proposals(
    session: AsyncSession, noun: DocumentNoun, name: str, chosen: set[str], actor: Actor
) -> Version:
    """A new draft of the version in use with the chosen sentences added; empty = all of them.

    Raises:
        AppError: `not-found`, `no-proposals`.
    """
    version, found = await open_proposals(session, noun, name, actor.user_id)
    taken = [item for item in found if not chosen or item.id in chosen]
    if not taken:
        raise AppError("no-proposals", "没有可以加入草稿的更正。请先在通话页更正几处。")

    def write() -> str:
        tree = parse_tree(version.document)
        return dump_tree(replace(with_proposals(tree, taken), name=name))

    document = await asyncio.to_thread(write)
    return await _new_draft(session, version, document, actor)


async def link_act(
    session: AsyncSession, version: Version, key: str, act: str, actor: Actor
) -> Version:
    """The draft in which the node names the act: this one, or a new one of a published version.

    Raises:
        AppError: `not-found` for a node or an act that there is none of.
    """
    if act not in ACTS:
        raise AppError("not-found", f"没有内置事件“{act}”。请用建议里的路径。")

    def write() -> str | None:
        tree = parse_tree(version.document)
        return None if node_at(tree, key) is None else dump_tree(with_act(tree, key, act))

    document = await asyncio.to_thread(write)
    if document is None:
        raise AppError("not-found", f"这个版本没有 key 为“{key}”的节点。请刷新后再试。")
    if version.state != "draft":
        return await _new_draft(session, version, document, actor)
    row = await edit_draft(
        session,
        "tree",
        version.name,
        version.version,
        document=document,
        domain=version.domain,
        revision=version.revision,
        actor=actor,
    )
    await session.refresh(row)
    return row


async def used_version(session: AsyncSession, noun: DocumentNoun, name: str) -> Version:
    """The published version of a tree, else the latest.

    Raises:
        AppError: `not-found`.
    """
    rows: Sequence[Version] = await list_versions(session, "tree", name)
    if not rows:
        raise missing(noun)
    return next((row for row in rows if row.state == "published"), rows[0])


async def _new_draft(
    session: AsyncSession, version: Version, document: str, actor: Actor
) -> Version:
    row = await create_draft(
        session,
        "tree",
        name=version.name,
        domain=version.domain,
        document=document,
        actor=actor,
        based_on=version.version,
    )
    await session.refresh(row)
    return row
