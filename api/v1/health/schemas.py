"""Shapes of health and readiness."""

from typing import Literal

from pydantic import BaseModel, Field

Check = Literal["ok", "failed"]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    version: str = Field(description="听鉴版本")


class Checks(BaseModel):
    """What the service needs, each on its own."""

    database: Check = Field(description="数据库可连接")
    migrations: Check = Field(description="表结构是最新版本")
    queue: Check = Field(description="任务队列可用")
    storage: Check = Field(description="录音存储可读写")


class Readiness(BaseModel):
    """Whether requests can be served."""

    status: Literal["ready", "not-ready"]
    checks: Checks
