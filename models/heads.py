"""Heads of trees: asked for, fitted, tested, offered, put in force, rolled back."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models import audit
from models.actors import SYSTEM, Actor
from models.tables import TreeFigures, TreeHead

HeadState = Literal["fitting", "offered", "rejected", "failed", "in_force", "retired"]
_ACCEPTABLE = ("offered", "retired")


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedHead:
    """A head that was fitted and tested: its weights, what it belongs to, and how it did."""

    payload: bytes
    encoder: str
    base: str
    tree_version: int
    corrections: int
    figures: Mapping[str, Any]
    improves: bool
    reason: str


async def request_head(
    session: AsyncSession, tree: str, actor: Actor = SYSTEM
) -> tuple[TreeHead, bool]:
    """The head of a tree that is being fitted, and whether this call began it."""
    await _take_turn(session, tree)
    waiting = await session.scalar(
        select(TreeHead).where(TreeHead.tree == tree, TreeHead.state == "fitting")
    )
    if waiting is not None:
        return waiting, False
    last = await session.scalar(select(func.max(TreeHead.number)).where(TreeHead.tree == tree))
    row = TreeHead(
        id=new_id(), tree=tree, number=(last or 0) + 1, state="fitting", created_by=actor.username,
        corrections=0, figures={}, encoder="", base="", reason="",
    )  # fmt: skip
    session.add(row)
    await session.flush()
    await session.refresh(row)
    _record(session, actor, "requested", row)
    return row, True


async def finish_head(session: AsyncSession, head_id: uuid.UUID, fitted: FittedHead) -> TreeHead:
    """The head with its weights and figures: offered when it improves, else rejected.

    One that is no longer being fitted is left as it is.
    """
    row = await _locked_by_id(session, head_id)
    if row.state != "fitting":
        return row
    row.state = "offered" if fitted.improves else "rejected"
    for name in ("payload", "encoder", "base", "tree_version", "corrections", "reason"):
        setattr(row, name, getattr(fitted, name))
    row.figures = dict(fitted.figures)
    await session.flush()
    _record(session, SYSTEM, row.state, row)
    return row


async def fail_head(session: AsyncSession, head_id: uuid.UUID, reason: str) -> TreeHead:
    """The head, failed for a reason that people can act on."""
    row = await _locked_by_id(session, head_id)
    if row.state == "fitting":
        row.state, row.reason = "failed", reason
        await session.flush()
        _record(session, SYSTEM, "failed", row)
    return row


async def accept_head(session: AsyncSession, tree: str, number: int, actor: Actor) -> TreeHead:
    """The head, now in force; the one before it is retired. Accepting a retired one brings it back.

    Raises:
        AppError: `not-found`; `head-not-offered` for one that was rejected, failed or is fitting.
    """
    await _take_turn(session, tree)
    row = await _locked(session, tree, number)
    if row.state == "in_force":
        return row
    if row.state not in _ACCEPTABLE:
        raise AppError(
            "head-not-offered",
            f"第 {number} 个学习结果的状态是 {row.state}，不能启用。请选择通过回测的那一个。",
            detail={"state": row.state},
        )
    await session.execute(
        update(TreeHead)
        .where(TreeHead.tree == tree, TreeHead.state == "in_force")
        .values(state="retired")
    )
    _decide(row, "in_force", actor)
    await session.flush()
    _record(session, actor, "accepted", row)
    return row


async def retire_head(session: AsyncSession, tree: str, actor: Actor) -> TreeHead:
    """The head that was in force, retired: the tree goes on without what was learned.

    Raises:
        AppError: `not-found` when none is in force.
    """
    await _take_turn(session, tree)
    row = await head_in_force(session, tree)
    if row is None:
        raise AppError("not-found", f"{tree} 没有正在使用的学习结果，无需停用。")
    await session.refresh(row, with_for_update=True)
    _decide(row, "retired", actor)
    await session.flush()
    _record(session, actor, "retired", row)
    return row


async def head_in_force(session: AsyncSession, tree: str) -> TreeHead | None:
    """The head that a tree's calls are read with, None without one."""
    found: TreeHead | None = await session.scalar(
        select(TreeHead)
        .where(TreeHead.tree == tree, TreeHead.state == "in_force")
        .execution_options(populate_existing=True)
    )
    return found


async def list_heads(session: AsyncSession, tree: str) -> Sequence[TreeHead]:
    """All heads of a tree, newest first."""
    return list(
        await session.scalars(
            select(TreeHead).where(TreeHead.tree == tree).order_by(TreeHead.number.desc())
        )
    )


async def get_head(session: AsyncSession, head_id: uuid.UUID) -> TreeHead:
    """One head.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(TreeHead, head_id)
    if row is None:
        raise AppError("not-found", "没有这个学习结果。请查看这棵树的列表。")
    return row


async def request_figures(session: AsyncSession, document_sha256: str) -> tuple[TreeFigures, bool]:
    """The figures of a document, and whether somebody has to measure them now.

    What failed before is measured again.
    """
    await _take_turn(session, document_sha256)
    row = await session.get(TreeFigures, document_sha256, populate_existing=True)
    if row is not None and row.state != "failed":
        return row, False
    if row is None:
        row = TreeFigures(document_sha256=document_sha256, nodes=[], encoder="", reason="")
        session.add(row)
    row.state, row.reason = "measuring", ""
    await session.flush()
    await session.refresh(row)
    return row, True


async def load_figures(session: AsyncSession, document_sha256: str) -> TreeFigures | None:
    """The figures of a document, None when nobody has asked for them yet."""
    return await session.get(TreeFigures, document_sha256, populate_existing=True)


async def _locked(session: AsyncSession, tree: str, number: int) -> TreeHead:
    row: TreeHead | None = await session.scalar(
        select(TreeHead)
        .where(TreeHead.tree == tree, TreeHead.number == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise AppError("not-found", f"{tree} 没有第 {number} 个学习结果。请查看它的列表。")
    return row


async def _locked_by_id(session: AsyncSession, head_id: uuid.UUID) -> TreeHead:
    row = await get_head(session, head_id)
    await session.refresh(row, with_for_update=True)
    return row


def _decide(row: TreeHead, state: HeadState, actor: Actor) -> None:
    row.state = state
    row.decided_at = dt.datetime.now(dt.UTC)
    row.decided_by = actor.username


async def _take_turn(session: AsyncSession, tree: str) -> None:
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"heads:{tree}"}
    )


def _record(session: AsyncSession, actor: Actor, verb: str, row: TreeHead) -> None:
    audit.record(
        session,
        actor,
        f"head.{verb}",
        "tree",
        row.tree,
        after={"number": row.number, "state": row.state, "corrections": row.corrections},
    )
