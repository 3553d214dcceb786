"""Recording what somebody says of an event on a call, for the API and for the pages alike."""

import asyncio
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import Principal
from asr.transcript import Transcript
from core.errors import AppError
from events.document import parse_tree
from events.hits import EventHit
from events.keys import key_paths
from events.learning.layers import HumanLayer, HumanVerdict, human_layer
from models.corrections import (
    CONTEXT_UTTERANCES,
    CorrectedNode,
    CorrectionVerdict,
    MachineHit,
    corrections_of,
    save_correction,
    utterance_of,
)
from models.results import StoredAnalysis, load_analysis, load_transcript
from models.tables import Correction
from models.versions import get_version

_KEPT = 16


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """A node that an event may be added to: its path, its path of keys, who says it."""

    path: str
    key: str
    role: str


async def record_correction(
    session: AsyncSession,
    principal: Principal,
    call_id: uuid.UUID,
    *,
    utterance: int,
    node: str,
    verdict: CorrectionVerdict,
) -> Correction:
    """The verdict that now stands; whoever may see the call and write may give one.

    Raises:
        AppError: `not-ready` before the call was analysed; `bad-correction` for an utterance or a
            node that there is none of, and for a verdict that does not fit the machine's hits.
    """
    analysis, transcript = await _results(session, call_id)
    if not 0 <= utterance < len(transcript.utterances):
        raise AppError("bad-correction", f"没有第 {utterance} 句。请刷新通话页面再试。")
    said = transcript.utterances[utterance]
    choices = {choice.path: choice for choice in await nodes_of(session, analysis)}
    choice = choices.get(node)
    if choice is None:
        raise AppError("bad-correction", f"事件树里没有节点“{node}”，或它不能单独命中。")
    if choice.role not in (said.role, "unknown") and said.role != "unknown":
        raise AppError("bad-correction", f"“{node}”不是这一方说的话，请选这一方的节点。")
    hit = _hit_of(analysis, utterance, node)
    if verdict == "added" and hit is not None:
        verdict = "confirmed"
    if verdict != "added" and hit is None:
        raise AppError("bad-correction", f"这一句没有命中“{node}”，无法确认或推翻。请刷新页面。")
    name, _, version = str(analysis.versions["tree"]).rpartition("@")
    before = transcript.utterances[max(utterance - CONTEXT_UTTERANCES, 0) : utterance]
    return await save_correction(
        session,
        call_id,
        node=CorrectedNode(tree=name, tree_version=version, key=choice.key, path=node),
        verdict=verdict,
        utterance=said,
        context=before,
        hit=None if hit is None else MachineHit(layer=hit.layer, score=hit.score),
        actor=principal.actor,
    )


async def nodes_of(session: AsyncSession, analysis: StoredAnalysis) -> tuple[NodeChoice, ...]:
    """The nodes of the tree that a call was read with, that can be hit, in the tree's order."""
    name, _, version = str(analysis.versions["tree"]).rpartition("@")
    row = await get_version(session, "tree", name, int(version))
    return await asyncio.to_thread(_choices, row.document)


async def layer_of(
    session: AsyncSession,
    call_id: uuid.UUID,
    analysis: StoredAnalysis | None,
    transcript: Transcript | None,
) -> tuple[HumanLayer | None, dict[tuple[int, str], Correction]]:
    """The human layer of a call, and the standing verdict of each utterance and node.

    Verdicts are found again by place and words after a new transcription; None without results.
    """
    if analysis is None or transcript is None:
        return None, {}
    rows: dict[tuple[int, str], Correction] = {}
    for row in await corrections_of(session, call_id):
        at = utterance_of(row, transcript)
        if at is not None:
            rows[at, row.node] = row
    verdicts = [(at, node, _verdict(row)) for (at, node), row in rows.items()]
    return human_layer(analysis.hits, analysis.sop, verdicts), rows


def _verdict(row: Correction) -> HumanVerdict:
    return cast(HumanVerdict, row.verdict)


async def _results(session: AsyncSession, call_id: uuid.UUID) -> tuple[StoredAnalysis, Transcript]:
    analysis = await load_analysis(session, call_id)
    transcript = await load_transcript(session, call_id)
    if analysis is None or transcript is None:
        raise AppError("not-ready", "这通通话还没有分析完成，请稍后再更正。")
    return analysis, transcript


def _hit_of(analysis: StoredAnalysis, utterance: int, node: str) -> EventHit | None:
    return next(
        (hit for hit in analysis.hits if hit.utterance == utterance and hit.node == node), None
    )


@lru_cache(maxsize=_KEPT)
def _choices(document: str) -> tuple[NodeChoice, ...]:
    tree = parse_tree(document)
    keys = key_paths(tree)
    return tuple(
        NodeChoice(node.path, keys[node.path], node.role)
        for node in tree.walk()
        if not node.match.empty
    )
