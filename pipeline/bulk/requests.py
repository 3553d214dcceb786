"""What a run is asked for, as it is stored with the run; and runs begun with their first job."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from core.serial import to_json
from models.bulk_runs import NewRun, add_run
from models.calls import CallFilter
from models.tables import BulkRun
from models.versions import DocumentKind, Version
from pipeline.jobs import defer_plan, defer_trial

MOST_CALLS = 20_000
USUAL_CALLS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChoice:
    """Which stored calls a run takes, within what its author may see.

    Times compare with when the call was, from inclusive, to exclusive. `sample` is the most calls
    to take, None = all. `teams` and `own_agent` are the author's own limits. `reader` is the
    author of a run that tells what is found: calls that they judge blind are not taken.
    """

    started_from: dt.datetime | None = None
    started_to: dt.datetime | None = None
    team: str | None = None
    campaign: str | None = None
    agent: str | None = None
    sample: int | None = None
    teams: tuple[str, ...] | None = None
    own_agent: str | None = None
    reader: uuid.UUID | None = None

    @property
    def filter(self) -> CallFilter:
        """The same as the list of calls knows it."""
        return CallFilter(
            started_from=self.started_from,
            started_to=self.started_to,
            team=self.team,
            campaign=self.campaign,
            agent=self.agent,
            teams=self.teams,
            own_agent=self.own_agent,
            reader=self.reader,
            reads_results=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One sentence to try, and who says it."""

    role: Literal["agent", "customer"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """What to try a version on: some lines in order, or a stored call."""

    lines: tuple[TrialLine, ...] = ()
    call_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks for a run."""

    user_id: uuid.UUID
    username: str


async def begin_trial(
    session: AsyncSession,
    kind: DocumentKind,
    version: Version,
    request: TrialRequest,
    author: Author,
) -> BulkRun:
    """A trial of a version, queued before other work: somebody is waiting for it."""
    run = await add_run(session, _new("trial", kind, version, to_json(request), author))
    await defer_trial(session, run.id)
    return run


async def begin_backtest(
    session: AsyncSession,
    kind: DocumentKind,
    version: Version,
    choice: CallChoice,
    author: Author,
) -> BulkRun:
    """A comparison of a version with what is in force, over stored calls; queued."""
    run = await add_run(session, _new("backtest", kind, version, to_json(choice), author))
    await defer_plan(session, run.id)
    return run


async def begin_reanalysis(
    session: AsyncSession,
    kind: DocumentKind,
    version: Version,
    choice: CallChoice,
    author: Author,
) -> BulkRun:
    """A new analysis of stored calls with what is in force for each of them; queued.

    Takes the calls of the domain that the version is for.
    """
    run = await add_run(session, _new("reanalysis", kind, version, to_json(choice), author))
    await defer_plan(session, run.id)
    return run


def _new(
    run_kind: Literal["trial", "backtest", "reanalysis"],
    kind: DocumentKind,
    version: Version,
    request: Any,
    author: Author,
) -> NewRun:
    return NewRun(
        kind=run_kind,
        document_kind=kind,
        version=version,
        request=request,
        user_id=author.user_id,
        username=author.username,
    )
