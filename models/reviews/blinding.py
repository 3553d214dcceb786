"""Who judges which calls blind: the one rule, inside queries and for given calls."""

import uuid
from collections.abc import Collection

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Calibration, CalibrationItem, CalibrationMember


def calls_judged_blind(reader: uuid.UUID | None) -> Select[uuid.UUID]:
    """The ids of the calls in open calibrations that the reader judges in; never NULL."""
    return (
        select(CalibrationItem.call_id)
        .join(Calibration, Calibration.id == CalibrationItem.calibration_id)
        .join(CalibrationMember, CalibrationMember.calibration_id == Calibration.id)
        .where(Calibration.state == "open", CalibrationMember.user_id == reader)
    )


async def blind_calls(
    session: AsyncSession, reader: uuid.UUID | None, call_ids: Collection[uuid.UUID]
) -> frozenset[uuid.UUID]:
    """Those of the calls that the reader judges blind now."""
    if not call_ids:
        return frozenset()
    query = calls_judged_blind(reader).where(CalibrationItem.call_id.in_(call_ids))
    return frozenset(await session.scalars(query))
