"""Which calls the accuracy ledger is asked about, and who may ask for which."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from api.openapi import shows
from api.principal import Principal
from api.v1.calls.filters import zoned
from core.errors import AppError
from models.calls import CallFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChoice:
    """Calls of a team, of a campaign, of a period (from inclusive, to exclusive); None = all."""

    team: str | None = None
    campaign: str | None = None
    called_from: dt.datetime | None = None
    called_to: dt.datetime | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing was chosen."""
        return self == LedgerChoice()


def ledger_choice(
    team: Annotated[
        str | None, Query(description="只看这个团队", max_length=200, **shows(team="华东一组"))
    ] = None,
    campaign: Annotated[
        str | None, Query(description="只看这个活动", max_length=200, **shows(campaign="春季班"))
    ] = None,
    called_from: Annotated[
        dt.datetime | None,
        Query(
            description="通话时间不早于（无时区按北京时间）",
            **shows(month="2025-01-01T00:00:00+08:00"),
        ),
    ] = None,
    called_to: Annotated[
        dt.datetime | None,
        Query(description="通话时间早于", **shows(month="2025-02-01T00:00:00+08:00")),
    ] = None,
) -> LedgerChoice:
    """The choice that these parameters describe."""
    return LedgerChoice(
        team=team or None,
        campaign=campaign or None,
        called_from=zoned(called_from),
        called_to=zoned(called_to),
    )


LedgerChoiceDep = Annotated[LedgerChoice, Depends(ledger_choice)]


def ledger_calls(principal: Principal, chosen: LedgerChoice) -> CallFilter:
    """The chosen calls; without a choice all of them, for everybody who is judged by the rules.

    A choice could single out calls, so it stays within what one may see: managers name one of
    their teams, agents choose nothing. Calls that the reader judges blind are left out.

    Raises:
        AppError: `out-of-scope`.
    """
    where = CallFilter(
        team=chosen.team,
        campaign=chosen.campaign,
        started_from=chosen.called_from,
        started_to=chosen.called_to,
        reader=principal.user_id,
        reads_results=True,
    )
    if chosen.everything or principal.call_scope.unlimited:
        return where
    if principal.role == "manager" and chosen.team in principal.teams:
        return where
    raise AppError(
        "out-of-scope",
        "只能筛选自己团队的账本；请写明你的团队，或去掉筛选看全部通话的账本。",
        detail={"team": chosen.team},
    )
