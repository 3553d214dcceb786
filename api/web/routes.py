"""The pages: sign-in, calls, one call, SOP matrix, and the files they load."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import (
    SESSION_COOKIE,
    Reader,
    Writer,
    clear_session_cookie,
    set_session_cookie,
    sign_in,
    sign_out,
    user_of_cookie,
)
from api.blinding import blind_among, visible_call
from api.errors import status_of
from api.principal import Principal
from api.same_origin import require_same_origin
from api.services import ServicesDep, SessionDep
from api.v1.calls.filters import zoned
from api.v1.calls.requeue import apply_fix, reanalyze, retry_failed
from api.web.call_filters import filter_of, given_filters
from api.web.call_page import call_page_values
from api.web.catalogue import Phrases
from api.web.correction_view import NO_CORRECTIONS, correction_values
from api.web.judgement_view import judgement_entries
from api.web.list_view import SHOWN_PROBLEMS, ListedResult, listed_results
from api.web.page_route import PageRoute, local_path
from api.web.rendering import language_of_request, query, render
from api.web.review_view import (
    NO_REVIEW,
    NOT_BLIND,
    blind_values,
    queue_from,
    queue_query,
    review_values,
)
from api.web.sop_view import SMALL_SAMPLE, build_grid
from api.web.uploads import take_in_form
from asr.transcript import AudioFix
from core.errors import AppError
from insights.dictionary import metric
from insights.sop_rates import DIMENSIONS, Dimension, Period, execution_rates
from models.calls import CallFilter, call_audio, list_calls
from models.judgements import list_judgements
from models.results import load_analysis, load_transcript
from models.tables import TreeVersion
from models.tables.calls import CALL_STATES

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PAGE_SIZE = 50
_IN_PROGRESS = frozenset(CALL_STATES) - {"done", "failed"}
_PERIODS: tuple[Period, ...] = ("day", "week", "month")
_static = StaticFiles(directory=Path(__file__).parent / "static")


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
async def static_file(path: str, request: Request) -> Response:
    """A style, script or picture; browsers ask each time whether it changed (ETag)."""
    response = await _static.get_response(path, request.scope)
    response.headers["Cache-Control"] = "no-cache"
    return response


@router.get("/")
async def home() -> Response:
    """The list of calls."""
    return RedirectResponse("/calls", status_code=303)


@router.get("/sign-in")
async def sign_in_page(request: Request, session: SessionDep, next: str = "") -> Response:
    """The sign-in form; who is signed in already goes on."""
    if await user_of_cookie(session, request.cookies.get(SESSION_COOKIE)) is not None:
        return RedirectResponse(local_path(next), status_code=303)
    return render(
        request, "sign_in.html", {"user": None, "error": "", "next": next, "username": ""}
    )


@router.post("/sign-in")
async def sign_in_submit(
    request: Request,
    session: SessionDep,
    services: ServicesDep,
    username: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """Check the credentials; then on to where the visitor wanted to go."""
    try:
        _, token = await sign_in(session, request, username, password)
    except AppError as error:
        values = {
            "user": None,
            "error": error.message,
            "next": next,
            "username": username,
        }
        return render(request, "sign_in.html", values, status=status_of(error.code))
    response = RedirectResponse(local_path(next), status_code=303)
    set_session_cookie(response, token, services.settings.api)
    return response


@router.post("/sign-out")
async def sign_out_submit(request: Request, session: SessionDep, services: ServicesDep) -> Response:
    """End the sign-in of this browser."""
    require_same_origin(request)
    await sign_out(session, request.cookies.get(SESSION_COOKIE))
    response = RedirectResponse("/sign-in", status_code=303)
    clear_session_cookie(response, services.settings.api)
    return response


@router.get("/calls")
async def calls_page(request: Request, principal: Reader, session: SessionDep) -> Response:
    """The list of calls, newest first, with upload and filters."""
    values = await _list_values(request, principal, session)
    values |= {"domains": await _domains(session), "upload": None}
    return render(request, "calls.html", values)


@router.get("/calls/rows")
async def calls_rows(request: Request, principal: Reader, session: SessionDep) -> Response:
    """Only the table of the list, for scripts that keep it up to date."""
    values = await _list_values(request, principal, session)
    return render(request, "_calls_table.html", values)


@router.post("/calls")
async def upload_page(
    request: Request, principal: Writer, session: SessionDep, services: ServicesDep
) -> Response:
    """Take the recordings of the form in, and show the list with what became of each."""
    upload = await take_in_form(request, services, principal)
    values = await _list_values(request, principal, session)
    values |= {"domains": await _domains(session), "upload": upload}
    return render(request, "calls.html", values)


@router.get("/calls/{call_id}")
async def call_page(
    call_id: uuid.UUID, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """One call: player, conversation, events, findings, SOP, metrics."""
    row = await visible_call(session, principal, call_id)
    # In a blind calibration people hear the call without what anybody said of it.
    is_judged_blind = bool(await blind_among(session, principal, [call_id]))
    is_blind = is_judged_blind or request.query_params.get("blind") == "1"
    transcript = await load_transcript(session, call_id)
    analysis = None if is_blind else await load_analysis(session, call_id)
    values = call_page_values(
        row,
        await call_audio(session, call_id),
        transcript,
        analysis,
        Phrases(language_of_request(request)),
    )
    judged = () if is_blind else await list_judgements(session, call_id)
    values["judgements"] = judgement_entries(judged, transcript)
    if is_blind:
        values |= NO_CORRECTIONS
    else:
        values |= await correction_values(session, principal, call_id, analysis, transcript)
    came_from = queue_query(queue_from(request.query_params.get("from", "")))
    values |= NO_REVIEW if is_blind else await review_values(session, principal, row, came_from)
    values |= await blind_values(session, principal, call_id) if is_judged_blind else NOT_BLIND
    return render(request, "call.html", {"user": principal, "is_blind": is_blind, **values})


@router.post("/calls/{call_id}/retry")
async def retry_submit(call_id: uuid.UUID, principal: Writer, session: SessionDep) -> Response:
    """Queue the stage that failed again, and show the call."""
    await retry_failed(session, await visible_call(session, principal, call_id))
    return RedirectResponse(f"/calls/{call_id}", status_code=303)


@router.post("/calls/{call_id}/reanalyze")
async def reanalyze_submit(call_id: uuid.UUID, principal: Writer, session: SessionDep) -> Response:
    """Analyse the stored transcript again, and show the call."""
    await visible_call(session, principal, call_id)
    await reanalyze(session, call_id)
    return RedirectResponse(f"/calls/{call_id}", status_code=303)


@router.post("/calls/{call_id}/audio-fix")
async def audio_fix_submit(
    call_id: uuid.UUID,
    principal: Writer,
    session: SessionDep,
    fix: Annotated[AudioFix, Form()],
    undo: Annotated[bool, Form()] = False,
) -> Response:
    """Apply a fix to how the call is heard, and show the call."""
    await apply_fix(session, await visible_call(session, principal, call_id), fix, undo=undo)
    return RedirectResponse(f"/calls/{call_id}#about", status_code=303)


@router.get("/sop")
async def sop_page(request: Request, principal: Reader, session: SessionDep) -> Response:
    """The SOP execution matrix."""
    asked = _asked(request)
    filters = _sop_filters(asked)
    where = principal.call_scope.narrow_results(filter_of(filters))
    group_by = cast(Dimension, asked["group_by"])
    period = cast(Period, asked["period"])
    total = await execution_rates(session, where)
    groups = await execution_rates(session, where, group_by=(group_by,), period=period)
    values = {
        "user": principal,
        "asked": asked,
        "grid": build_grid(total, groups, filters, period),
        "group_choices": DIMENSIONS,
        "period_choices": _PERIODS,
        "definition_metric": metric("execution_rate"),
        "small_sample": SMALL_SAMPLE,
    }
    return render(request, "sop.html", values)


async def _list_values(
    request: Request, principal: Principal, session: AsyncSession
) -> dict[str, Any]:
    filters = given_filters(request.query_params)
    where: CallFilter = principal.call_scope.narrow(filter_of(filters))
    cursor = request.query_params.get("cursor") or None
    page = await list_calls(session, where, cursor, _PAGE_SIZE)
    ids = {call.id for call in page.items}
    blind = await blind_among(session, principal, ids)
    return {
        "user": principal,
        "calls": page.items,
        "blind": blind,
        "results": await listed_results(session, ids - blind),
        "no_result": ListedResult(),
        "shown_problems": SHOWN_PROBLEMS,
        "filters": filters,
        "states": CALL_STATES,
        "in_progress": sum(call.state in _IN_PROGRESS for call in page.items),
        "paged": cursor is not None,
        "rows_link": "/calls/rows" + query({**filters, "cursor": cursor}),
        "next_link": (
            "/calls" + query({**filters, "cursor": page.next_cursor}) if page.next_cursor else None
        ),
    }


async def _domains(session: AsyncSession) -> list[str]:
    """The domains that have a published tree, for the upload form."""
    rows = await session.scalars(
        select(TreeVersion.domain)
        .where(TreeVersion.state == "published")
        .distinct()
        .order_by(TreeVersion.domain)
    )
    return [domain for domain in rows if domain != "general"]


def _asked(request: Request) -> dict[str, str]:
    """What the matrix is asked for; unknown groupings fall back to the first."""
    names = ("group_by", "period", "from", "to", "team", "campaign", "agent")
    asked = {name: request.query_params.get(name, "").strip() for name in names}
    if asked["group_by"] not in DIMENSIONS:
        asked["group_by"] = DIMENSIONS[0]
    if asked["period"] not in _PERIODS:
        asked["period"] = "week"
    return asked


def _sop_filters(asked: dict[str, str]) -> dict[str, str]:
    """The matrix's filters as those of the list of calls. The last day is meant to be included.

    Raises:
        AppError: `validation-failed` for something that is not a date.
    """
    filters = {name: asked[name] for name in ("team", "campaign", "agent") if asked[name]}
    try:
        first = dt.datetime.fromisoformat(asked["from"]) if asked["from"] else None
        last = dt.datetime.fromisoformat(asked["to"]) if asked["to"] else None
    except ValueError as error:
        raise AppError(
            "validation-failed", "日期不正确，请写成 2026-01-31 的形式后再查询。"
        ) from error
    if first is not None:
        filters["started_from"] = _iso(first)
    if last is not None:
        filters["started_to"] = _iso(last + dt.timedelta(days=1))
    return filters


def _iso(moment: dt.datetime) -> str:
    at = zoned(moment)
    assert at is not None
    return at.isoformat()
