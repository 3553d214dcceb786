"""The human layer of a call's events as its page shows it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import Principal
from api.v1.corrections.recording import layer_of, nodes_of
from asr.transcript import Transcript
from core.errors import AppError
from models.results import StoredAnalysis

NO_CORRECTIONS: Mapping[str, Any] = {
    "human": {},
    "human_added": (),
    "human_steps": {},
    "can_correct": False,
    "correctable_nodes": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedEvent:
    """An event that the machine missed and a person found."""

    id: uuid.UUID
    utterance: int
    node: str
    role: str
    start_ms: int
    text: str
    username: str


async def correction_values(
    session: AsyncSession,
    principal: Principal,
    call_id: uuid.UUID,
    analysis: StoredAnalysis | None,
    transcript: Transcript | None,
) -> dict[str, Any]:
    """What the page shows of corrections: verdicts by hit, added events, changed SOP states."""
    layer, rows = await layer_of(session, call_id, analysis, transcript)
    if layer is None or analysis is None or transcript is None:
        return dict(NO_CORRECTIONS)
    can_correct = "write" in principal.scopes
    by_hit = {
        event.hit: rows[event.utterance, event.node]
        for event in layer.events
        if event.hit is not None
    }
    added = [
        AddedEvent(
            id=rows[event.utterance, event.node].id,
            utterance=event.utterance,
            node=event.node,
            role=transcript.utterances[event.utterance].role,
            start_ms=transcript.utterances[event.utterance].start_ms,
            text=transcript.utterances[event.utterance].text,
            username=rows[event.utterance, event.node].username,
        )
        for event in layer.events
        if event.hit is None and event.verdict != "overturned"
    ]
    return {
        "human": by_hit,
        "human_added": added,
        "human_steps": layer.steps,
        "can_correct": can_correct,
        "correctable_nodes": await _nodes(session, analysis) if can_correct else (),
    }


async def _nodes(session: AsyncSession, analysis: StoredAnalysis) -> tuple[Any, ...]:
    try:
        return await nodes_of(session, analysis)
    except AppError as error:
        # A call that was analysed elsewhere and brought in names a tree that is not here.
        if error.code != "not-found":
            raise
        return ()
