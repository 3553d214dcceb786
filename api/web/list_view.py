"""What the list shows of a call beside its own row: SOP coverage and the rules it broke."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import CallMetricsRow, FindingRow

# More names than this make a row higher than it is useful; the rest is counted.
SHOWN_PROBLEMS = 3
_SEVERITY_RANK = {"critical": 0, "major": 1, "minor": 2, "info": 3}


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that hit and cost points, vetoed or is worth a look."""

    name: str
    severity: str
    veto: bool


@dataclass(frozen=True, slots=True)
class ListedResult:
    """The results of one call in the list. `problems` come most severe first."""

    coverage: float | None = None
    problems: tuple[Problem, ...] = ()


async def listed_results(
    session: AsyncSession, call_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, ListedResult]:
    """The results of these calls, in two queries; calls without an analysis are left out."""
    ids = list(call_ids)
    if not ids:
        return {}
    problems: dict[uuid.UUID, list[Problem]] = defaultdict(list)
    found = await session.execute(
        select(FindingRow.call_id, FindingRow.rule_name, FindingRow.severity, FindingRow.veto)
        .where(FindingRow.call_id.in_(ids), FindingRow.outcome == "hit")
        # A bonus is no problem.
        .where(FindingRow.score_effect <= 0)
        .order_by(FindingRow.position)
    )
    for row in found:
        problems[row.call_id].append(Problem(row.rule_name, row.severity, row.veto))
    coverages = await session.execute(
        select(CallMetricsRow.call_id, CallMetricsRow.sop_coverage).where(
            CallMetricsRow.call_id.in_(ids)
        )
    )
    return {
        row.call_id: ListedResult(row.sop_coverage, _most_severe_first(problems[row.call_id]))
        for row in coverages
    }


def _most_severe_first(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda p: (not p.veto, _SEVERITY_RANK[p.severity])))
