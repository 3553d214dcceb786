"""Jobs that learn: a tree's head from its corrections, and what its nodes are expected to do."""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.errors import AppError
from core.serial import to_json
from events.document import parse_tree
from events.keys import node_at
from events.learning.head import pack_head
from events.learning.teaching import CorrectedCall, TaughtHead, Verdict, teach
from events.matching import TreeMatcher
from events.nodes.figures import node_figures
from events.tree import EventTree
from models.corrections import corrections_of_tree, trees_to_learn, utterance_of
from models.database import Database
from models.heads import (
    FittedHead,
    fail_head,
    finish_head,
    get_head,
    load_figures,
    request_head,
)
from models.results import load_transcripts
from models.tables import Correction, TreeHead, TreeVersion
from models.vectors import Vectors, load_vectors
from models.versions import list_versions
from nlp.vectors import Shelf, using
from pipeline.analyzers import Analyzers, head_ref
from pipeline.attempts import StoppedError
from pipeline.jobs import defer_learning

logger = logging.getLogger(__name__)


class LearningResources(Protocol):
    """What learning takes of a process: its database and its compiled trees."""

    @property
    def database(self) -> Database:
        """The database."""
        ...

    @property
    def analyzers(self) -> Analyzers:
        """The compiled analyzers, with the sentence encoder."""
        ...


async def learn_tree(resources: LearningResources, head_id: uuid.UUID) -> None:
    """Fit and test the head that was asked for; offered, rejected or failed, it says why."""
    async with resources.database.session() as session:
        row = await get_head(session, head_id)
        if row.state != "fitting":
            return
        ref = head_ref(row)
    try:
        fitted = await _fit(resources, row, ref)
    except (StoppedError, asyncio.CancelledError):
        raise
    except AppError as error:
        await _fail(resources, head_id, error.message)
    except Exception as error:
        logger.exception("learning failed", extra={"head": ref})
        message = f"学习时发生内部错误（{type(error).__name__}）。请查看工作进程日志。"
        await _fail(resources, head_id, message)
    else:
        async with resources.database.session() as session:
            await finish_head(session, head_id, fitted)
            await session.commit()


async def learn_nightly(resources: LearningResources) -> int:
    """Number of trees whose learning was queued: those with verdicts since the last time."""
    async with resources.database.session() as session:
        queued = 0
        for tree in await trees_to_learn(session):
            queued += await queue_learning(session, tree)
        await session.commit()
    return queued


async def queue_learning(session: AsyncSession, tree: str) -> bool:
    """Whether the learning of a tree was queued; one that waits already is not queued twice."""
    row, fresh = await request_head(session, tree)
    if fresh:
        await defer_learning(session, row.id)
    return fresh


async def measure_tree(resources: LearningResources, document_sha256: str, document: str) -> None:
    """Measure what the nodes of a document are expected to do, and store it."""
    nodes: list[dict[str, Any]] = []
    state, reason, encoder_id = "ready", "", ""
    try:
        encoder = await asyncio.to_thread(resources.analyzers.encoder)
        encoder_id = encoder.encoder_id
        figures = await asyncio.to_thread(lambda: node_figures(parse_tree(document), encoder))
        nodes = [to_json(item) for item in figures]
    except AppError as error:
        state, reason = "failed", error.message
    async with resources.database.session() as session:
        row = await load_figures(session, document_sha256)
        if row is None or row.state != "measuring":
            return
        row.state, row.reason, row.encoder, row.nodes = state, reason, encoder_id, nodes
        await session.commit()


async def _fail(resources: LearningResources, head_id: uuid.UUID, reason: str) -> None:
    async with resources.database.session() as session:
        await fail_head(session, head_id, reason)
        await session.commit()


async def _fit(resources: LearningResources, row: TreeHead, ref: str) -> FittedHead:
    encoder_id = await asyncio.to_thread(lambda: resources.analyzers.encoder_id)
    async with resources.database.session() as session:
        version = await _taught_version(session, row.tree)
        corrections = await corrections_of_tree(session, row.tree)
        ids = list(dict.fromkeys(item.call_id for item in corrections))
        transcripts = await load_transcripts(session, ids)
        vectors = await load_vectors(session, ids, encoder_id)

    def work() -> tuple[TaughtHead, int]:
        matcher = resources.analyzers.matcher(version)
        calls, lost = corrected_calls(matcher.tree, corrections, transcripts)
        known: dict[bytes, Any] = {}
        for found in vectors.values():
            known.update(found)
        return _taught(matcher, calls, known, ref), lost

    taught, lost = await asyncio.to_thread(work)
    return FittedHead(
        payload=pack_head(taught.head),
        encoder=taught.head.encoder,
        base=taught.head.base,
        tree_version=version.version,
        corrections=len(corrections),
        figures={**taught.figures, "not_placed": lost},
        improves=taught.improves,
        reason=taught.reason,
    )


def _taught(
    matcher: TreeMatcher, calls: Sequence[CorrectedCall], known: Vectors, ref: str
) -> TaughtHead:
    with using(Shelf(known)):
        return teach(matcher, calls, ref)


def corrected_calls(
    tree: EventTree,
    corrections: Sequence[Correction],
    transcripts: dict[uuid.UUID, Transcript],
) -> tuple[list[CorrectedCall], int]:
    """The calls with the verdicts that can be placed, and how many cannot.

    A verdict is lost when its call has no transcript, the words are gone from it, or the tree no
    longer has the node.
    """
    by_call: dict[uuid.UUID, list[Verdict]] = defaultdict(list)
    lost = 0
    for row in corrections:
        transcript, node = transcripts.get(row.call_id), node_at(tree, row.node_key)
        at = utterance_of(row, transcript) if transcript is not None else None
        if node is None or at is None:
            lost += 1
            continue
        by_call[row.call_id].append(Verdict(at, node.path, row.verdict != "overturned"))
    return [
        CorrectedCall(str(call_id), transcripts[call_id], tuple(verdicts))
        for call_id, verdicts in by_call.items()
    ], lost


async def _taught_version(session: AsyncSession, name: str) -> TreeVersion:
    """The version that a tree's head is fitted on: the published one, else the latest."""
    rows = await list_versions(session, "tree", name)
    published = [row for row in rows if row.state == "published"]
    for row in (*published, *rows):
        assert isinstance(row, TreeVersion)
        return row
    raise AppError("not-found", f"没有名为 {name} 的事件树。请查看事件树列表。")
