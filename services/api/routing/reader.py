"""The directory of a running API: kept up with the versions of the registers in the database."""

import asyncio
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection, Row, select

from schemas.registers import register_topic
from schemas.versions import FOREVER
from services.api.metrics import TASK_FAILURES
from services.api.registers.tables import register_versions
from services.api.routing.directory import REGISTERS_READ, Directory
from services.api.store.database import Database
from services.api.store.tables import positions

_TOPICS: Final = {register_topic(name): name for name in REGISTERS_READ}
_PAGE: Final = 5_000
_log = structlog.get_logger(__name__)


class DirectoryReader:
    """Reads on from where it stands; each process of the API has its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._directory = Directory()
        self._next: dict[str, int] = dict.fromkeys(REGISTERS_READ, 0)
        # Two readers at once would file versions twice.
        self._alone = asyncio.Lock()

    async def directory(self) -> Directory:
        """Return the directory as the database has it now."""
        async with self._alone:
            ends = await self._database.read(_ends)
            for name, end in ends.items():
                if end < self._next[name]:
                    # The register's topic is read anew (see Link), so this does the same.
                    self._directory.forget(name)
                    self._next[name] = 0
                while self._next[name] < end:
                    await self._read_on(name, end)
            return self._directory

    async def _read_on(self, name: str, end: int) -> None:
        place = self._next[name]
        query = (
            select(register_versions)
            .where(
                register_versions.c.name == name,
                register_versions.c.place >= place,
                register_versions.c.place < end,
            )
            .order_by(register_versions.c.place)
            .limit(_PAGE)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        for row in rows:
            self._take(name, row)
        self._next[name] = rows[-1].place + 1 if len(rows) == _PAGE else end

    def _take(self, name: str, row: Row[Any]) -> None:
        to_ms = FOREVER if row.valid_to_ms is None else row.valid_to_ms
        body = None if row.deleted else row.body
        try:
            self._directory.file(name, row.id, body, row.recorded_ms, row.valid_from_ms, to_ms)
        except (msgspec.DecodeError, ValueError) as error:
            TASK_FAILURES.labels("register").inc()
            _log.error("directory_entry_unreadable", register=name, id=row.id, error=repr(error))


def _ends(connection: Connection) -> dict[str, int]:
    query = select(positions.c.topic, positions.c.next_offset).where(
        positions.c.topic.in_(_TOPICS), positions.c.partition == 0
    )
    return {_TOPICS[row.topic]: row.next_offset for row in connection.execute(query)}
