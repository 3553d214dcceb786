"""Frozen accuracy figures: numbered, immutable, read back as the value that scoring takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.serial import from_json, to_json
from models.tables import AccuracySnapshot
from qa_rules.scoring.accuracy import NOTHING_MEASURED, PrecisionFigure, RuleAccuracies

_REFERENCE = re.compile(r"accuracy@([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuraciesInUse:
    """The newest snapshot of all calls, and the newest of each team that has one of its own."""

    everywhere: RuleAccuracies = NOTHING_MEASURED
    teams: Mapping[str, RuleAccuracies] = field(default_factory=dict)

    def of(self, team: str | None) -> RuleAccuracies:
        """What the calls of a team are scored with: its own snapshot or the one of all calls.

        The newer of the two; nothing measured before the first one.
        """
        own = self.teams.get(team) if team is not None else None
        if own is None or _number(own.reference) < _number(self.everywhere.reference):
            return self.everywhere
        return own


async def freeze_accuracy(
    session: AsyncSession,
    figures: Mapping[str, PrecisionFigure],
    created_by: str,
    team: str | None = None,
) -> AccuracySnapshot:
    """The new snapshot; analyses (of that team) use it from now on, stored scores stay.

    `figures` maps rule fingerprints to measured precision.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accuracy'))"))
    last = await session.scalar(select(func.max(AccuracySnapshot.version)))
    row = AccuracySnapshot(
        version=(last or 0) + 1,
        document={key: to_json(figure) for key, figure in figures.items()},
        team=team,
        created_by=created_by,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def accuracies_in_use(session: AsyncSession) -> AccuraciesInUse:
    """The figures that analyses use."""
    rows = await session.scalars(
        select(AccuracySnapshot)
        .ext(distinct_on(AccuracySnapshot.team))
        .order_by(AccuracySnapshot.team, AccuracySnapshot.version.desc())
    )
    found = {row.team: accuracies_of(row) for row in rows}
    return AccuraciesInUse(
        everywhere=found.get(None, NOTHING_MEASURED),
        teams={team: figures for team, figures in found.items() if team is not None},
    )


async def accuracy_named(session: AsyncSession, reference: str) -> RuleAccuracies:
    """The figures that a score was made with, by the reference stored with its versions.

    Raises:
        AppError: `not-found` for a reference that names no snapshot.
    """
    if not reference:
        return NOTHING_MEASURED
    number = _number(reference)
    row = await session.get(AccuracySnapshot, number) if number else None
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


def _number(reference: str) -> int:
    found = _REFERENCE.fullmatch(reference)
    return int(found[1]) if found else 0
