"""What request handlers need, made once by the composition root, and the request's transaction."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from core.settings import Settings
from models.database import Database
from pipeline.storage import BlobStore


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived collaborators of the API."""

    settings: Settings
    database: Database
    store: BlobStore


def services(request: Request) -> Services:
    """The services of the running application."""
    return cast(Services, request.app.state.services)


async def transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """The session of this request: committed when the handler returns, else rolled back.

    The commit happens before the response is sent, so that a client that was told "accepted"
    finds its call.
    """
    async with services(request).database.session() as session:
        try:
            yield session
        except BaseException:
            await session.rollback()
            raise
        await session.commit()


ServicesDep = Annotated[Services, Depends(services)]
SessionDep = Annotated[AsyncSession, Depends(transaction, scope="function")]
