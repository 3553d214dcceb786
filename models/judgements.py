"""Judgements of calls by a language model, kept by the content that they are about."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.serial import from_json, to_json
from events.judgement import Judgement
from models.tables import JudgementRow


async def load_judgements(
    session: AsyncSession, keys: Mapping[uuid.UUID, Collection[str]]
) -> dict[uuid.UUID, dict[str, Judgement]]:
    """For each of the calls its stored judgements by key, as far as there are any under its keys.

    Every call of `keys` is listed.
    """
    found: dict[uuid.UUID, dict[str, Judgement]] = {call_id: {} for call_id in keys}
    wanted = {key for keys_of_call in keys.values() for key in keys_of_call}
    if not wanted:
        return found
    rows = await session.scalars(
        select(JudgementRow).where(
            JudgementRow.call_id.in_(list(keys)), JudgementRow.key.in_(sorted(wanted))
        )
    )
    for row in rows:
        if row.key in keys[row.call_id]:
            found[row.call_id][row.key] = _judgement(row)
    return found


async def list_judgements(session: AsyncSession, call_id: uuid.UUID) -> tuple[Judgement, ...]:
    """All judgements of a call, oldest first, also those of other models and older transcripts."""
    rows = await session.scalars(
        select(JudgementRow)
        .where(JudgementRow.call_id == call_id)
        .order_by(JudgementRow.created_at, JudgementRow.key)
    )
    return tuple(_judgement(row) for row in rows)


async def save_judgements(
    session: AsyncSession, call_id: uuid.UUID, judgements: Mapping[str, Judgement]
) -> None:
    """Store judgements by key, in place of what was stored under the same keys."""
    for key, judgement in judgements.items():
        document = to_json(judgement)
        values = {
            "role": judgement.question.role,
            "question": judgement.question.text,
            **{name: document[name] for name in ("verdict", "reason", "judge", "quotes")},
        }
        statement = insert(JudgementRow).values(call_id=call_id, key=key, **values)
        await session.execute(
            statement.on_conflict_do_update(index_elements=["call_id", "key"], set_=values)
        )


async def forget_unanswered(session: AsyncSession, call_id: uuid.UUID) -> None:
    """Remove what was not answered, so that the next analysis asks again."""
    await session.execute(
        delete(JudgementRow).where(
            JudgementRow.call_id == call_id, JudgementRow.verdict == "unanswered"
        )
    )


def _judgement(row: JudgementRow) -> Judgement:
    document = {
        "question": {"text": row.question, "role": row.role},
        **{name: getattr(row, name) for name in ("verdict", "reason", "judge", "quotes")},
    }
    return from_json(Judgement, document, "已存的语言模型判定")
