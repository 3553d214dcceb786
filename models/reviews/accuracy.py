"""Frozen accuracy figures: numbered, immutable, read back as the value that scoring takes."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.serial import from_json, to_json
from models.tables import AccuracySnapshot
from qa_rules.scoring.accuracy import NOTHING_MEASURED, PrecisionFigure, RuleAccuracies

_REFERENCE = re.compile(r"accuracy@([1-9][0-9]{0,8})")


async def freeze_accuracy(
    session: AsyncSession, figures: dict[str, PrecisionFigure], created_by: str
) -> AccuracySnapshot:
    """The new snapshot; analyses use it from now on, and stored scores stay as they are.

    `figures` maps rule fingerprints to measured precision.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accuracy'))"))
    last = await session.scalar(select(func.max(AccuracySnapshot.version)))
    row = AccuracySnapshot(
        version=(last or 0) + 1,
        document={key: to_json(figure) for key, figure in figures.items()},
        created_by=created_by,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def latest_accuracy(session: AsyncSession) -> RuleAccuracies:
    """The figures that analyses use; nothing measured before the first snapshot."""
    row = await session.scalar(
        select(AccuracySnapshot).order_by(AccuracySnapshot.version.desc()).limit(1)
    )
    return NOTHING_MEASURED if row is None else accuracies_of(row)


async def accuracy_named(session: AsyncSession, reference: str) -> RuleAccuracies:
    """The figures that a score was made with, by the reference stored with its versions.

    Raises:
        AppError: `not-found` for a reference that names no snapshot.
    """
    if not reference:
        return NOTHING_MEASURED
    found = _REFERENCE.fullmatch(reference)
    row = await session.get(AccuracySnapshot, int(found[1])) if found else None
    if row is None:
        raise AppError("not-found", f"没有准确率快照 {reference}。请查看快照列表。")
    return accuracies_of(row)


async def list_snapshots(session: AsyncSession) -> Sequence[AccuracySnapshot]:
    """All snapshots, newest first."""
    return list(
        await session.scalars(select(AccuracySnapshot).order_by(AccuracySnapshot.version.desc()))
    )


def accuracies_of(row: AccuracySnapshot) -> RuleAccuracies:
    """A stored snapshot as scoring takes it."""
    document: dict[str, Any] = row.document
    return RuleAccuracies(
        reference=f"accuracy@{row.version}",
        figures={
            key: from_json(PrecisionFigure, value, "已存准确率") for key, value in document.items()
        },
    )
