"""Corrections: confirm, overturn or add an event on a call; the list of all of them."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from api.auth import Reader, Writer
from api.blinding import unblinded_call
from api.openapi import answers, sends, shows
from api.paging import Limit, next_cursor
from api.services import SessionDep
from api.v1.corrections.examples import (
    CALL_CORRECTIONS,
    CALL_ID,
    CORRECTION,
    CORRECTIONS,
    GIVE,
)
from api.v1.corrections.recording import layer_of, record_correction
from api.v1.corrections.schemas import (
    CallCorrections,
    Correction,
    CorrectionPage,
    NewCorrection,
    Verdict,
    call_corrections,
    correction_of,
)
from models.calls import CallFilter
from models.corrections import corrections_of, list_corrections, withdraw_correction
from models.results import load_analysis, load_transcript

router = APIRouter(tags=["corrections"])

_CallId = Annotated[uuid.UUID, Path(description="通话 id", **shows(call=CALL_ID))]


@router.get(
    "/corrections",
    response_model=CorrectionPage,
    summary="列出更正",
    description="可见通话上仍然有效的更正，最新的在前。它们是学习与例句建议的数据。",
    responses=answers(CORRECTIONS, errors=["bad-cursor"]),
)
async def read_corrections(
    principal: Reader,
    session: SessionDep,
    tree: Annotated[
        str | None, Query(description="事件树名称", max_length=200, **shows(edu="职业教育"))
    ] = None,
    node: Annotated[
        str | None,
        Query(description="节点路径，含下级", max_length=500, **shows(opening="开场白")),
    ] = None,
    verdict: Annotated[Verdict | None, Query(description="判定", **shows(added="added"))] = None,
    cursor: Annotated[str | None, next_cursor("")] = None,
    limit: Limit = 50,
) -> CorrectionPage:
    """Standing verdicts on the calls that the caller may see."""
    page = await list_corrections(
        session,
        principal.call_scope.narrow_results(CallFilter()),
        tree=tree or None,
        node=node or None,
        verdict=verdict,
        cursor=cursor or None,
        limit=limit,
    )
    return CorrectionPage(
        items=[correction_of(row) for row in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/calls/{call_id}/corrections",
    response_model=CallCorrections,
    summary="一通通话的更正",
    description="人工的结论与机器的命中并列，互不覆盖；重新分析、重新转写后仍然保留。",
    responses=answers(CALL_CORRECTIONS, errors=["not-found", "blind-calibration"]),
)
async def read_call_corrections(
    call_id: _CallId, principal: Reader, session: SessionDep
) -> CallCorrections:
    """The verdicts on a call, and what they change."""
    await unblinded_call(session, principal, call_id)
    layer, _ = await layer_of(
        session,
        call_id,
        await load_analysis(session, call_id),
        await load_transcript(session, call_id),
    )
    return call_corrections(layer, list(await corrections_of(session, call_id)))


@router.post(
    "/calls/{call_id}/corrections",
    status_code=status.HTTP_201_CREATED,
    response_model=Correction,
    summary="更正一个事件",
    description=(
        "确认或推翻一个命中，或指出一句话也是某个事件。同一句、同一节点只有最后一次判定有效；"
        "句子的文字与上文一并保存，作为学习的数据。"
    ),
    responses=answers(
        CORRECTION,
        status=201,
        description="已记录",
        errors=["not-found", "not-ready", "blind-calibration", "bad-correction"],
    ),
    openapi_extra=sends(GIVE),
)
async def give_correction(
    call_id: _CallId, body: NewCorrection, principal: Writer, session: SessionDep
) -> Correction:
    """Store a verdict."""
    await unblinded_call(session, principal, call_id)
    row = await record_correction(
        session,
        principal,
        call_id,
        utterance=body.utterance,
        node=body.node,
        verdict=body.verdict,
    )
    return correction_of(row)


@router.delete(
    "/calls/{call_id}/corrections/{correction_id}",
    response_model=Correction,
    summary="撤回更正",
    description="撤回后只剩机器的结论；撤回的更正不再用于学习，但留在审计记录里。",
    responses=answers(CORRECTION, description="已撤回", errors=["not-found", "blind-calibration"]),
)
async def withdraw(
    call_id: _CallId,
    correction_id: Annotated[
        uuid.UUID, Path(description="更正的 id", **shows(one=CORRECTION["id"]))
    ],
    principal: Writer,
    session: SessionDep,
) -> Correction:
    """Take a verdict back."""
    await unblinded_call(session, principal, call_id)
    return correction_of(
        await withdraw_correction(session, call_id, correction_id, principal.actor)
    )
