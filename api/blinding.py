"""What a reader may not see yet: results of the calls that they judge in a blind calibration.

The one policy that every route asks. A call that somebody judges blind stays in lists and can be
heard, but nothing that the machine or another person found in it reaches them until the
calibration is closed: lists of results leave it out (`CallScope.narrow_results`), filters on
results do not match it (`CallScope.narrow`), what shows the call shows it without results
(`blind_among`), and what is about its results is refused (`unblinded_call`, `refuse_blind`,
`refuse_blind_run`).
"""

import uuid
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import Principal
from core.errors import AppError
from models.backtests import tells_of
from models.reviews.blinding import blind_calls, calls_judged_blind
from models.tables import BulkRun, Call


async def visible_call(session: AsyncSession, principal: Principal, call_id: uuid.UUID) -> Call:
    """The call, if it exists and this principal may see it; its results may still be hidden.

    Raises:
        AppError: `not-found` in both cases, so that nobody learns which ids exist.
    """
    row = await session.get(Call, call_id)
    if row is None or not principal.call_scope.allows(row):
        raise AppError("not-found", "没有这通录音，或当前账号无权查看；请从通话列表里选择。")
    return row


async def unblinded_call(session: AsyncSession, principal: Principal, call_id: uuid.UUID) -> Call:
    """The call, if this principal may see it and what was found in it.

    Raises:
        AppError: `not-found`; `blind-calibration` while they judge it blind.
    """
    row = await visible_call(session, principal, call_id)
    await refuse_blind(session, principal, [call_id])
    return row


async def blind_among(
    session: AsyncSession, principal: Principal, call_ids: Collection[uuid.UUID]
) -> frozenset[uuid.UUID]:
    """Those of the calls whose results this principal must not see now."""
    return await blind_calls(session, principal.user_id, call_ids)


async def refuse_blind(
    session: AsyncSession, principal: Principal, call_ids: Collection[uuid.UUID]
) -> None:
    """Insist that the results of these calls may be seen.

    Raises:
        AppError: `blind-calibration` when this principal judges one of them blind.
    """
    if await blind_among(session, principal, call_ids):
        raise _refusal()


async def refuse_blind_run(session: AsyncSession, principal: Principal, run: BulkRun) -> None:
    """Insist that the result of a run may be seen.

    Raises:
        AppError: `blind-calibration` when it tells of a call that this principal judges blind.
    """
    if await tells_of(session, run, calls_judged_blind(principal.user_id)):
        raise _refusal()


def _refusal() -> AppError:
    return AppError(
        "blind-calibration",
        "这里有您正在盲评的通话，校准结束之前不显示结论。请到校准页判定，或等校准结束。",
    )
