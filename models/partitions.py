"""Monthly partitions of the tables that grow with the calls."""

import datetime as dt
import logging
import uuid
from collections.abc import Iterator

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import first_id_at
from models.tables import metadata

logger = logging.getLogger(__name__)

MONTHS_AHEAD = 3
DEFAULT_SUFFIX = "_default"


def partitioned_tables() -> tuple[Table, ...]:
    """The partitioned tables, each after the tables it refers to."""
    return tuple(
        table
        for table in metadata.sorted_tables
        if table.dialect_options["postgresql"]["partition_by"]
    )


def month_bounds(month: dt.date) -> tuple[uuid.UUID, uuid.UUID]:
    """The smallest id of `month` and of the month after it, in UTC."""
    first = dt.datetime(month.year, month.month, 1, tzinfo=dt.UTC)
    after = _months(month, 2)[1]
    last = dt.datetime(after.year, after.month, 1, tzinfo=dt.UTC)
    return (
        first_id_at(int(first.timestamp() * 1000)),
        first_id_at(int(last.timestamp() * 1000)),
    )


def partition_name(table: str, month: dt.date) -> str:
    """`calls_y2026m11`."""
    return f"{table}_y{month.year:04d}m{month.month:02d}"


async def ensure_partitions(
    session: AsyncSession, start: dt.date | None = None, months: int = MONTHS_AHEAD + 1
) -> tuple[str, ...]:
    """The names of the partitions that were created for `months` months from `start`'s on.

    `start` defaults to today (UTC). Tables also have a default partition, so a row is never
    refused; a month whose rows already lie there keeps using it, and that is logged.
    """
    connection = await session.connection()
    return await connection.run_sync(ensure_partitions_sync, start, months)


def ensure_partitions_sync(
    connection: Connection, start: dt.date | None = None, months: int = MONTHS_AHEAD + 1
) -> tuple[str, ...]:
    """As `ensure_partitions`, on a plain connection."""
    existing = set(
        connection.execute(
            text(
                "SELECT child.relname FROM pg_inherits"
                " JOIN pg_class child ON child.oid = inhrelid"
                " WHERE child.relnamespace = current_schema()::regnamespace"
            )
        ).scalars()
    )
    wanted = list(_statements(start or dt.datetime.now(dt.UTC).date(), months))
    created = []
    for name, statement in wanted:
        if name in existing:
            continue
        try:
            with connection.begin_nested():
                connection.execute(text(statement))
        except IntegrityError:
            logger.warning(
                "rows of this month stay in the default partition", extra={"name_": name}
            )
            continue
        created.append(name)
    return tuple(created)


def _statements(start: dt.date, months: int) -> Iterator[tuple[str, str]]:
    for table in partitioned_tables():
        name = f"{table.name}{DEFAULT_SUFFIX}"
        yield name, f'CREATE TABLE "{name}" PARTITION OF "{table.name}" DEFAULT'
    for month in _months(start, months):
        low, high = month_bounds(month)
        for table in partitioned_tables():
            name = partition_name(table.name, month)
            yield (
                name,
                f'CREATE TABLE "{name}" PARTITION OF "{table.name}"'
                f" FOR VALUES FROM ('{low}') TO ('{high}')",
            )


def _months(start: dt.date, count: int) -> list[dt.date]:
    first = start.year * 12 + start.month - 1
    return [dt.date((first + i) // 12, (first + i) % 12 + 1, 1) for i in range(count)]
