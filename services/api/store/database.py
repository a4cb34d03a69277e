"""The database: its connections, its threads and its migrations. SQLite, or PostgreSQL 14+."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_TIMEOUT_MS = 10_000
_READERS = 4
# Names of PostgreSQL's advisory locks; they hold within one database. Any two numbers would do.
_WRITING: Final = 0x636F7264_00000001
LEADING: Final = 0x636F7264_00000002
# A machine that went away without a word is noticed after so long.
_LINK: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "cordon-api",
}

T = TypeVar("T")


class Database:
    """Runs transactions in threads: many readers, one writer.

    A whole transaction is one piece of work, because it is the hops between threads that cost:
    a batch of one finding took 8.6 ms statement by statement through SQLAlchemy's asynchronous
    engine, and 2.6 ms in one hop (two busy cores). Writers queue for their one thread, so they
    never meet SQLite's busy lock; readers see the last commit and hinder nobody (WAL).

    PostgreSQL may be shared by several processes. There one advisory lock, which a transaction
    that writes takes first and holds to its end, makes one writer of all of them.
    """

    def __init__(self, url: str) -> None:
        """Raises ValueError for a URL of another kind of database."""
        self._url = _checked(url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._reading = self._engine(_READERS, writes=False)
        self._writing = self._engine(1, writes=True)
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._writer = ThreadPoolExecutor(1, "store-writer")

    @property
    def shared(self) -> bool:
        """Whether other processes may write to it too."""
        return not self._sqlite

    @property
    def link(self) -> tuple[str, dict[str, Any]]:
        """The address of a shared database for a connection of one's own, and its options."""
        address = self._url.set(drivername="postgresql")
        return address.render_as_string(hide_password=False), _LINK

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
        await self.write(lambda connection: upgrade(connection, revision))

    async def close(self) -> None:
        """Close every connection, after the work in hand."""
        await asyncio.get_running_loop().run_in_executor(None, self._end_threads)

    def _end_threads(self) -> None:
        for threads in (self._readers, self._writer):
            threads.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _engine(self, connections: int, *, writes: bool) -> Engine:
        if self._sqlite:
            engine = create_engine(self._url, pool_size=connections, max_overflow=0)
            _configure_sqlite(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
        else:
            engine = _postgresql(self._url, connections, writes=writes)
        return engine


def _checked(url: str) -> URL:
    try:
        found = make_url(url)
    except ArgumentError as error:
        # The URL itself may hold a password, so the message does not repeat it.
        raise ValueError("CORDON_DATABASE_URL is no database URL") from error
    if found.drivername == "postgresql":
        found = found.set(drivername="postgresql+psycopg")
    if found.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError(
            f"CORDON_DATABASE_URL must begin with sqlite:/// or postgresql://, "
            f"not {found.drivername}://"
        )
    return found


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


def _postgresql(url: URL, connections: int, *, writes: bool) -> Engine:
    """Return an engine that behaves as the one of SQLite does.

    A reader sees one state for the whole of its transaction. A writer waits for others as long as
    SQLite's busy timeout; one that stands still with the lock in its hand is cut off after as long.
    """
    # To compile a query of the store takes longer than to run it.
    options = f"-c jit=off -c lock_timeout={_BUSY_TIMEOUT_MS}"
    options += f" -c idle_in_transaction_session_timeout={_BUSY_TIMEOUT_MS}"
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        # A server that was started anew has ended the connections that the pool still holds.
        pool_pre_ping=True,
        isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
        connect_args={**_LINK, "options": options},
    )
    if writes:

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_WRITING,))

    return engine


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the schema forward to a revision, in the transaction of the caller."""
    # Only a start needs alembic: whoever else imports the API does not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, revision)
