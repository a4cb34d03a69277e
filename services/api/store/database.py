"""The database: its connections, its threads and its migrations."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_TIMEOUT_MS = 10_000
_READERS = 4

T = TypeVar("T")


class Database:
    """Runs transactions in threads: many readers, one writer.

    A whole transaction is one piece of work, because it is the hops between threads that cost:
    a batch of one finding took 8.6 ms statement by statement through SQLAlchemy's asynchronous
    engine, and 2.6 ms in one hop (two busy cores). Writers queue for their one thread, so they
    never meet SQLite's busy lock; readers see the last commit and hinder nobody (WAL).
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._reading = self._engine(_READERS, "BEGIN")
        self._writing = self._engine(1, "BEGIN IMMEDIATE")
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._writer = ThreadPoolExecutor(1, "store-writer")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns, run in one transaction that is rolled back."""

        def transaction() -> T:
            with self._reading.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, transaction)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once it is committed; nothing is written when it raises."""

        def transaction() -> T:
            with self._writing.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._writer, transaction)

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema forward to a revision; the folder of an SQLite file is made."""
        if self._sqlite and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        await self.write(lambda connection: _upgrade(connection, revision))

    async def close(self) -> None:
        """Close every connection, after the work in hand."""
        await asyncio.get_running_loop().run_in_executor(None, self._end_threads)

    def _end_threads(self) -> None:
        for threads in (self._readers, self._writer):
            threads.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _engine(self, connections: int, begin: str) -> Engine:
        engine = create_engine(self._url, pool_size=connections, max_overflow=0)
        if self._sqlite:
            _configure_sqlite(engine, begin)
        return engine


def _configure_sqlite(engine: Engine, begin: str) -> None:
    """Set what SQLite needs on each connection, and begin transactions ourselves.

    `synchronous=FULL`: a commit outlives a power cut. With NORMAL the last commits could vanish,
    and with them acknowledgements, and numbers of the feed that readers already hold would be
    given a second time. One commit a batch costs 0.4 ms here.
    """

    @event.listens_for(engine, "connect")
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

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _upgrade(connection: Connection, revision: str) -> None:
    # Only a start needs alembic: whoever else imports the API does not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, revision)
