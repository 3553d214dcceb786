"""Shapes of API keys."""

import datetime as dt
import uuid

from pydantic import BaseModel, Field

from api.principal import AccessScope
from models.tables import ApiKey as ApiKeyRow


class NewApiKey(BaseModel):
    """A key to be made."""

    name: str = Field(min_length=1, max_length=100, description="用途，例如“外呼平台”")
    scopes: list[AccessScope] = Field(
        default=["read"],
        min_length=1,
        description="权限：read 读取，write 上传和修改，admin 管理；不超过创建者自己的权限",
    )


class ApiKey(BaseModel):
    """A key without its secret."""

    id: uuid.UUID
    name: str = Field(description="用途")
    prefix: str = Field(description="密钥开头，用来辨认：tjk_<prefix>_…")
    scopes: list[str] = Field(description="权限")
    created_at: dt.datetime
    last_used_at: dt.datetime | None = Field(description="最近一次使用（精确到分钟）")


class CreatedApiKey(ApiKey):
    """A key just made, with its secret."""

    key: str = Field(description="完整密钥，只显示这一次")


class ApiKeyList(BaseModel):
    """Keys that still work, newest first."""

    items: list[ApiKey]


def api_key_of(row: ApiKeyRow) -> ApiKey:
    """What may be shown of a stored key."""
    return ApiKey(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        scopes=[str(scope) for scope in row.scopes],
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
