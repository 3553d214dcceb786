"""Database: the engine, its sessions, and the way to a migrated schema."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from core.errors import AppError
from core.settings import Settings
from models.embedded import EmbeddedServer, start_embedded
from models.partitions import ensure_partitions_sync
from models.queue_schema import install_queue_schema, missing_queue_steps

_MIGRATIONS = Path(__file__).parent / "migrations"
# Any constant of our own: processes that migrate the same database at once take turns.
_MIGRATION_LOCK = 0x7E16_A11A


class Database:
    """A PostgreSQL database that holds calls, results and the job queue.

    Args:
        url: SQLAlchemy or libpq URL; psycopg 3 is used whatever driver it names.
        server: The private server behind the URL, let go of by `close`.
        pool_size: Connections kept open; as many again may be opened under load.
    """

    def __init__(
        self, url: str, *, server: EmbeddedServer | None = None, pool_size: int = 10
    ) -> None:
        self.url = sqlalchemy_url(url)
        self._server = server
        self.engine = create_async_engine(
            self.url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session that never commits by itself: leaving it rolls back what is not committed."""
        async with self._sessions() as session:
            yield session

    async def close(self) -> None:
        """Close all connections and let go of the private server, if there is one."""
        await self.engine.dispose()
        if self._server is not None:
            self._server.stop()

    async def pending_migrations(self) -> tuple[str, ...]:
        """What `migrate` would still do, by name: empty when code and database agree."""
        async with self.engine.connect() as connection:
            return await connection.run_sync(_pending)


def open_database(settings: Settings, *, pool_size: int = 10) -> Database:
    """The database that the settings name; without a URL, the private one, started if needed.

    Blocks for about a second when it has to start or create the private server.

    Raises:
        AppError: `database-start-failed` when the private server does not start.
    """
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value(), pool_size=pool_size)
    server = start_embedded(settings.data_dir)
    return Database(server.url, server=server, pool_size=pool_size)


def migrate(url: str) -> None:
    """Bring the database to the newest schema: tables, partitions, the queue's own schema.

    Safe to run at every start and from several processes at once. Each step commits alone.

    Raises:
        AppError: `database-unreachable`; `database-newer` when a newer release made the schema.
    """
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            _lock(connection)
            config = _alembic_config()
            config.attributes["connection"] = connection
            _refuse_newer(connection, config)
            command.upgrade(config, "head")
            connection.commit()
            install_queue_schema(connection)
            connection.commit()
            ensure_partitions_sync(connection)
            connection.commit()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
    finally:
        engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """`url` with the psycopg 3 driver, whatever PostgreSQL driver or none it named.

    Raises:
        AppError: `bad-database-url`, without repeating the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise AppError(
            "bad-database-url",
            "TINGJIAN_DATABASE_URL 不是有效的地址。请写成 postgresql://用户:密码@主机/库名。",
        ) from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise AppError(
            "bad-database-url",
            f"TINGJIAN_DATABASE_URL 指向 {parsed.get_backend_name()}。"
            "只支持 PostgreSQL，请改用它的地址。",
        )
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """`url` as libpq and psycopg read it, without SQLAlchemy's driver part."""
    parsed = make_url(sqlalchemy_url(url)).set(drivername="postgresql")
    return parsed.render_as_string(hide_password=False)


def _alembic_config() -> Config:
    config = Config()
    # Alembic expands % in options.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _lock(connection: Connection) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.commit()
    except Exception as error:
        raise AppError(
            "database-unreachable",
            f"无法连接数据库：{str(error).splitlines()[0]} "
            "请检查 TINGJIAN_DATABASE_URL，以及数据库是否在运行。",
            retryable=True,
        ) from error


def _refuse_newer(connection: Connection, config: Config) -> None:
    current = MigrationContext.configure(connection).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    connection.rollback()
    if unknown := set(current) - known:
        raise AppError(
            "database-newer",
            f"数据库结构（{'、'.join(sorted(unknown))}）比当前程序新。请安装相同或更新的版本。",
        )


def _pending(connection: Connection) -> tuple[str, ...]:
    scripts = ScriptDirectory.from_config(_alembic_config())
    current = MigrationContext.configure(connection).get_current_heads()
    ours = [] if set(current) == set(scripts.get_heads()) else list(scripts.get_heads())
    return (*ours, *missing_queue_steps(connection))
