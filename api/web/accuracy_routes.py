"""Pages of the accuracy ledger, samples and calibrations."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Admin, Editor, Reader, Writer
from api.errors import status_of
from api.principal import Principal
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
from api.web.queue_page import Drawing, show_queue
from api.web.rendering import query, render
from api.web.rule_view import rule_cards
from core.errors import AppError
from core.serial import from_json
from insights.dictionary import metric
from insights.ledger import accuracy_ledger
from insights.qa_figures import qa_figures
from models import access
from models.reviews import calibrations
from models.reviews.accuracy import accuracies_in_use

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_FEWEST_MEMBERS = 2
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
    request: Request,
    principal: Editor,
    session: SessionDep,
    name: Annotated[str, Form()] = "",
    called_from: Annotated[str, Form()] = "",
    called_to: Annotated[str, Form()] = "",
    hits: Annotated[str, Form()] = "30",
    non_hits: Annotated[str, Form()] = "30",
    team: Annotated[str, Form()] = "",
    rules: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Draw a sample and show the queue of its calls; the form again when it is refused."""
    typed = {
        "name": name, "called_from": called_from, "called_to": called_to, "hits": hits,
        "non_hits": non_hits, "team": team,
    }  # fmt: skip
    try:
        async with session.begin_nested():
            made = await create_sample(_sample(typed, rules or []), principal, session)
    except AppError as error:
        drawing = Drawing(typed=typed, rules=tuple(rules or ()), refused=error)
        return await show_queue(request, principal, session, drawing)
    link = "/reviews" + query({"show": "all", "sample": str(made.id)})
    return RedirectResponse(link, status_code=303)


def _sample(typed: Mapping[str, str], rules: Sequence[str]) -> NewSample:
    """What the form asks for. The last day is meant to be included."""
    first, last = _day(typed["called_from"]), _day(typed["called_to"])
    if first is None or last is None:
        raise AppError("validation-failed", "请填写抽样的起止日期，例如 2026-01-31。")
    numbers = (typed["hits"], typed["non_hits"])
    if not all(number.isascii() and number.isdigit() and int(number) > 0 for number in numbers):
        raise AppError("validation-failed", "每条规则抽几个应为不小于 1 的整数。请更正。")
    return from_json(
        NewSample,
        {
            **typed, "name": typed["name"].strip(), "called_from": first,
            "called_to": last + dt.timedelta(days=1), "team": typed["team"].strip() or None,
            "hits": int(typed["hits"]), "non_hits": int(typed["non_hits"]), "rules": rules,
        },
        "抽样",
    )  # fmt: skip


@router.post("/review-samples/{sample_id}/draw")
async def redraw_submit(sample_id: uuid.UUID, principal: Editor, session: SessionDep) -> Response:
    """Draw a sample once more."""
    await draw_again(sample_id, principal, session)
    link = "/reviews" + query({"show": "all", "sample": str(sample_id)})
    return RedirectResponse(link, status_code=303)


@router.get("/calibrations")
async def calibrations_page(request: Request, principal: Writer, session: SessionDep) -> Response:
    """All calibrations that the visitor may see, and the form for a new one."""
    return await _calibrations(request, principal, session)


async def _calibrations(
    request: Request,
    principal: Principal,
    session: AsyncSession,
    typed: Mapping[str, Any] | None = None,
    refused: AppError | None = None,
) -> Response:
    may_start = principal.role in ("admin", "manager")
    values = {
        "user": principal,
        "calibrations": (await list_calibrations(principal, session)).items,
        "judges": await access.reviewers(session) if may_start else [],
        "people": await access.display_names(session),
        "samples": (await list_samples(principal, session)).items if may_start else [],
        "may_start": may_start,
        "typed": typed or {"name": "", "members": [], "sample": "", "limit": "30"},
        "refused": refused.message if refused else "",
    }
    status = status_of(refused.code) if refused else 200
    return render(request, "calibrations.html", values, status=status)


@router.post("/calibrations")
async def calibration_submit(
    request: Request,
    principal: Editor,
    session: SessionDep,
    name: Annotated[str, Form()] = "",
    members: Annotated[list[str] | None, Form()] = None,
    sample: Annotated[str, Form()] = "",
    limit: Annotated[str, Form()] = "30",
) -> Response:
    """Start a calibration on a sample; the form again when it is refused."""
    typed = {"name": name.strip(), "members": members or [], "sample": sample, "limit": limit}
    try:
        if len(typed["members"]) < _FEWEST_MEMBERS:
            raise AppError("validation-failed", "校准至少要两个人参加，请再选人。")
        async with session.begin_nested():
            made = await create_calibration(_calibration(typed), principal, session)
    except AppError as error:
        return await _calibrations(request, principal, session, typed, error)
    return RedirectResponse(f"/calibrations/{made.id}", status_code=303)


def _calibration(typed: Mapping[str, Any]) -> NewCalibration:
    wanted = {**typed, "sample_id": typed["sample"]}
    del wanted["sample"]
    return from_json(NewCalibration, wanted, "校准")


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
        "done": sum(entry.mine is not None for entry in found.entries),
        "rules": await rule_cards(session, (entry.ruleset for entry in found.entries)),
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
    """Store the own verdict and go on to the next item that waits, from the first one again."""
    await calibrations.judge_item(
        session, calibration_id, position, principal.user_id, outcome, comment
    )
    found = await calibration_detail(
        session, principal, await visible_calibration(session, principal, calibration_id)
    )
    left = [entry.position for entry in found.entries if entry.mine is None]
    following = next((at for at in left if at > position), left[0] if left else None)
    place = "done" if following is None else f"i{following}"
    return RedirectResponse(f"/calibrations/{calibration_id}#{place}", status_code=303)


@router.post("/calibrations/{calibration_id}/close")
async def calibration_close_submit(
    calibration_id: uuid.UUID, principal: Editor, session: SessionDep
) -> Response:
    """Close the calibration and show the results."""
    await close_calibration(calibration_id, principal, session)
    return RedirectResponse(f"/calibrations/{calibration_id}", status_code=303)
