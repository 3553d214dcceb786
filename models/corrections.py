"""Corrections: what people say of recognised events, kept as labelled data."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript, Utterance
from core.errors import AppError
from core.ids import new_id
from models import audit
from models.actors import Actor
from models.calls import CallFilter, filter_conditions
from models.paging import Page, decode_cursor, encode_cursor
from models.tables import Call, Correction

CorrectionVerdict = Literal["confirmed", "overturned", "added"]
CORRECTION_VERDICTS: tuple[CorrectionVerdict, ...] = ("confirmed", "overturned", "added")
CONTEXT_UTTERANCES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedNode:
    """The node that a verdict is about: tree and version, path of keys, path of names."""

    tree: str
    tree_version: str
    key: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineHit:
    """The layer and the score of the hit that a verdict is about."""

    layer: str
    score: float


async def save_correction(
    session: AsyncSession,
    call_id: uuid.UUID,
    *,
    node: CorrectedNode,
    verdict: CorrectionVerdict,
    utterance: Utterance,
    context: Sequence[Utterance],
    hit: MachineHit | None,
    actor: Actor,
) -> Correction:
    """The verdict that now stands for the utterance and the node; an earlier one is superseded.

    The same verdict again is the one that stands already. `context` are the utterances before,
    oldest first. Writers of one call take turns.
    """
    await _take_turn(session, call_id)
    before = await _standing(session, call_id, node.tree, node.key, utterance)
    if before is not None and before.verdict == verdict:
        return before
    if before is not None:
        before.standing = "superseded"
        # The unique index sees rows one by one: the old one must go first.
        await session.flush()
    row = Correction(
        call_id=call_id,
        id=new_id(),
        tree=node.tree,
        tree_version=node.tree_version,
        node_key=node.key,
        node=node.path,
        verdict=verdict,
        standing="current",
        utterance=utterance.index,
        role=utterance.role,
        start_ms=utterance.start_ms,
        end_ms=utterance.end_ms,
        text=utterance.text,
        context=[{"role": item.role, "text": item.text} for item in context],
        layer=hit.layer if hit else None,
        score=hit.score if hit else None,
        user_id=actor.user_id,
        username=actor.username,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    audit.record(
        session, actor, f"event.{verdict}", "call", call_id,
        before=None if before is None else _told(before), after=_told(row),
    )  # fmt: skip
    return row


async def withdraw_correction(
    session: AsyncSession, call_id: uuid.UUID, correction_id: uuid.UUID, actor: Actor
) -> Correction:
    """The verdict, taken back: the machine's word stands alone again.

    Raises:
        AppError: `not-found` when the call has no such verdict standing.
    """
    await _take_turn(session, call_id)
    row = await session.get(Correction, (call_id, correction_id), populate_existing=True)
    if row is None or row.standing != "current":
        raise AppError("not-found", "没有这条更正，或它已被撤回。请刷新通话页面。")
    row.standing = "withdrawn"
    await session.flush()
    audit.record(session, actor, "event.withdrawn", "call", call_id, before=_told(row))
    return row


async def corrections_of(session: AsyncSession, call_id: uuid.UUID) -> Sequence[Correction]:
    """The standing verdicts of a call, by utterance, oldest first."""
    return list(
        await session.scalars(
            select(Correction)
            .where(Correction.call_id == call_id, Correction.standing == "current")
            .order_by(Correction.utterance, Correction.id)
        )
    )


async def corrections_of_tree(session: AsyncSession, tree: str) -> Sequence[Correction]:
    """The standing verdicts on a tree's nodes, of all calls, by call, oldest first."""
    return list(
        await session.scalars(
            select(Correction)
            .where(Correction.tree == tree, Correction.standing == "current")
            .order_by(Correction.call_id, Correction.id)
        )
    )


async def list_corrections(
    session: AsyncSession,
    where: CallFilter,
    *,
    tree: str | None = None,
    node: str | None = None,
    verdict: CorrectionVerdict | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Correction]:
    """One page of standing verdicts on calls within `where`, newest first.

    `node` is a path of names; nodes below it count too.

    Raises:
        AppError: `bad-cursor`.
    """
    query = (
        select(Correction)
        .join(Call, Call.id == Correction.call_id)
        .where(Correction.standing == "current", *filter_conditions(where))
        .order_by(Correction.id.desc())
        .limit(limit + 1)
    )
    if tree is not None:
        query = query.where(Correction.tree == tree)
    if node is not None:
        below = Correction.node.startswith(f"{node}/", autoescape=True)
        query = query.where((Correction.node == node) | below)
    if verdict is not None:
        query = query.where(Correction.verdict == verdict)
    if cursor is not None:
        query = query.where(Correction.id < decode_cursor(cursor))
    rows = list(await session.scalars(query))
    more, rows = len(rows) > limit, rows[:limit]
    return Page(tuple(rows), encode_cursor(rows[-1].id) if more else None)


async def trees_to_learn(session: AsyncSession) -> tuple[str, ...]:
    """Names of trees with a verdict given since the last head was fitted, sorted."""
    rows = await session.scalars(
        text(
            "SELECT tree FROM corrections WHERE standing = 'current' GROUP BY tree"
            " HAVING max(created_at) > coalesce("
            "  (SELECT max(created_at) FROM tree_heads WHERE tree_heads.tree = corrections.tree),"
            "  '-infinity') ORDER BY tree"
        )
    )
    return tuple(rows)


async def count_corrections(session: AsyncSession, tree: str) -> Mapping[str, int]:
    """Number of standing verdicts on a tree's nodes, by verdict; verdicts without any have 0."""
    rows = await session.execute(
        select(Correction.verdict, func.count())
        .where(Correction.tree == tree, Correction.standing == "current")
        .group_by(Correction.verdict)
    )
    return dict.fromkeys(CORRECTION_VERDICTS, 0) | {row[0]: row[1] for row in rows}


def utterance_of(row: Correction, transcript: Transcript) -> int | None:
    """Index of the utterance that a verdict is about in a transcript of its call, None = gone.

    The same place with the same words; after a new transcription, the utterance of that side
    with the same words, or else the one that covers most of the time, at least half of it.
    """
    utterances = transcript.utterances
    if row.utterance < len(utterances) and utterances[row.utterance].text == row.text:
        return row.utterance
    same_side = [u for u in utterances if u.role == row.role]
    shared = {u.index: min(u.end_ms, row.end_ms) - max(u.start_ms, row.start_ms) for u in same_side}
    for utterance in same_side:
        if utterance.text == row.text and shared[utterance.index] > 0:
            return utterance.index
    best = max(same_side, key=lambda u: shared[u.index], default=None)
    if best is None or shared[best.index] * 2 < row.end_ms - row.start_ms:
        return None
    return best.index if shared[best.index] > 0 else None


async def _standing(
    session: AsyncSession, call_id: uuid.UUID, tree: str, key: str, utterance: Utterance
) -> Correction | None:
    found: Correction | None = await session.scalar(
        select(Correction).where(
            Correction.call_id == call_id,
            Correction.tree == tree,
            Correction.node_key == key,
            Correction.utterance == utterance.index,
            Correction.standing == "current",
        )
    )
    return found


async def _take_turn(session: AsyncSession, call_id: uuid.UUID) -> None:
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"corrections:{call_id}"}
    )


def _told(row: Correction) -> dict[str, Any]:
    """A verdict as the audit trail keeps it: never what was said."""
    return {
        "correction": str(row.id),
        "tree": row.tree,
        "node": row.node,
        "utterance": row.utterance,
        "verdict": row.verdict,
    }
