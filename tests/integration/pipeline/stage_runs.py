"""Running the stages of a call by hand, and reading what they left."""

import uuid
from typing import Any

from sqlalchemy import select, text

from models.calls import get_call
from models.database import Database
from models.tables import Call, WebhookMessage
from pipeline.analyzing import analyze_call
from pipeline.attempts import attempt
from pipeline.resources import Resources
from pipeline.transcribing import transcribe_call

RESULT_TABLES = (
    "transcripts", "utterances", "call_waveforms", "event_hits", "sop_states", "findings",
    "call_metrics",
)  # fmt: skip


async def transcribe(resources: Resources, call_id: uuid.UUID) -> None:
    await attempt(resources, call_id, "transcribe", transcribe_call)


async def analyze(resources: Resources, call_id: uuid.UUID) -> None:
    await attempt(resources, call_id, "analyze", analyze_call)


async def load(database: Database, call_id: uuid.UUID) -> Call:
    async with database.session() as session:
        return await get_call(session, call_id)


async def results(database: Database) -> dict[str, list[Any]]:
    """Every row of every result table, without the times at which they were written."""
    found = {}
    async with database.session() as session:
        for table in RESULT_TABLES:
            rows = await session.execute(
                text(f"SELECT to_jsonb(t) - 'created_at' AS row FROM {table} t ORDER BY 1")
            )
            found[table] = list(rows.scalars())
    return found


async def job_names(database: Database) -> list[str]:
    async with database.session() as session:
        rows = await session.execute(text("SELECT task_name FROM procrastinate_jobs ORDER BY id"))
        return list(rows.scalars())


async def messages(database: Database) -> list[WebhookMessage]:
    async with database.session() as session:
        return list(await session.scalars(select(WebhookMessage).order_by(WebhookMessage.id)))
