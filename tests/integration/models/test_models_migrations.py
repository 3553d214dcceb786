"""A migrated database is what the tables say, and the queue's schema is the library's."""

import datetime as dt
import re
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text

from core.errors import AppError
from core.ids import first_id_at, new_id
from models import database as models_database
from models.database import Database, migrate, sqlalchemy_url
from models.partitions import (
    ensure_partitions,
    month_bounds,
    partition_name,
    partitioned_tables,
)
from models.queue_schema import install_queue_schema, missing_queue_steps
from models.tables import Call, metadata


def test_migrated_schema_equals_the_tables(fresh_database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(fresh_database_url))
    own = set(metadata.tables)

    def ours(item: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
        if kind == "table":
            return not reflected or name in own
        if kind == "foreign_key_constraint" and reflected:
            # A reference to a partitioned table is repeated for each of its partitions.
            return item.elements[0].target_fullname.split(".")[0] in own
        return True

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing(fresh_database_url: str) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        before = _catalogue(connection)
    migrate(fresh_database_url)
    with psycopg.connect(fresh_database_url) as connection:
        assert _catalogue(connection) == before


async def test_pending_names_what_an_old_database_lacks(
    fresh_database_url: str,
) -> None:
    database = Database(fresh_database_url)
    assert await database.pending_migrations() == ()
    async with database.session() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'gone'"))
        await session.commit()
    assert await database.pending_migrations() == ("0010",)
    await database.close()


def test_a_schema_of_a_newer_release_is_refused(fresh_database_url: str) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(AppError) as caught:
        migrate(fresh_database_url)
    assert caught.value.code == "database-newer"


def test_an_upgrade_of_the_queue_library_is_noticed_and_followed(fresh_database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(fresh_database_url))
    with engine.begin() as connection:
        assert missing_queue_steps(connection) == ()
        last = connection.execute(text("SELECT max(step) FROM queue_schema")).scalar_one()
        # As an older version of the library would have left it.
        connection.execute(text("DELETE FROM queue_schema WHERE step = :s"), {"s": last})
        connection.execute(text("DROP FUNCTION procrastinate_retry_job_v1"))
        assert missing_queue_steps(connection) == (last,)
    with engine.begin() as connection:
        assert install_queue_schema(connection) == (last,)
        assert missing_queue_steps(connection) == ()
    engine.dispose()


async def test_partitions_are_made_ahead_and_take_their_rows(database: Database) -> None:
    month = dt.date(2031, 12, 5)
    async with database.session() as session:
        created = await ensure_partitions(session, month, 2)
        again = await ensure_partitions(session, month, 2)
        at = int(dt.datetime(2032, 1, 31, 23, 59, tzinfo=dt.UTC).timestamp() * 1000)
        session.add(Call(id=new_id(at)))
        await session.flush()
        where = await session.scalar(text("SELECT tableoid::regclass::text FROM calls"))
        await session.commit()
    assert len(created) == 2 * len(partitioned_tables())
    assert again == ()
    assert where == "calls_y2032m01"
    assert partition_name("calls", dt.date(2032, 1, 1)) == where


async def test_a_month_whose_rows_lie_in_the_default_partition_keeps_it(
    database: Database,
) -> None:
    at = int(dt.datetime(2033, 3, 1, tzinfo=dt.UTC).timestamp() * 1000)
    async with database.session() as session:
        session.add(Call(id=new_id(at)))
        await session.flush()
        created = await ensure_partitions(session, dt.date(2033, 3, 1), 1)
        await session.commit()
    assert "calls_y2033m03" not in created
    async with database.session() as session:
        assert len((await session.scalars(select(Call))).all()) == 1


def test_month_bounds_meet_without_gap() -> None:
    december, january = month_bounds(dt.date(2026, 12, 9)), month_bounds(dt.date(2027, 1, 1))
    assert december[1] == january[0]
    assert december[0] == first_id_at(1796083200000)


def _catalogue(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    rows = connection.execute(
        "SELECT relname, relkind FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    ).fetchall()
    assert any(re.fullmatch(r"calls_y\d{4}m\d{2}", str(name)) for name, _ in rows)
    return rows


def test_the_review_tables_can_be_taken_away_and_made_again(fresh_database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(fresh_database_url))
    config = Config()
    config.set_main_option(
        "script_location", str(Path(models_database.__file__).parent / "migrations")
    )
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        before = set(inspect(connection).get_table_names())
        command.downgrade(config, "0003")
        connection.commit()
        gone = before - set(inspect(connection).get_table_names())
    engine.dispose()
    assert {"reviews", "finding_verdicts", "audit_log", "calibrations"} <= gone
    migrate(fresh_database_url)
    with psycopg.connect(fresh_database_url) as after:
        assert {"reviews", "audit_log"} <= {str(name) for name, _ in _catalogue(after)}
