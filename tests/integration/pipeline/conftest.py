"""Fixtures of the pipeline tests: a stored fixture call and a worker's resources."""

import uuid

import pytest
from bulk_calls import publish_small
from written_calls import ReadingTranscriber, store_call

from core.settings import Settings
from models.database import Database
from models.webhooks import add_endpoint
from pipeline.analyzers import Analyzers
from pipeline.resources import Resources
from pipeline.storage import BlobStore


@pytest.fixture
def transcriber() -> ReadingTranscriber:
    """The recogniser of `resources`."""
    return ReadingTranscriber()


@pytest.fixture(scope="session")
def analyzers() -> Analyzers:
    """The analyzers of `resources`, compiled once for all tests."""
    return Analyzers(Settings(offline=True))


@pytest.fixture
def resources(
    settings: Settings,
    seeded: Database,
    store: BlobStore,
    transcriber: ReadingTranscriber,
    analyzers: Analyzers,
) -> Resources:
    """A worker's resources on the seeded database, with the reading recogniser."""
    return Resources(settings, seeded, store, transcriber, analyzers)


@pytest.fixture
async def published(resources: Resources) -> Resources:
    """The resources, with a small tree and rule set (`bulk_calls`) in force for `edu`."""
    await publish_small(resources)
    return resources


@pytest.fixture
async def call_id(seeded: Database, store: BlobStore) -> uuid.UUID:
    """The fixture call, accepted and queued."""
    return await store_call(seeded, store)


@pytest.fixture
async def endpoint_id(seeded: Database) -> uuid.UUID:
    """A webhook endpoint that wants everything, and that nobody answers at."""
    async with seeded.session() as session:
        endpoint = await add_endpoint(session, url="http://127.0.0.1:9/")
        await session.commit()
        return endpoint.id
