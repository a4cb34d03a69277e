"""The engines of the database and its migrations."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_TIMEOUT_MS = 10_000


class Database:
    """Two engines on one database: a pool for all, and the feed's writer, which is one connection.

    The feed's writers so queue in the process, in order; readers see the last commit and hinder
    nobody (WAL).
    """

    def __init__(self, url: str) -> None:
        sqlite = make_url(url).get_backend_name() == "sqlite"
        self.reader = create_async_engine(url, pool_size=4, pool_pre_ping=not sqlite)
        self.writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
        if sqlite:
            _configure_sqlite(self.reader, begin="BEGIN")
            _configure_sqlite(self.writer, begin="BEGIN IMMEDIATE")

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema forward to a revision; the folder of an SQLite file is made."""
        if self.writer.url.get_backend_name() == "sqlite" and self.writer.url.database:
            Path(self.writer.url.database).parent.mkdir(parents=True, exist_ok=True)
        async with self.writer.connect() as connection:
            await connection.run_sync(_upgrade, revision)
            await connection.commit()

    async def close(self) -> None:
        """Close every connection."""
        await self.reader.dispose()
        await self.writer.dispose()


def _configure_sqlite(engine: AsyncEngine, begin: str) -> None:
    """Set what SQLite needs on each connection, and begin transactions ourselves.

    `synchronous=FULL`: a commit outlives a power cut. With NORMAL the last commits could vanish,
    and with them acknowledgements, and numbers of the feed that readers already hold would be
    given a second time. One commit a batch costs 0.4 ms here.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # Python's sqlite3 would begin transactions by itself, and only before some statements.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, revision)
