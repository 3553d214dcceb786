"""Webhook endpoints and their deliveries (administrators)."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Admin
from api.blinding import refuse_blind
from api.openapi import answers, sends, shows
from api.paging import Limit, next_cursor
from api.principal import Principal
from api.services import SessionDep
from api.v1.webhooks.examples import (
    CHANGE,
    CREATED,
    ENDPOINT,
    ENDPOINT_ID,
    ENDPOINTS,
    MESSAGE_ID,
    MESSAGES,
    NEW_ENDPOINT,
    NEXT_CURSOR,
    PENDING_MESSAGE,
)
from api.v1.webhooks.schemas import (
    CreatedEndpoint,
    Endpoint,
    EndpointChange,
    EndpointList,
    Message,
    MessageList,
    MessageState,
    NewEndpoint,
    endpoint_of,
    message_of,
)
from core.errors import AppError
from models import webhooks
from models.audit import record
from models.tables import WebhookEndpoint, WebhookMessage
from pipeline.outbound import check_url
from pipeline.webhooks import replay, send_test

router = APIRouter(tags=["webhooks"])

EndpointId = Annotated[uuid.UUID, Path(description="接收地址编号", **shows(endpoint=ENDPOINT_ID))]


@router.get(
    "/webhook-endpoints",
    response_model=EndpointList,
    summary="接收地址列表",
    description="列出全部接收地址；不含签名密钥。",
    responses=answers(ENDPOINTS),
)
async def list_endpoints(_principal: Admin, session: SessionDep) -> EndpointList:
    """All receivers, without secrets."""
    return EndpointList(items=[endpoint_of(row) for row in await webhooks.list_endpoints(session)])


@router.post(
    "/webhook-endpoints",
    status_code=status.HTTP_201_CREATED,
    response_model=CreatedEndpoint,
    summary="添加接收地址",
    description="添加接收地址。推送遵循 Standard Webhooks，用返回的 secret 验签。",
    responses=answers(
        CREATED, status=201, description="已添加；secret 只出现这一次", errors=["bad-url"]
    ),
    openapi_extra=sends(NEW_ENDPOINT),
)
async def create_endpoint(
    body: NewEndpoint, principal: Admin, session: SessionDep
) -> CreatedEndpoint:
    """A new receiver, with the secret that is shown once."""
    check_url(body.url)
    row = await webhooks.add_endpoint(
        session, url=body.url, description=body.description, event_types=body.event_types
    )
    await session.refresh(row)
    _record(session, principal, "added", row.id, after=_told(row))
    return CreatedEndpoint(**endpoint_of(row).model_dump(), secret=row.secret)


@router.patch(
    "/webhook-endpoints/{endpoint_id}",
    response_model=Endpoint,
    summary="修改接收地址",
    description="修改地址、用途、事件类型，或暂停、恢复推送。签名密钥不变。",
    responses=answers(ENDPOINT, errors=["not-found", "bad-url"]),
    openapi_extra=sends(CHANGE, "只写要改的字段"),
)
async def change_endpoint(
    endpoint_id: EndpointId, change: EndpointChange, principal: Admin, session: SessionDep
) -> Endpoint:
    """Change a receiver; its secret stays."""
    row = await _endpoint(session, endpoint_id)
    before = _told(row)
    values = change.model_dump(exclude_unset=True, exclude_none=True)
    if "url" in values:
        check_url(values["url"])
    for name, value in values.items():
        setattr(row, name, value)
    await session.flush()
    _record(session, principal, "changed", row.id, before=before, after=_told(row))
    return endpoint_of(row)


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="删除接收地址",
    description="删除接收地址和它的投递记录；只想停一停请用 PATCH enabled=false。",
    responses=answers(status=204, description="已删除，连同投递记录", errors=["not-found"]),
)
async def delete_endpoint(
    endpoint_id: EndpointId, principal: Admin, session: SessionDep
) -> Response:
    """Remove a receiver and its deliveries."""
    before = _told(await _endpoint(session, endpoint_id))
    _record(session, principal, "removed", endpoint_id, before=before)
    await webhooks.delete_endpoint(session, endpoint_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/webhook-endpoints/{endpoint_id}/test",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=Message,
    summary="发送测试事件",
    description="发送一条 endpoint.test 事件；结果在投递记录里查看。",
    responses=answers(
        {**PENDING_MESSAGE, "event_type": "endpoint.test", "call_id": None},
        status=202,
        description="已排队",
        errors=["not-found"],
    ),
)
async def send_test_event(
    endpoint_id: EndpointId, _principal: Admin, session: SessionDep
) -> Message:
    """Queue a test message to one receiver."""
    message = await send_test(session, await _endpoint(session, endpoint_id))
    return await _answered(session, message)


@router.get(
    "/webhook-deliveries",
    response_model=MessageList,
    summary="投递记录",
    description="从新到旧列出推送的事件和每次尝试的结果。",
    responses=answers(MESSAGES, errors=["bad-cursor"]),
)
async def list_deliveries(
    principal: Admin,
    session: SessionDep,
    endpoint: Annotated[
        uuid.UUID | None, Query(description="接收地址编号", **shows(endpoint=ENDPOINT_ID))
    ] = None,
    state: Annotated[
        MessageState | None, Query(description="状态", **shows(failed="failed"))
    ] = None,
    call: Annotated[
        uuid.UUID | None, Query(description="通话编号", **shows(call=MESSAGE_ID))
    ] = None,
    cursor: Annotated[str | None, next_cursor(NEXT_CURSOR)] = None,
    limit: Limit = 50,
) -> MessageList:
    """One page of messages with every attempt, newest first."""
    page = await webhooks.list_messages(
        session,
        endpoint_id=endpoint,
        state=state,
        call_id=call,
        reader=principal.user_id,
        cursor=cursor,
        limit=limit,
    )
    attempts = await webhooks.attempts_of(session, [row.id for row in page.items])
    return MessageList(
        items=[message_of(row, attempts.get(row.id, ())) for row in page.items],
        next_cursor=page.next_cursor,
    )


@router.post(
    "/webhook-deliveries/{message_id}/replay",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=Message,
    summary="重新推送",
    description="再推送一次同一事件；webhook-id 不变，接收方可据此去重。",
    responses=answers(
        PENDING_MESSAGE,
        status=202,
        description="已排队",
        errors=["not-found", "blind-calibration"],
    ),
)
async def replay_delivery(
    message_id: Annotated[uuid.UUID, Path(description="消息编号", **shows(message=MESSAGE_ID))],
    principal: Admin,
    session: SessionDep,
) -> Message:
    """Queue a message again under its old id."""
    try:
        message = await replay(session, message_id)
    except AppError as error:
        if error.code != "not-found":
            raise
        raise AppError("not-found", "没有这条投递记录；请从投递记录列表里选择。") from error
    if message.call_id is not None:
        await refuse_blind(session, principal, [message.call_id])
    return await _answered(session, message)


def _record(
    session: AsyncSession, principal: Principal, verb: str, endpoint_id: uuid.UUID, **values: Any
) -> None:
    record(
        session, principal.actor, f"webhook-endpoint.{verb}", "webhook-endpoint", endpoint_id,
        **values,
    )  # fmt: skip


def _told(row: WebhookEndpoint) -> dict[str, object]:
    return {"url": row.url, "event_types": list(row.event_types), "enabled": row.enabled}


async def _answered(session: AsyncSession, message: WebhookMessage) -> Message:
    await session.flush()
    await session.refresh(message)
    attempts = await webhooks.attempts_of(session, [message.id])
    return message_of(message, attempts.get(message.id, ()))


async def _endpoint(session: AsyncSession, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    try:
        return await webhooks.get_endpoint(session, endpoint_id)
    except AppError as error:
        if error.code != "not-found":
            raise
        raise AppError("not-found", "没有这个接收地址；请从接收地址列表里选择。") from error
