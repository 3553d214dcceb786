"""Pages of the review queue, and the forms of one review on its call's page."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Appellant, Reader, Writer
from api.blinding import unblinded_call
from api.principal import Principal
from api.services import ServicesDep, SessionDep
from api.v1.review_samples.routes import sample_of
from api.v1.reviews.detail import queue_item
from api.web.call_page import call_page_values
from api.web.catalogue import Phrases
from api.web.page_route import PageRoute
from api.web.rendering import language_of_request, query, render
from api.web.review_view import (
    QUEUE_FIELDS,
    QUEUE_STATES,
    SEVERITIES,
    given_queue,
    queue_filter_of,
    queue_from,
    queue_query,
    review_values,
)
from core.errors import AppError
from models.access import find_user
from models.calls import call_audio
from models.results import load_analysis, load_transcript
from models.reviews import samples
from models.reviews.blinding import blind_calls
from models.reviews.queue import QueueOrder, count_queue, list_queue
from models.reviews.reviews import view_of
from models.reviews.states import way_to_take
from models.reviews.verdicts import Decision, ReasonCode
from models.tables import Call
from pipeline.reviews import appeals, workflow
from pipeline.reviews.judging import Judgement, Span, judge

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PAGE_SIZE = 50
# How far down the queue the next free call is looked for.
_LOOK_AHEAD = 200
_COUNTED = 500


@router.get("/reviews")
async def queue_page(request: Request, principal: Reader, session: SessionDep) -> Response:
    """The review queue."""
    given = given_queue(request.query_params)
    where = queue_filter_of(given, principal)
    cursor = request.query_params.get("cursor") or None
    page = await list_queue(session, where, cursor, _PAGE_SIZE, _order(given))
    counted = await count_queue(session, where, _COUNTED)
    drawn = await samples.list_samples(session) if "write" in principal.scopes else ()
    progress = await samples.progress_of(session, [row.id for row in drawn])
    values: dict[str, Any] = {
        "user": principal,
        "items": [queue_item(entry) for entry in page.items],
        "counted": counted,
        "is_more": counted == _COUNTED,
        "given": given,
        "asked": {name: given.get(name, "") for name in QUEUE_FIELDS},
        "came_from": queue_query(given),
        "states": QUEUE_STATES,
        "severities": SEVERITIES,
        "samples": [sample_of(row, progress[row.id]) for row in drawn],
        "paged": cursor is not None,
        "none_free": request.query_params.get("none") == "1",
        "next_link": (
            "/reviews" + query({**given, "cursor": page.next_cursor}) if page.next_cursor else None
        ),
    }
    return render(request, "reviews.html", values)


@router.post("/reviews/next")
async def take_next(
    principal: Writer,
    session: SessionDep,
    services: ServicesDep,
    came_from: Annotated[str, Form()] = "",
    after: Annotated[uuid.UUID | None, Form()] = None,
) -> Response:
    """Take the next free call of the queue and open it; the queue again when there is none."""
    given = queue_from(came_from)
    page = await list_queue(
        session, queue_filter_of(given, principal), None, _LOOK_AHEAD, _order(given)
    )
    now = dt.datetime.now(dt.UTC)
    lock_for = dt.timedelta(minutes=services.settings.review.lock_minutes)
    kept_back = await blind_calls(
        session, principal.user_id, [entry.call.id for entry in page.items]
    )
    for entry in page.items:
        call = entry.call
        way = way_to_take(view_of(entry.review, call), principal.actor, now)
        if call.id == after or call.id in kept_back or way is None:
            continue
        try:
            async with session.begin_nested():
                await workflow.take(
                    session,
                    call,
                    principal.actor,
                    now=now,
                    lock_for=lock_for,
                    take_over=way == "take_over",
                    version=entry.review.version if entry.review else 0,
                )
        except AppError:
            # Somebody else was quicker: the next one.
            continue
        return RedirectResponse(
            f"/calls/{call.id}" + query({"from": queue_query(given)}) + "#findings", status_code=303
        )
    return RedirectResponse("/reviews" + query({**given, "none": "1"}), status_code=303)


@router.get("/calls/{call_id}/findings")
async def findings_fragment(
    call_id: uuid.UUID, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """Only the findings of a call's page, for the script that keeps them up to date."""
    call = await unblinded_call(session, principal, call_id)
    came_from = request.query_params.get("from", "")
    return await _fragment(request, principal, session, call, came_from)


class _Desk:
    """What every form of one review needs: who, which call, and how to answer."""

    def __init__(
        self,
        call_id: uuid.UUID,
        request: Request,
        principal: Reader,
        session: SessionDep,
        services: ServicesDep,
        came_from: Annotated[str, Form()] = "",
    ) -> None:
        self.call_id = call_id
        self.request = request
        self.principal = principal
        self.session = session
        self.services = services
        self.came_from = came_from
        self.now = dt.datetime.now(dt.UTC)
        self.lock_for = dt.timedelta(minutes=services.settings.review.lock_minutes)
        self.base_url = services.settings.api.public_url

    async def do(
        self, step: Callable[[Call], Awaitable[object]], *, scope: Literal["write", "appeal"]
    ) -> Response:
        """Take the step, then show the call: its findings alone when a script asked."""
        self.principal.require(scope)
        call = await unblinded_call(self.session, self.principal, self.call_id)
        await step(call)
        if "x-fragment" in self.request.headers:
            return await _fragment(self.request, self.principal, self.session, call, self.came_from)
        link = f"/calls/{call.id}" + query({"from": self.came_from})
        return RedirectResponse(f"{link}#findings", status_code=303)


DeskDep = Annotated[_Desk, Depends(_Desk)]


@router.post("/calls/{call_id}/review/take")
async def take_submit(desk: DeskDep, take_over: Annotated[bool, Form()] = False) -> Response:
    """Take the review, or take it over."""
    return await desk.do(
        lambda call: workflow.take(
            desk.session,
            call,
            desk.principal.actor,
            now=desk.now,
            lock_for=desk.lock_for,
            take_over=take_over,
        ),
        scope="write",
    )


@router.post("/calls/{call_id}/review/release")
async def release_submit(desk: DeskDep) -> Response:
    """Put the review back into the queue."""
    return await desk.do(
        lambda call: workflow.release(desk.session, call, desk.principal.actor, now=desk.now),
        scope="write",
    )


@router.post("/calls/{call_id}/review/assign")
async def assign_submit(desk: DeskDep, username: Annotated[str, Form()]) -> Response:
    """Give the review to somebody."""
    user = await find_user(desk.session, username.strip())
    if user is None:
        raise AppError("bad-assignee", f"没有用户 {username}。请填写质检员的登录名。")
    return await desk.do(
        lambda call: workflow.assign(desk.session, call, desk.principal.actor, user, now=desk.now),
        scope="write",
    )


@router.post("/calls/{call_id}/review/verdict")
async def verdict_submit(
    desk: DeskDep,
    rule: Annotated[str, Form()],
    decision: Annotated[Decision, Form()],
    reason_code: Annotated[str, Form()] = "",
    comment: Annotated[str, Form(max_length=2000)] = "",
    utterance: Annotated[str, Form()] = "",
    char_start: Annotated[str, Form()] = "",
    char_end: Annotated[str, Form()] = "",
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """Judge one finding; without a script, a whole utterance is the evidence of an added one."""

    async def step(call: Call) -> None:
        span = None
        if decision == "add" and utterance:
            span = await _span(desk.session, call, utterance, char_start, char_end)
        await judge(
            desk.session,
            call,
            desk.principal.actor,
            Judgement(
                rule=rule,
                decision=decision,
                reason_code=cast(ReasonCode, reason_code) if reason_code else None,
                comment=comment,
                span=span,
            ),
            version=version,
            now=desk.now,
            lock_for=desk.lock_for,
            base_url=desk.base_url,
        )

    return await desk.do(step, scope="write")


@router.post("/calls/{call_id}/review/submit")
async def review_submit(
    desk: DeskDep,
    comment: Annotated[str, Form(max_length=2000)] = "",
    confirm_rest: Annotated[bool, Form()] = False,
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """Finish the review."""
    appeal_for = dt.timedelta(days=desk.services.settings.review.appeal_days)
    return await desk.do(
        lambda call: workflow.submit(
            desk.session,
            call,
            desk.principal.actor,
            version=version,
            now=desk.now,
            appeal_for=appeal_for,
            comment=comment,
            confirm_rest=confirm_rest,
            base_url=desk.base_url,
        ),
        scope="write",
    )


@router.post("/calls/{call_id}/review/reopen")
async def reopen_submit(desk: DeskDep, version: Annotated[int | None, Form()] = None) -> Response:
    """Open a finished review again."""
    return await desk.do(
        lambda call: workflow.reopen(
            desk.session, call, desk.principal.actor, version=version, now=desk.now
        ),
        scope="write",
    )


@router.post("/calls/{call_id}/review/appeal")
async def appeal_submit(
    desk: DeskDep,
    _principal: Appellant,
    rules: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Dispute hits."""
    return await desk.do(
        lambda call: appeals.appeal(
            desk.session,
            call,
            desk.principal.actor,
            rules=rules or (),
            reason=reason,
            now=desk.now,
            base_url=desk.base_url,
        ),
        scope="appeal",
    )


@router.post("/calls/{call_id}/review/withdraw")
async def withdraw_submit(desk: DeskDep) -> Response:
    """Take the open appeal back."""
    return await desk.do(
        lambda call: appeals.withdraw(desk.session, call, desk.principal.actor, now=desk.now),
        scope="appeal",
    )


@router.post("/calls/{call_id}/review/decide")
async def decide_submit(
    desk: DeskDep,
    upheld: Annotated[list[str] | None, Form()] = None,
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Decide the open appeal."""
    return await desk.do(
        lambda call: appeals.decide(
            desk.session,
            call,
            desk.principal.actor,
            upheld=upheld or (),
            comment=comment,
            now=desk.now,
            base_url=desk.base_url,
        ),
        scope="write",
    )


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


def _order(given: dict[str, str]) -> QueueOrder:
    return "oldest" if given.get("order") == "oldest" else "newest"
