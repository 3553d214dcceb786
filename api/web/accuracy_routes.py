"""Pages of the accuracy ledger, samples and calibrations."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.auth import Admin, Editor, Reader, Writer
from api.services import SessionDep
from api.v1.accuracy.filters import LedgerChoice, ledger_calls
from api.v1.accuracy.routes import freeze
from api.v1.accuracy.schemas import NewSnapshot, coverage_of, ledger_of
from api.v1.calibrations.routes import (
    calibration_detail,
    close_calibration,
    create_calibration,
    list_calibrations,
    visible_calibration,
)
from api.v1.calibrations.schemas import NewCalibration
from api.v1.calls.filters import zoned
from api.v1.review_samples.routes import NewSample, create_sample, draw_again, list_samples
from api.web.page_route import PageRoute
from api.web.rendering import query, render
from core.errors import AppError
from core.serial import from_json
from insights.dictionary import metric
from insights.ledger import accuracy_ledger
from insights.qa_figures import qa_figures
from models import access
from models.reviews import calibrations
from models.reviews.accuracy import accuracies_in_use

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_JUDGES = ("admin", "manager", "reviewer")
_FILTERS = ("team", "campaign", "from", "to")


@router.get("/accuracy")
async def accuracy_page(request: Request, principal: Reader, session: SessionDep) -> Response:
    """The accuracy ledger, with the QA coverage of what the visitor may see."""
    asked = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    chosen = _chosen(asked)
    where = ledger_calls(principal, chosen)
    in_use = (await accuracies_in_use(session)).of(chosen.team).reference
    ledger = ledger_of(await accuracy_ledger(session, where=where), in_use)
    covered = principal.call_scope.narrow_results(where)
    values = {
        "user": principal,
        "ledger": ledger,
        "asked": asked,
        "is_chosen": not chosen.everything,
        "coverage": coverage_of(await qa_figures(session, covered)),
        "metrics": {
            name: metric(name)
            for name in (
                "qa_coverage", "review_coverage", "appeal_rate", "appeal_success_rate",
                "qa_precision", "qa_recall", "kappa_human_human", "kappa_human_machine",
            )
        },
    }  # fmt: skip
    return render(request, "accuracy.html", values)


def _chosen(asked: Mapping[str, str]) -> LedgerChoice:
    """The calls that these texts describe. The last day is meant to be included."""
    last = _day(asked["to"])
    return LedgerChoice(
        team=asked["team"] or None,
        campaign=asked["campaign"] or None,
        called_from=_day(asked["from"]),
        called_to=last + dt.timedelta(days=1) if last else None,
    )


def _day(text: str) -> dt.datetime | None:
    """The start of a day in the time zone of the service; None for no text.

    Raises:
        AppError: `validation-failed` for what is no date.
    """
    if not text:
        return None
    try:
        return zoned(dt.datetime.fromisoformat(text))
    except ValueError as error:
        raise AppError("validation-failed", "请填写日期，例如 2026-01-31。") from error


@router.post("/accuracy/snapshots")
async def freeze_submit(
    principal: Admin, session: SessionDep, team: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Put the ledger's figures to use, for all calls or for one team's."""
    chosen = team.strip() or None
    await freeze(principal, session, NewSnapshot(team=chosen))
    return RedirectResponse("/accuracy" + query({"team": chosen}), status_code=303)


@router.post("/review-samples")
async def sample_submit(
    principal: Editor,
    session: SessionDep,
    name: Annotated[str, Form()] = "",
    called_from: Annotated[str, Form()] = "",
    called_to: Annotated[str, Form()] = "",
    hits: Annotated[int, Form()] = 30,
    non_hits: Annotated[int, Form()] = 30,
    team: Annotated[str, Form()] = "",
    rules: Annotated[str, Form()] = "",
) -> Response:
    """Draw a sample and show the queue of its calls. The last day is meant to be included."""
    first, last = _day(called_from), _day(called_to)
    if first is None or last is None:
        raise AppError("validation-failed", "请填写抽样的起止日期，例如 2026-01-31。")
    last += dt.timedelta(days=1)
    body = from_json(
        NewSample,
        {
            "name": name.strip(), "called_from": first, "called_to": last, "hits": hits,
            "non_hits": non_hits, "team": team.strip() or None,
            "rules": [rule for rule in rules.replace("，", " ").replace(",", " ").split() if rule],
        },
        "抽样",
    )  # fmt: skip
    made = await create_sample(body, principal, session)
    link = "/reviews" + query({"show": "all", "sample": str(made.id)})
    return RedirectResponse(link, status_code=303)


@router.post("/review-samples/{sample_id}/draw")
async def redraw_submit(sample_id: uuid.UUID, principal: Editor, session: SessionDep) -> Response:
    """Draw a sample once more."""
    await draw_again(sample_id, principal, session)
    link = "/reviews" + query({"show": "all", "sample": str(sample_id)})
    return RedirectResponse(link, status_code=303)


@router.get("/calibrations")
async def calibrations_page(request: Request, principal: Writer, session: SessionDep) -> Response:
    """All calibrations that the visitor may see, and the form for a new one."""
    people = [
        user for user in await access.list_users(session)
        if user.role in _JUDGES and not user.disabled
    ]  # fmt: skip
    may_start = principal.role in ("admin", "manager")
    values = {
        "user": principal,
        "calibrations": (await list_calibrations(principal, session)).items,
        "judges": people if may_start else [],
        "people": await access.display_names(session),
        "samples": (await list_samples(principal, session)).items if may_start else [],
        "may_start": may_start,
    }
    return render(request, "calibrations.html", values)


@router.post("/calibrations")
async def calibration_submit(
    principal: Editor,
    session: SessionDep,
    name: Annotated[str, Form()] = "",
    members: Annotated[list[str] | None, Form()] = None,
    sample: Annotated[uuid.UUID | None, Form()] = None,
    limit: Annotated[int, Form()] = 30,
) -> Response:
    """Start a calibration on a sample."""
    body = from_json(
        NewCalibration,
        {"name": name.strip(), "members": members or [], "sample_id": sample, "limit": limit},
        "校准",
    )
    made = await create_calibration(body, principal, session)
    return RedirectResponse(f"/calibrations/{made.id}", status_code=303)


@router.get("/calibrations/{calibration_id}")
async def calibration_page(
    calibration_id: uuid.UUID, request: Request, principal: Writer, session: SessionDep
) -> Response:
    """One calibration: judging it blind, or its results."""
    row = await visible_calibration(session, principal, calibration_id)
    found = await calibration_detail(session, principal, row)
    values = {
        "user": principal,
        "calibration": found,
        "people": await access.display_names(session),
        "is_member": principal.username in found.progress,
        "waiting": next((e for e in found.entries if e.mine is None), None),
    }
    return render(request, "calibration.html", values)


@router.post("/calibrations/{calibration_id}/verdicts/{position}")
async def calibration_verdict_submit(
    calibration_id: uuid.UUID,
    position: int,
    principal: Writer,
    session: SessionDep,
    outcome: Annotated[Literal["hit", "clear"], Form()],
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Store the own verdict and go on to the next item."""
    await calibrations.judge_item(
        session, calibration_id, position, principal.user_id, outcome, comment
    )
    return RedirectResponse(f"/calibrations/{calibration_id}#i{position + 1}", status_code=303)


@router.post("/calibrations/{calibration_id}/close")
async def calibration_close_submit(
    calibration_id: uuid.UUID, principal: Editor, session: SessionDep
) -> Response:
    """Close the calibration and show the results."""
    await close_calibration(calibration_id, principal, session)
    return RedirectResponse(f"/calibrations/{calibration_id}", status_code=303)
