"""The API on the real database, spoken to in-process over ASGI."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from core.settings import Settings
from models.access import add_api_key, add_user, find_user
from models.database import Database
from pipeline.storage import BlobStore

PASSWORD = "correct-horse-battery"
BASE = "http://tingjian.test"

MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def app(settings: Settings, seeded: Database, store: BlobStore) -> FastAPI:
    return create_app(settings, seeded, store)


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(app) as client:
        yield client


@pytest.fixture
async def as_user(app: FastAPI, seeded: Database) -> AsyncIterator[MakeClient]:
    """Makes clients that act through an API key: `await as_user(role="manager", teams=["甲"])`."""
    opened: list[httpx.AsyncClient] = []

    async def make(
        username: str = "",
        *,
        role: str = "admin",
        scopes: tuple[str, ...] | None = None,
        **who: Any,
    ) -> httpx.AsyncClient:
        name = username or f"{role}-{len(opened)}"
        async with seeded.session() as session:
            user = await find_user(session, name)
            if user is None:
                user = await add_user(session, username=name, password=PASSWORD, role=role, **who)
            wanted = scopes if scopes is not None else ("read", "write", "admin")
            _, key = await add_api_key(session, user, "test", wanted)
            await session.commit()
        client = _client(app)
        client.headers["Authorization"] = f"Bearer {key}"
        opened.append(client)
        return client

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
async def admin(as_user: MakeClient) -> httpx.AsyncClient:
    return await as_user("admin")


def _client(app: FastAPI) -> httpx.AsyncClient:
    # raise_app_exceptions stays on: a defect must fail the test, not become a 500.
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)
