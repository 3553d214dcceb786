"""Fixtures of the integration tests: one real PostgreSQL, an empty migrated database per test."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from core.settings import Settings, WebhookSettings, WorkerSettings
from models.database import Database, libpq_url, migrate
from models.embedded import start_embedded
from models.tables import metadata
from pipeline.bootstrap import bootstrap
from pipeline.storage import BlobStore, open_store

TEMPLATE = "tingjian_template"
ADMIN_PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a private server's maintenance database, with a migrated template beside it."""
    # Not below pytest's own folder, which others may not pass through when root runs the tests.
    directory = Path(tempfile.mkdtemp(prefix="tj-pg-"))
    server = start_embedded(
        directory, options={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    )
    try:
        url = libpq_url(server.url).replace("/tingjian?", "/postgres?")
        _execute(url, f"CREATE DATABASE {TEMPLATE}")
        migrate(url.replace("/postgres?", f"/{TEMPLATE}?"))
        yield url
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def fresh_database_url(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database made for this test alone: for tests that change the schema."""
    counter = request.session.stash.get(_COUNTER, 0) + 1
    request.session.stash[_COUNTER] = counter
    name = f"test_{counter}"
    _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield postgres_url.replace("/postgres?", f"/{name}?")
    _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _shared_database_url(postgres_url: str) -> str:
    _execute(postgres_url, "CREATE DATABASE shared TEMPLATE " + TEMPLATE)
    return postgres_url.replace("/postgres?", "/shared?")


@pytest.fixture
def database_url(_shared_database_url: str) -> Iterator[str]:
    """URL of a migrated database that is empty when the test begins."""
    yield _shared_database_url
    tables = [table.name for table in reversed(metadata.sorted_tables)]
    tables.remove("queue_schema")
    queue = ("events", "periodic_defers", "jobs", "workers")
    with psycopg.connect(_shared_database_url, autocommit=True) as connection:
        # What a test left running must not hold locks, nor write into the next test.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with connection.transaction():
            for name in (*tables, *(f"procrastinate_{name}" for name in queue)):
                connection.execute(f'DELETE FROM "{name}"')


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a small installation: this test's database, short heartbeats."""
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        offline=True,
        admin_password=ADMIN_PASSWORD,
        worker=WorkerSettings(
            heartbeat_s=0.5, stalled_after_s=3, retry_base_s=0.01, max_attempts=3
        ),
        webhook=WebhookSettings(allow_private=True, timeout_s=5, retry_base_s=0.01),
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The test's database, without packs and users."""
    assert settings.database_url is not None
    database = Database(settings.database_url.get_secret_value())
    yield database
    await database.close()


@pytest.fixture
async def seeded(database: Database, settings: Settings) -> Database:
    """The test's database with the shipped packs published and the administrator `admin`."""
    async with database.session() as session:
        await bootstrap(settings, session)
        await session.commit()
    return database


@pytest.fixture
def store(settings: Settings) -> BlobStore:
    """The blob store of the test's data directory."""
    return open_store(settings)


_COUNTER = pytest.StashKey[int]()


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
