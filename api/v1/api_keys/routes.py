"""Make, list and revoke API keys."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Response, status

from api.auth import Reader
from api.openapi import answers, sends, shows
from api.services import SessionDep
from api.v1.api_keys.examples import API_KEY_ID, API_KEYS, CREATED_API_KEY, NEW_API_KEY
from api.v1.api_keys.schemas import ApiKeyList, CreatedApiKey, NewApiKey, api_key_of
from core.errors import AppError
from models import access
from models.audit import record

router = APIRouter(prefix="/api-keys", tags=["api-keys"])


@router.get(
    "",
    response_model=ApiKeyList,
    summary="API 密钥列表",
    description="列出自己创建的、仍有效的密钥（管理员看到全部），新的在前；不含密钥本身。",
    responses=answers(API_KEYS),
)
async def list_api_keys(principal: Reader, session: SessionDep) -> ApiKeyList:
    """The own keys that still work, for administrators everybody's."""
    rows = [
        row
        for row in await access.list_api_keys(session)
        if "admin" in principal.scopes or row.user_id == principal.user_id
    ]
    return ApiKeyList(items=[api_key_of(row) for row in rows])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=CreatedApiKey,
    summary="创建 API 密钥",
    description=(
        "创建一个以自己身份工作的密钥。完整密钥只在这次响应里出现，请立即保存。\n\n"
        "要用浏览器登录，或用带 admin 权限的密钥：泄露的普通密钥不能再生出新密钥。"
    ),
    responses=answers(CREATED_API_KEY, status=201, description="已创建；key 只出现这一次"),
    openapi_extra=sends(NEW_API_KEY),
)
async def create_api_key(body: NewApiKey, principal: Reader, session: SessionDep) -> CreatedApiKey:
    """A new key that acts for its maker, with the secret that is shown once."""
    if principal.key_id is not None:
        principal.require("admin")
    for scope in body.scopes:
        principal.require(scope)
    owner = await access.find_user(session, principal.username)
    assert owner is not None
    row, key = await access.add_api_key(session, owner, body.name, sorted(set(body.scopes)))
    await session.refresh(row)
    record(
        session, principal.actor, "api-key.made", "api-key", row.id,
        after={"name": row.name, "scopes": list(row.scopes)},
    )  # fmt: skip
    return CreatedApiKey(**api_key_of(row).model_dump(), key=key)


@router.delete(
    "/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="吊销 API 密钥",
    description="吊销自己的密钥；管理员可以吊销任何人的。",
    responses=answers(status=204, description="已吊销，立即失效", errors=["not-found"]),
)
async def revoke_api_key(
    key_id: Annotated[uuid.UUID, Path(description="密钥编号", **shows(key=API_KEY_ID))],
    principal: Reader,
    session: SessionDep,
) -> Response:
    """End a key for good."""
    rows = await access.list_api_keys(session)
    allowed = {
        row.id for row in rows if "admin" in principal.scopes or row.user_id == principal.user_id
    }
    if key_id not in allowed:
        raise AppError("not-found", "没有这个密钥，或它已被吊销；请刷新密钥列表。")
    await access.revoke_api_key(session, key_id)
    record(session, principal.actor, "api-key.revoked", "api-key", key_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
