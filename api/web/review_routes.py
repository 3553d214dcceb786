"""Pages of the review queue, and the forms of one review on its call's page."""

import uuid
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Reader, Writer
from api.blinding import unblinded_call
from api.principal import Principal
from api.services import SessionDep
from api.v1.reviews.desk import Desk, DeskDep, Step
from api.web.call_page import call_page_values
from api.web.catalogue import Phrases
from api.web.page_route import PageRoute
from api.web.queue_page import show_queue
from api.web.rendering import language_of_request, query, render
from api.web.review_view import (
    order_of,
    queue_filter_of,
    queue_from,
    queue_query,
    review_values,
)
from core.errors import AppError
from models.calls import call_audio
from models.results import load_analysis, load_transcript
from models.reviews.verdicts import Decision, ReasonCode
from models.tables import Call
from pipeline.reviews.judging import Judgement, Span

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/reviews")
async def queue_page(request: Request, principal: Reader, session: SessionDep) -> Response:
    """The review queue."""
    return await show_queue(request, principal, session)


@router.post("/reviews/next")
async def take_next(
    principal: Writer,
    desk: DeskDep,
    came_from: Annotated[str, Form()] = "",
    after: Annotated[uuid.UUID | None, Form()] = None,
) -> Response:
    """Take the next free call of the queue and open it; the queue again when there is none."""
    return RedirectResponse(await _next_link(principal, desk, came_from, after), status_code=303)


@router.get("/calls/{call_id}/findings")
async def findings_fragment(
    call_id: uuid.UUID, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """Only the findings of a call's page, for the script that keeps them up to date."""
    call = await unblinded_call(session, principal, call_id)
    came_from = request.query_params.get("from", "")
    return await _fragment(request, principal, session, call, came_from)


class _Forms:
    """What every form of one review needs: which call, whose desk, and how to answer."""

    def __init__(
        self,
        call_id: uuid.UUID,
        request: Request,
        desk: DeskDep,
        came_from: Annotated[str, Form()] = "",
    ) -> None:
        self.call_id = call_id
        self.desk = desk
        self.came_from = came_from
        self._request = request

    async def do(self, step: Step, *, scope: Literal["write", "appeal"] = "write") -> Response:
        """Take the step, then show the call: its findings alone when a script asked."""
        self.desk.principal.require(scope)
        call = await self.desk.call(self.call_id)
        await step(call)
        if self.for_script:
            return await _fragment(
                self._request, self.desk.principal, self.desk.session, call, self.came_from
            )
        link = f"/calls/{call.id}" + query({"from": self.came_from})
        return RedirectResponse(f"{link}#findings", status_code=303)

    @property
    def for_script(self) -> bool:
        """Whether a script wants only what changes on the page."""
        return "x-fragment" in self._request.headers

    async def go_on(self) -> Response:
        """The next free call: by redirection, for a script in a header, which follows it itself."""
        link = await _next_link(self.desk.principal, self.desk, self.came_from, self.call_id)
        if self.for_script:
            return Response(status_code=204, headers={"X-Next": link})
        return RedirectResponse(link, status_code=303)


FormsDep = Annotated[_Forms, Depends(_Forms)]
Version = Annotated[int | None, Form()]
Comment = Annotated[str, Form(max_length=2000)]


@router.post("/calls/{call_id}/review/take")
async def take_submit(forms: FormsDep, take_over: Annotated[bool, Form()] = False) -> Response:
    """Take the review, or take it over."""
    return await forms.do(lambda call: forms.desk.take(call, take_over=take_over))


@router.post("/calls/{call_id}/review/release")
async def release_submit(forms: FormsDep) -> Response:
    """Put the review back into the queue."""
    return await forms.do(forms.desk.release)


@router.post("/calls/{call_id}/review/assign")
async def assign_submit(forms: FormsDep, username: Annotated[str, Form()]) -> Response:
    """Give the review to somebody."""
    return await forms.do(lambda call: forms.desk.assign(call, username.strip()))


@router.post("/calls/{call_id}/review/verdict")
async def verdict_submit(
    forms: FormsDep,
    rule: Annotated[str, Form()],
    decision: Annotated[Decision, Form()],
    reason_code: Annotated[str, Form()] = "",
    comment: Comment = "",
    utterance: Annotated[str, Form()] = "",
    char_start: Annotated[str, Form()] = "",
    char_end: Annotated[str, Form()] = "",
    version: Version = None,
) -> Response:
    """Judge one finding; without a script, a whole utterance is the evidence of an added one."""

    async def step(call: Call) -> None:
        span = None
        if decision == "add" and utterance:
            span = await _span(forms.desk.session, call, utterance, char_start, char_end)
        judgement = Judgement(
            rule=rule,
            decision=decision,
            reason_code=cast(ReasonCode, reason_code) if reason_code else None,
            comment=comment,
            span=span,
        )
        await forms.desk.judge(call, judgement, version)

    return await forms.do(step)


@router.post("/calls/{call_id}/review/retract")
async def retract_submit(
    forms: FormsDep, rule: Annotated[str, Form()], version: Version = None
) -> Response:
    """Take a verdict back."""
    return await forms.do(lambda call: forms.desk.retract(call, rule, version))


@router.post("/calls/{call_id}/review/submit")
async def review_submit(
    forms: FormsDep,
    comment: Comment = "",
    confirm_rest: Annotated[bool, Form()] = False,
    version: Version = None,
    then: Annotated[Literal["stay", "next"], Form()] = "stay",
) -> Response:
    """Finish the review, and go on to the next call if that is wanted."""
    shown = await forms.do(
        lambda call: forms.desk.submit(
            call, comment=comment, confirm_rest=confirm_rest, version=version
        )
    )
    return await forms.go_on() if then == "next" else shown


@router.post("/calls/{call_id}/review/reopen")
async def reopen_submit(forms: FormsDep, version: Version = None) -> Response:
    """Open a finished review again."""
    return await forms.do(lambda call: forms.desk.reopen(call, version))


@router.post("/calls/{call_id}/review/appeal")
async def appeal_submit(
    forms: FormsDep, rules: Annotated[list[str] | None, Form()] = None, reason: Comment = ""
) -> Response:
    """Dispute hits."""
    return await forms.do(lambda call: forms.desk.appeal(call, rules or (), reason), scope="appeal")


@router.post("/calls/{call_id}/review/withdraw")
async def withdraw_submit(forms: FormsDep) -> Response:
    """Take the open appeal back."""
    return await forms.do(forms.desk.withdraw, scope="appeal")


@router.post("/calls/{call_id}/review/decide")
async def decide_submit(
    forms: FormsDep, upheld: Annotated[list[str] | None, Form()] = None, comment: Comment = ""
) -> Response:
    """Decide the open appeal."""
    return await forms.do(lambda call: forms.desk.decide(call, upheld or (), comment))


async def _next_link(
    principal: Principal, desk: Desk, came_from: str, after: uuid.UUID | None
) -> str:
    """Where to go on: the next free call of the queue, taken, or the queue that has none."""
    given = queue_from(came_from)
    call = await desk.take_next(queue_filter_of(given, principal), order_of(given), after)
    if call is None:
        return "/reviews" + query({**given, "none": "1"})
    return f"/calls/{call.id}" + query({"from": queue_query(given)}) + "#findings"


async def _fragment(
    request: Request, principal: Principal, session: AsyncSession, call: Call, came_from: str
) -> Response:
    values = call_page_values(
        call,
        await call_audio(session, call.id),
        await load_transcript(session, call.id),
        await load_analysis(session, call.id),
        Phrases(language_of_request(request)),
    )
    values |= await review_values(session, principal, call, came_from)
    return render(request, "_findings.html", {"user": principal, **values})


async def _span(
    session: AsyncSession, call: Call, utterance: str, char_start: str, char_end: str
) -> Span:
    """The marked text; an utterance alone (counted from 1, as people do) means all of it."""
    transcript = await load_transcript(session, call.id)
    try:
        if char_end:
            return Span(
                utterance=int(utterance), char_start=int(char_start), char_end=int(char_end)
            )
        index = int(utterance) - 1
    except ValueError as error:
        raise AppError("bad-verdict", "证据的位置不是数字。请重新选中一段话。") from error
    lengths = {u.index: len(u.text) for u in transcript.utterances} if transcript else {}
    return Span(utterance=index, char_start=0, char_end=lengths.get(index, 0))
