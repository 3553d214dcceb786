"""The job queue's own schema: installed by the library's SQL, and kept at its version."""

from importlib import resources
from typing import cast

from procrastinate.schema import SchemaManager
from psycopg import Connection as DriverConnection
from sqlalchemy import Connection, inspect, select
from sqlalchemy.dialects.postgresql import insert

from models.tables import QueueSchema


def install_queue_schema(connection: Connection) -> tuple[str, ...]:
    """The steps that were applied: all of them on a new database, none when it is up to date.

    A new database gets the library's complete schema; one that an older version of the library
    made gets the library's migrations that are not recorded yet, in order. Runs in the caller's
    transaction.
    """
    missing = missing_queue_steps(connection)
    if not missing:
        return ()
    driver = cast("DriverConnection[object]", connection.connection.driver_connection)
    if inspect(connection).has_table("procrastinate_jobs"):
        folder = resources.files("procrastinate.sql") / "migrations"
        for step in missing:
            # The library's own files; without parameters several statements may go at once.
            driver.execute((folder / f"{step}.sql").read_text(encoding="utf-8").encode())
    else:
        driver.execute(SchemaManager.get_schema().encode())
    connection.execute(
        insert(QueueSchema).on_conflict_do_nothing(), [{"step": step} for step in missing]
    )
    return missing


def missing_queue_steps(connection: Connection) -> tuple[str, ...]:
    """The installed library's migrations that this database does not record, oldest first."""
    steps = sorted(
        entry.name.removesuffix(".sql")
        for entry in (resources.files("procrastinate.sql") / "migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    if not inspect(connection).has_table(QueueSchema.__tablename__):
        return tuple(steps)
    applied = set(connection.execute(select(QueueSchema.step)).scalars())
    return tuple(step for step in steps if step not in applied)
