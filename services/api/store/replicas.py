"""The processes that share one database: one of them leads, and each hears of the others' commits.

With SQLite there is one process, and it leads. With PostgreSQL each holds a connection of its own.
Whoever has the advisory lock leads: it alone consumes findings and publishes alerts. The server
frees the lock when that connection ends, so a process that dies or is cut off is followed by
another. Two that both believe to lead for a moment do no harm to the alerts: findings are applied
in transactions that know how far they were applied.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.api.metrics import LEADS, REPLICA_FAILURES
from services.api.store.database import LEADING, Database
from services.api.store.transactions import CHANNEL

# How long it takes at most to hear of a commit whose word was lost, and to ask for the lead again.
_ROUND_S = 1.0
# The server ends a leader's connection that was silent for so long, as one that hangs is.
_SILENCE_MS = 15_000
_BACKOFF_S = (0.1, 0.5, 1.0, 2.0)
_log = structlog.get_logger(__name__)


class Replicas:
    """Runs what only the leader does, as long as this process leads."""

    def __init__(
        self,
        database: Database,
        catch_up: Callable[[], Awaitable[None]],
        duties: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        """`catch_up` hands on what others have committed; `duties` run until they are cancelled."""
        self.leads = asyncio.Event()
        self.follows = asyncio.Event()
        self._database = database
        self._catch_up = catch_up
        self._duties = duties
        self._leading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Lead or follow until cancelled; raises what a duty raises."""
        try:
            if self._database.shared:
                await self._share()
            else:
                self._begin_to_lead()
                await self._watch(asyncio.Event().wait())
        finally:
            await self._stop_leading()

    async def _share(self) -> None:
        from psycopg import Error

        failures = 0
        while True:
            try:
                await self._connected()
            except (Error, SQLAlchemyError, OSError) as error:
                failures = 0 if self.leads.is_set() or self.follows.is_set() else failures + 1
                REPLICA_FAILURES.inc()
                _log.warning("replica_link_failed", leads=self.leads.is_set(), error=repr(error))
            finally:
                self.follows.clear()
                await self._stop_leading()
            await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    async def _connected(self) -> None:
        # Only with PostgreSQL: whoever runs on SQLite does not load its client.
        from psycopg import AsyncConnection

        address, options = self._database.link
        async with await AsyncConnection.connect(
            address, autocommit=True, options=f"-c idle_session_timeout={_SILENCE_MS}", **options
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            try:
                while True:
                    await self._watch(self._round(connection))
            finally:
                # With the connection goes the lock: by then the duties here have ended.
                await self._stop_leading()

    async def _round(self, connection: Any) -> None:
        """Ask for the lead or confirm that the connection is there, then wait for news."""
        if self.leads.is_set():
            await connection.execute("SELECT 1")
        else:
            asked = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADING,))
            if (await asked.fetchone())[0]:
                self.follows.clear()
                self._begin_to_lead()
            else:
                self.follows.set()
        await self._catch_up()
        async for _ in connection.notifies(timeout=_ROUND_S, stop_after=1):
            await self._catch_up()

    def _begin_to_lead(self) -> None:
        self.leads.set()
        LEADS.set(1)
        self._leading = asyncio.create_task(self._lead(), name="lead")
        _log.info("lead_begins")

    async def _lead(self) -> None:
        """Run all duties; when one fails, end the others and fail with it."""
        tasks = [asyncio.ensure_future(duty()) for duty in self._duties]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    async def _watch(self, work: Any) -> None:
        """Do some work; raise at once what a duty of the leader raises meanwhile."""
        doing = asyncio.ensure_future(work)
        watched: set[asyncio.Future[Any]] = {doing}
        if self._leading is not None:
            watched.add(self._leading)
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if self._leading is not None and self._leading.done():
                self._leading.result()
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.gather(doing, return_exceptions=True)
        doing.result()

    async def _stop_leading(self) -> None:
        leading, self._leading = self._leading, None
        if leading is not None:
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
            _log.info("lead_ends")
        self.leads.clear()
        LEADS.set(0)
