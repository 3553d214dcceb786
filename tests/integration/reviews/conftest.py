"""Analysed calls without audio, and the people who review them."""

from typing import Any

import pytest
from reviewed_calls import Desk, people_of, store_analysed

from models.database import Database
from models.tables import Call


@pytest.fixture
async def desk(database: Database) -> Desk:
    async def add(*findings: Any, **options: Any) -> Call:
        return await store_analysed(database, *findings, **options)

    return Desk(database, await people_of(database), add)
