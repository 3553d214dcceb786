"""Read the audit trail."""

import datetime as dt
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Admin
from api.openapi import answers, shows
from api.paging import Limit, next_cursor
from api.services import SessionDep
from api.v1.calls.examples import CALL_ID
from api.v1.calls.filters import zoned
from api.v1.users.examples import USER_ID
from models.access import display_names
from models.audit import AuditFilter, list_entries

router = APIRouter(prefix="/audit", tags=["audit"])


class Entry(BaseModel):
    """One act."""

    id: int
    at: dt.datetime
    user_id: uuid.UUID | None = Field(description="用户编号；服务自己做的为 null")
    username: str = Field(description="当时的登录名；system 是服务自己")
    name: str = Field(description="现在显示的名字；没有这个用户时同 username")
    role: str
    key_id: uuid.UUID | None = Field(description="所用的 API 密钥；浏览器操作为 null")
    request_id: str = Field(description="请求编号，与访问日志里的相同")
    action: str = Field(description="名词.动词，例如 finding.judged、recording.read")
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Trail(BaseModel):
    """One page of the trail, newest first."""

    items: list[Entry]
    next_cursor: str | None


TRAIL: dict[str, Any] = {
    "items": [
        {
            "id": 1024,
            "at": "2025-01-06T02:05:00Z",
            "user_id": USER_ID,
            "username": "limin",
            "name": "李敏",
            "role": "reviewer",
            "key_id": None,
            "request_id": "5c0f8f0e6ee54bb1a6f0a4b8f6b1c2d3",
            "action": "finding.judged",
            "object_type": "call",
            "object_id": CALL_ID,
            "before": None,
            "after": {"rule": "overpromise", "decision": "overturn", "outcome": "clear"},
        }
    ],
    "next_cursor": None,
}


def _text(description: str, example: str) -> Any:
    return Query(description=description, max_length=200, **shows(example=example))


@router.get(
    "",
    response_model=Trail,
    summary="审计记录",
    description="从新到旧列出谁在何时对什么做了什么：判定、申诉、发布、收听录音等。只增不改；自己正在盲评的通话暂不列出。",
    responses=answers(TRAIL, errors=["bad-cursor"]),
)
async def read_trail(
    principal: Admin,
    session: SessionDep,
    username: Annotated[str | None, _text("登录名", "limin")] = None,
    action: Annotated[str | None, _text("动作，或它的开头", "finding.")] = None,
    object_type: Annotated[str | None, _text("对象种类", "call")] = None,
    object_id: Annotated[str | None, _text("对象编号", CALL_ID)] = None,
    at_from: Annotated[
        dt.datetime | None,
        Query(description="不早于", **shows(day="2025-01-06T00:00:00+08:00")),
    ] = None,
    at_to: Annotated[
        dt.datetime | None, Query(description="早于", **shows(day="2025-01-07T00:00:00+08:00"))
    ] = None,
    cursor: Annotated[str | None, next_cursor("1000")] = None,
    limit: Limit = 50,
) -> Trail:
    """One page of the audit trail."""
    where = AuditFilter(
        username=username,
        action=action,
        object_type=object_type,
        object_id=object_id,
        at_from=zoned(at_from),
        at_to=zoned(at_to),
        reader=principal.user_id,
    )
    page = await list_entries(session, where, cursor, limit)
    people = await display_names(session)
    return Trail(
        items=[
            Entry(
                id=row.id,
                at=row.at,
                user_id=row.user_id,
                username=row.username,
                name=people.get(row.username, row.username),
                role=row.role,
                key_id=row.key_id,
                request_id=row.request_id,
                action=row.action,
                object_type=row.object_type,
                object_id=row.object_id,
                before=row.before,
                after=row.after,
            )
            for row in page.items
        ],
        next_cursor=page.next_cursor,
    )
