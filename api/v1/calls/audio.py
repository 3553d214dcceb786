"""Listening to a call: byte ranges for players, the original file for people."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Reader
from api.blinding import visible_call
from api.openapi import answers, shows
from api.ranges import etag_matches, parse_range
from api.services import ServicesDep, SessionDep
from api.v1.calls.examples import CALL_ID
from api.v1.calls.media import OCTETS, attachment
from core.errors import AppError
from models.audit import record_read
from models.calls import call_audio
from models.tables import Call

router = APIRouter()

# What the pipeline writes when browsers cannot play the original.
PLAYBACK_MEDIA_TYPE = "audio/flac"


@dataclass(frozen=True, slots=True)
class _Sound:
    key: str
    sha256: str
    media_type: str
    file_name: str


@router.head("/{call_id}/audio", include_in_schema=False)
@router.get(
    "/{call_id}/audio",
    response_class=StreamingResponse,
    summary="收听或下载录音",
    description=(
        "支持 HTTP Range（单个区间），播放器可以直接跳转。\n\n"
        "默认给出浏览器能播放的版本；`download=true` 给出上传的原始文件和文件名。"
    ),
    responses={
        **answers(errors=["not-found", "range-not-satisfiable"]),
        200: {
            "description": "整个文件；响应头 ETag 是内容的 SHA-256",
            "content": {
                "audio/*": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "RIFF…（音频字节）",
                }
            },
        },
        206: {
            "description": "请求头 Range 指定的一段",
            "content": {
                "audio/*": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "（音频字节）",
                }
            },
        },
        304: {"description": "与 If-None-Match 相同，没有变化"},
    },
)
async def read_audio(
    call_id: Annotated[uuid.UUID, Path(description="通话编号", **shows(call=CALL_ID))],
    request: Request,
    principal: Reader,
    session: SessionDep,
    services: ServicesDep,
    download: Annotated[
        bool, Query(description="true 时下载原始文件", **shows(play=False))
    ] = False,
    position: Annotated[
        int,
        Query(
            ge=0, le=1, description="原始文件的序号（两个单声道文件时为 0 和 1）", **shows(first=0)
        ),
    ] = 0,
) -> Response:
    """The recording or a byte range of it."""
    row = await visible_call(session, principal, call_id)
    if request.method != "HEAD":
        action = "recording.downloaded" if download else "recording.read"
        await record_read(session, principal.actor, action, "call", call_id)
    sound = await _sound(session, row, position, original=download)
    size = await services.store.size(sound.key)
    etag = f'"{sound.sha256}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        # Private recordings: kept by the listener's own browser, checked each time.
        "Cache-Control": "private, no-cache",
    }
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    if download or sound.media_type == OCTETS:
        headers["Content-Disposition"] = attachment(sound.file_name)
    given = request.headers.get("range")
    if request.headers.get("if-range") not in (None, etag):
        given = None
    part = parse_range(given, size)
    start, end = (part.start, part.end) if part else (0, size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = part.content_range
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=sound.media_type)
    return StreamingResponse(
        services.store.stream(sound.key, start, end),
        status_code=status,
        headers=headers,
        media_type=sound.media_type,
    )


async def _sound(session: AsyncSession, row: Call, position: int, *, original: bool) -> _Sound:
    if row.playback_key is not None and not original:
        # Content-addressed: the last part of the key is the hash.
        digest = row.playback_key.rpartition("/")[2]
        return _Sound(row.playback_key, digest, PLAYBACK_MEDIA_TYPE, row.file_name)
    parts = {part.position: part for part in await call_audio(session, row.id)}
    if position not in parts:
        raise AppError("not-found", "这通记录没有录音文件。", detail={"position": position})
    part = parts[position]
    media_type = part.media_type if part.media_type.startswith("audio/") else OCTETS
    return _Sound(part.blob_key, part.sha256, media_type, part.file_name or f"{row.id}")
