"""A signed-in browser, for tests of pages."""

import httpx
from conftest import PASSWORD
from fastapi import FastAPI

from models.access import add_user
from models.database import Database

ORIGIN = {"Origin": "http://tingjian.test", "Sec-Fetch-Site": "same-origin"}


async def browser(
    app: FastAPI, seeded: Database, name: str, role: str, **who: object
) -> httpx.AsyncClient:
    """A signed-in browser."""
    async with seeded.session() as session:
        await add_user(session, username=name, password=PASSWORD, role=role, **who)  # type: ignore[arg-type]
        await session.commit()
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://tingjian.test", headers=ORIGIN
    )
    answer = await client.post("/sign-in", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 303
    return client
