"""QA figures of a group of calls: how much was checked, by the machine and by people."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.calls import CallFilter, filter_conditions
from models.tables import Appeal, Call, FindingRow, Review

_REVIEWED = ("reviewed", "appealed", "final")


@dataclass(frozen=True, slots=True, kw_only=True)
class QaFigures:
    """Counts of calls, and the shares made of them (None without a denominator).

    `checkable` are calls with sound, `checked` those with a score, `reviewed` those whose review
    somebody finished, `costly` those with a hit that cost points. `appealed` calls
    were disputed at least once, `decided` and `upheld` are appeals.
    """

    checkable: int
    checked: int
    reviewed: int
    costly: int
    appealed: int
    decided: int
    upheld: int

    @property
    def qa_coverage(self) -> float | None:
        """Calls checked / checkable calls."""
        return self.checked / self.checkable if self.checkable else None

    @property
    def review_coverage(self) -> float | None:
        """Calls reviewed by a person / calls checked."""
        return self.reviewed / self.checked if self.checked else None

    @property
    def appeal_rate(self) -> float | None:
        """Calls appealed / calls with a deduction."""
        return self.appealed / self.costly if self.costly else None

    @property
    def appeal_success_rate(self) -> float | None:
        """Appeals upheld / appeals decided."""
        return self.upheld / self.decided if self.decided else None


async def qa_figures(session: AsyncSession, where: CallFilter) -> QaFigures:
    """The figures of the calls that the filter keeps."""
    conditions = filter_conditions(where)
    costly = select(FindingRow.call_id).where(
        FindingRow.call_id == Call.id,
        FindingRow.outcome == "hit",
        (FindingRow.score_effect < 0) | FindingRow.veto.is_(True),
    )
    appealed = select(Appeal.id).where(Appeal.call_id == Call.id)
    calls = (
        await session.execute(
            select(
                func.count().filter(Call.duration_ms > 0).label("checkable"),
                func.count().filter(Call.duration_ms > 0, Call.score.is_not(None)).label("checked"),
                func.count().filter(Review.state.in_(_REVIEWED)).label("reviewed"),
                func.count().filter(costly.exists()).label("costly"),
                func.count().filter(appealed.exists()).label("appealed"),
            )
            .select_from(Call)
            .outerjoin(Review, Review.call_id == Call.id)
            .where(*conditions)
        )
    ).one()
    appeals = (
        await session.execute(
            select(
                func.count().filter(Appeal.state.in_(("upheld", "rejected"))).label("decided"),
                func.count().filter(Appeal.state == "upheld").label("upheld"),
            )
            .select_from(Appeal)
            .join(Call, Call.id == Appeal.call_id)
            .where(*conditions)
        )
    ).one()
    return QaFigures(
        checkable=calls.checkable,
        checked=calls.checked,
        reviewed=calls.reviewed,
        costly=calls.costly,
        appealed=calls.appealed,
        decided=appeals.decided,
        upheld=appeals.upheld,
    )
