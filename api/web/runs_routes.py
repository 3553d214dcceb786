"""The page of one run: progress while it works, then its result with the evidence."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Editor, Reader
from api.principal import Principal
from api.services import SessionDep
from api.v1.runs.routes import readable_run, visible_run
from api.v1.runs.schemas import progress_of
from api.web.documents_view import NOUNS, may_edit
from api.web.page_route import PageRoute
from api.web.rendering import query, render
from models.access import display_names
from models.backtests import list_changes, list_compared
from models.bulk_runs import UNFINISHED, cancel_run, failures_of
from models.tables import BulkRun

router = APIRouter(prefix="/runs", route_class=PageRoute, include_in_schema=False)

_PATHS = {noun.kind: path for path, noun in NOUNS.items()}
_SHOWN = 50
Subject = Annotated[Literal["", "node", "rule"], Query()]
Direction = Annotated[Literal["", "gained", "lost"], Query()]
Choice = Annotated[Literal["changed", "verdict", "all"], Query()]


@router.get("/{run_id}")
async def run_page(
    run_id: uuid.UUID,
    request: Request,
    principal: Reader,
    session: SessionDep,
    subject: Subject = "",
    key: str = "",
    change: Direction = "",
    calls: Choice = "changed",
    cursor: str = "",
    after: str = "",
) -> Response:
    """One run. `cursor` pages the evidence, `after` the calls."""
    run = await readable_run(session, principal, run_id)
    values = await _values(session, principal, run)
    if run.kind == "backtest" and run.state not in UNFINISHED:
        chosen = {"subject": subject, "key": key, "change": change, "calls": calls}
        values |= await _evidence(session, run, chosen, cursor, after)
    return render(request, "run.html", values)


@router.get("/{run_id}/state")
async def run_state(
    run_id: uuid.UUID, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """Only how far the run is, and the result of a trial, for scripts that wait for it."""
    run = await readable_run(session, principal, run_id)
    return render(request, "_run_state.html", await _values(session, principal, run))


@router.post("/{run_id}/cancel")
async def cancel_form(run_id: uuid.UUID, principal: Editor, session: SessionDep) -> Response:
    """End the run early."""
    await cancel_run(session, await visible_run(session, principal, run_id))
    return RedirectResponse(f"/runs/{run_id}", status_code=303)


async def _values(session: AsyncSession, principal: Principal, run: BulkRun) -> dict[str, Any]:
    return {
        "user": principal,
        "run": run,
        "people": await display_names(session),
        "path_name": _PATHS["tree" if run.document_kind == "tree" else "ruleset"],
        "progress": progress_of(run),
        "unfinished": run.state in UNFINISHED,
        "editor": may_edit(principal),
        "failures": await failures_of(session, run.id, 20),
        "evidence": None,
    }


async def _evidence(
    session: AsyncSession, run: BulkRun, chosen: dict[str, Any], cursor: str, after: str
) -> dict[str, Any]:
    changes = await list_changes(
        session,
        run.id,
        subject=chosen["subject"] or None,
        key=chosen["key"] or None,
        change=chosen["change"] or None,
        cursor=cursor or None,
        limit=_SHOWN,
    )
    compared = await list_compared(session, run.id, chosen["calls"], after or None, _SHOWN)
    here = f"/runs/{run.id}"

    def link(**other: Any) -> str:
        return here + query({**chosen, **other})

    return {
        "evidence": changes.items,
        "compared": compared.items,
        "chosen": chosen,
        "link": link,
        "more_changes": link(cursor=changes.next_cursor) if changes.next_cursor else "",
        "more_calls": link(after=compared.next_cursor) if compared.next_cursor else "",
    }
