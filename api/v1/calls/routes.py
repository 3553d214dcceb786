"""Upload, list, read, change and requeue calls."""

import uuid
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, status

from api.auth import Reader, Writer
from api.blinding import blind_among, visible_call
from api.multipart import FormLimits, read_form
from api.openapi import answers, sends, shows
from api.paging import Limit, next_cursor
from api.services import ServicesDep, SessionDep
from api.v1.calls import audio, results
from api.v1.calls.detail import call_detail, call_summary
from api.v1.calls.examples import (
    ACKNOWLEDGED,
    AUDIO_FIX,
    CALL,
    CALL_ID,
    CALLS,
    CHANGE,
    METADATA,
    UPLOAD_RESULTS,
)
from api.v1.calls.filters import CallFilterDep, zoned
from api.v1.calls.planning import plan_upload
from api.v1.calls.requeue import apply_fix, reanalyze, retry_failed
from api.v1.calls.schemas import (
    AudioFixRequest,
    Call,
    CallAcknowledged,
    CallChange,
    CallList,
    CallStateName,
    UploadResults,
)
from api.v1.calls.uploads import take_in
from core.errors import AppError
from models.calls import list_calls

router = APIRouter(prefix="/calls", tags=["calls"])

CallId = Annotated[uuid.UUID, Path(description="通话编号", **shows(call=CALL_ID))]

_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "录音放在 files（可多个，可为 zip）。metadata 是对全部录音生效的 JSON；"
            "manifest 是 CSV 或 JSONL，每行用 file 列指明录音，其余列是它的元数据。"
        ),
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "录音：wav、mp3、m4a、ogg、amr、flac、webm；或 zip",
                        },
                        "metadata": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "对全部录音生效的元数据",
                        },
                        "manifest": {
                            "type": "string",
                            "description": "清单：CSV（UTF-8 或 GB18030）或 JSONL",
                        },
                    },
                },
                "example": {
                    "files": ["张敏-0001.wav"],
                    "metadata": str(METADATA).replace("'", '"'),
                    "manifest": "file,agent,方向\n张敏-0001.wav,张敏,呼出\n",
                },
            }
        },
    }
}


@router.post(
    "",
    response_model=UploadResults,
    summary="上传录音",
    description=(
        "一次上传一个或多个录音，立即返回每一条的结果；转写和分析在后台进行。\n\n"
        "坏文件或坏行只影响它自己：其余照常接收。同一录音（来源 + 外部编号相同，或内容相同）"
        "再次上传得到原来的通话（duplicate），不会重复处理。"
    ),
    responses=answers(UPLOAD_RESULTS, errors=["bad-multipart", "too-large"]),
    openapi_extra=_UPLOAD_BODY,
)
async def upload_calls(
    request: Request,
    principal: Writer,
    services: ServicesDep,
    dry_run: Annotated[
        bool, Query(description="true 时只检查，不保存", **shows(check=False))
    ] = False,
) -> UploadResults:
    """Take in one or many recordings, with a result for each."""
    file_bytes = services.settings.api.max_upload_mb << 20
    form = await read_form(request, FormLimits(file_bytes=file_bytes))
    try:
        items = plan_upload(form, file_bytes=file_bytes, dry_run=dry_run)
        return await take_in(services, principal, items, dry_run=dry_run)
    finally:
        form.close()


@router.get(
    "",
    response_model=CallList,
    summary="通话列表",
    description="按接收时间从新到旧列出通话。所有条件同时满足；主管只看到自己团队，坐席只看到自己。",
    responses=answers(CALLS, errors=["bad-cursor"]),
)
async def list_calls_page(
    principal: Reader,
    session: SessionDep,
    where: CallFilterDep,
    cursor: Annotated[str | None, next_cursor(CALLS["next_cursor"])] = None,
    limit: Limit = 50,
) -> CallList:
    """One page of calls within the reader's scope, newest received first."""
    page = await list_calls(session, principal.call_scope.narrow(where), cursor, limit)
    blind = await blind_among(session, principal, [row.id for row in page.items])
    return CallList(
        items=[call_summary(row, is_blind=row.id in blind) for row in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/{call_id}",
    response_model=Call,
    summary="通话详情",
    description="返回元数据、录音信息、各阶段耗时、SOP 小结、得分和所用版本。",
    responses=answers(CALL, errors=["not-found"]),
)
async def read_call(call_id: CallId, principal: Reader, session: SessionDep) -> Call:
    """One call with its stages, counts, SOP summary, score and versions."""
    return await call_detail(session, principal, await visible_call(session, principal, call_id))


@router.patch(
    "/{call_id}",
    response_model=Call,
    summary="修改元数据",
    description="补充或更正元数据。已有转写的通话会用新元数据重新分析（不重新转写）。",
    responses=answers(CALL, errors=["not-found", "out-of-scope"]),
    openapi_extra=sends(CHANGE, "只写要改的字段；null 表示清空"),
)
async def change_call(
    call_id: CallId, change: CallChange, principal: Writer, session: SessionDep
) -> Call:
    """Change metadata; a call with a transcript is analysed again."""
    row = await visible_call(session, principal, call_id)
    values = change.model_dump(exclude_unset=True)
    if "fields" in values:
        values["fields"] = values["fields"] or {}
    if "started_at" in values:
        values["started_at"] = zoned(values["started_at"])
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        # An empty text is nobody's name.
        setattr(row, name, None if value == "" else value)
    if not principal.call_scope.allows(row):
        raise AppError(
            "out-of-scope",
            "不能把通话移出自己的团队；请联系管理员修改。",
            detail={"team": row.team},
        )
    await session.flush()
    if changed:
        await reanalyze(session, call_id)
        await session.refresh(row)
    return await call_detail(session, principal, row)


@router.post(
    "/{call_id}/reanalyze",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=CallAcknowledged,
    summary="重新分析",
    description="用当前发布的事件树和规则重新分析已有转写；不会重新转写。",
    responses=answers(
        ACKNOWLEDGED, status=202, description="已排队", errors=["not-found", "not-ready"]
    ),
)
async def reanalyze_call(
    call_id: CallId, principal: Writer, session: SessionDep
) -> CallAcknowledged:
    """Queue the analysis of a stored transcript again."""
    row = await visible_call(session, principal, call_id)
    if not await reanalyze(session, call_id):
        raise AppError(
            "not-ready",
            "这通录音还没有转写，转写完成后会自动分析；失败的请用“重试”。",
            detail={"state": row.state},
        )
    return CallAcknowledged(call_id=call_id, state="analyzing")


@router.post(
    "/{call_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=CallAcknowledged,
    summary="重试失败的通话",
    description="从失败的阶段重新开始。",
    responses=answers(
        {**ACKNOWLEDGED, "state": "received"},
        status=202,
        description="已排队",
        errors=["not-found", "not-failed"],
    ),
)
async def retry_call(call_id: CallId, principal: Writer, session: SessionDep) -> CallAcknowledged:
    """Queue a failed call again, from the stage that failed."""
    row = await visible_call(session, principal, call_id)
    state = await retry_failed(session, row)
    return CallAcknowledged(call_id=call_id, state=cast(CallStateName, state))


@router.post(
    "/{call_id}/audio-fix",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=CallAcknowledged,
    summary="修正录音",
    description=(
        "按录音检查（audio.facts.checks）的建议修正后重新评分：互换角色、按单声道处理、重新转写。"
        "重复提交同一修正不会再次改变结果；undo 撤销。"
    ),
    responses=answers(
        ACKNOWLEDGED, status=202, description="已排队", errors=["not-found", "fix-not-applicable"]
    ),
    openapi_extra=sends(AUDIO_FIX, "要做的修正"),
)
async def fix_call_audio(
    call_id: CallId, wanted: AudioFixRequest, principal: Writer, session: SessionDep
) -> CallAcknowledged:
    """Store a fix of the audio and score the call anew."""
    row = await visible_call(session, principal, call_id)
    state = await apply_fix(session, row, wanted.fix, undo=wanted.undo)
    return CallAcknowledged(call_id=call_id, state=cast(CallStateName, state))


router.include_router(results.router)
router.include_router(audio.router)
