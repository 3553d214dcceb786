"""The forms of a call's page that correct its events."""

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from api.auth import Writer
from api.blinding import unblinded_call
from api.services import SessionDep
from api.v1.corrections.recording import record_correction
from api.web.page_route import PageRoute
from models.corrections import withdraw_correction

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post("/calls/{call_id}/corrections")
async def correct_submit(
    call_id: uuid.UUID,
    principal: Writer,
    session: SessionDep,
    utterance: Annotated[int, Form()],
    node: Annotated[str, Form(max_length=500)],
    verdict: Annotated[Literal["confirmed", "overturned", "added"], Form()],
) -> Response:
    """Store a verdict, and show the utterance that it is about."""
    await unblinded_call(session, principal, call_id)
    await record_correction(
        session, principal, call_id, utterance=utterance, node=node, verdict=verdict
    )
    return RedirectResponse(f"/calls/{call_id}#u{utterance}", status_code=303)


@router.post("/calls/{call_id}/corrections/{correction_id}/withdraw")
async def withdraw_submit(
    call_id: uuid.UUID, correction_id: uuid.UUID, principal: Writer, session: SessionDep
) -> Response:
    """Take a verdict back, and show the call."""
    await unblinded_call(session, principal, call_id)
    row = await withdraw_correction(session, call_id, correction_id, principal.actor)
    return RedirectResponse(f"/calls/{call_id}#u{row.utterance}", status_code=303)
