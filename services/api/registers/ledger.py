"""The versions of all registers in the database: a view of the topics, never their source."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from schemas.registers import REGISTERS, register_topic
from schemas.versions import FOREVER
from services.api.registers.keys import KINDS, Kind, keys_of
from services.api.registers.stored import StoredVersion
from services.api.registers.tables import register_keys, register_versions
from services.api.store.database import Database
from services.api.store.tables import positions as read_positions
from services.api.store.upsert import Bulk

# SQLite and PostgreSQL both bound the parameters of one statement.
_IDS_A_QUERY = 500

_NAMES = {register_topic(name): name for name in REGISTERS}
# Built once: to build these for each batch took longer than to run them.
_STOOD = select(read_positions.c.next_offset).where(
    read_positions.c.topic == bindparam("of"), read_positions.c.partition == 0
)
_BEGIN = insert(read_positions)
_MOVE = (
    update(read_positions)
    .where(read_positions.c.topic == bindparam("of"), read_positions.c.partition == 0)
    .values(next_offset=bindparam("end"))
)
_ADD = Bulk(register_versions)
_KEY_COLUMNS = ("name", "kind", "value", "id")
_ADD_KEYS = Bulk(register_keys, _KEY_COLUMNS)
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_VERSIONS = (
    select(register_versions)
    .where(register_versions.c.name == bindparam("of"), register_versions.c.id.in_(_IDS))
    .order_by(register_versions.c.recorded_ms, register_versions.c.place)
)


class Span(Struct, frozen=True):
    """A stretch of a topic: from an offset, up to another that is not in it."""

    start: int
    end: int


class Wanted(Struct, frozen=True):
    """Which entries are wanted: all `keys` must be among theirs, and `text` in their data."""

    keys: frozenset[tuple[Kind, str]] = frozenset()
    text: str = ""

    def fits(self, name: str, version: StoredVersion) -> bool:
        """Return whether the data of a version is what is wanted."""
        if self.text and self.text.casefold() not in version.body.casefold():
            return False
        return not self.keys or self.keys <= keys_of(name, msgspec.json.decode(version.body))


EVERYTHING = Wanted()


class Hole(Exception):
    """What was read does not join what the ledger holds; read on from where it stands."""


class Ledger:
    """Reads and writes versions; what one `apply` writes is seen as a whole or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def positions(self) -> dict[str, int]:
        """Return for each register how far its topic has been read: the next offset."""
        query = select(read_positions).where(read_positions.c.topic.in_(_NAMES))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {_NAMES[row.topic]: row.next_offset for row in rows}

    async def last_recorded_ms(self) -> int:
        """Return the latest time of filing there is, 0 for none."""
        query = select(func.max(register_versions.c.recorded_ms))
        return await self._database.read(lambda connection: connection.scalar(query)) or 0

    async def apply(
        self, versions: Mapping[str, Sequence[StoredVersion]], spans: Mapping[str, Span]
    ) -> None:
        """Add versions by register and move the positions, in one transaction.

        `spans` tells from which offset to which each topic was read. What another process that
        shares the database has added already is left out. Raises Hole when a topic's position is
        below the span: somebody began to read it anew.
        """
        await self._database.write(lambda connection: _apply(connection, versions, spans))

    async def forget(self, name: str) -> None:
        """Drop a register's versions and position: its topic is read anew."""
        await self._database.write(lambda connection: _forget(connection, name))

    async def versions_of(self, name: str, ids: Iterable[str]) -> dict[str, list[StoredVersion]]:
        """Return all versions of the entries with these ids, in the order of their filing.

        Ids that have none are absent.
        """
        wanted = list(dict.fromkeys(ids))
        return await self._database.read(lambda connection: _versions_of(connection, name, wanted))

    async def ids_after(
        self, name: str, last_id: str, limit: int, wanted: Wanted = EVERYTHING
    ) -> list[str]:
        """Return the next ids of a register in order, whatever became of their entries.

        Some version of each names what is wanted; which one governs is the caller's to see.
        """
        query = (
            select(register_versions.c.id)
            .distinct()
            .where(register_versions.c.name == name, register_versions.c.id > last_id)
            .order_by(register_versions.c.id)
            .limit(limit)
        )
        for kind, value in sorted(wanted.keys):
            named = select(register_keys.c.id).filter_by(name=name, kind=kind, value=value)
            query = query.where(register_versions.c.id.in_(named))
        if wanted.text:
            query = query.where(register_versions.c.body.icontains(wanted.text, autoescape=True))
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def naming(
        self, persons: Iterable[str], names: Sequence[str]
    ) -> dict[str, set[tuple[str, str]]]:
        """Return for persons or plates which entries of some registers name them: (name, id)."""
        wanted = list(dict.fromkeys(persons))
        return await self._database.read(lambda connection: _naming(connection, wanted, names))


def _apply(
    connection: Connection,
    versions: Mapping[str, Sequence[StoredVersion]],
    spans: Mapping[str, Span],
) -> None:
    rows: list[dict[str, Any]] = []
    for name, span in spans.items():
        topic = register_topic(name)
        stored = connection.scalar(_STOOD, {"of": topic})
        if stored is None:
            connection.execute(_BEGIN, {"topic": topic, "partition": 0, "next_offset": span.end})
        elif stored < span.start:
            raise Hole(f"{name} was read from {span.start} on, but stands at {stored}")
        elif stored < span.end:
            connection.execute(_MOVE, {"of": topic, "end": span.end})
        fresh = (one for one in versions.get(name, ()) if stored is None or one.place >= stored)
        rows += [{"name": name, **_row_of(version)} for version in fresh]
    if rows:
        _ADD.run(connection, rows)
        add_keys(connection, rows)


def add_keys(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note what versions are found by; `rows` have the name, the id and the body of each."""
    keys = {
        (row["name"], kind, value, row["id"])
        for row in rows
        for kind, value in keys_of(row["name"], msgspec.json.decode(row["body"]))
    }
    if keys:
        rows = [dict(zip(_KEY_COLUMNS, key, strict=True)) for key in sorted(keys)]
        _ADD_KEYS.run(connection, rows)


def _naming(
    connection: Connection, values: list[str], names: Sequence[str]
) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for start in range(0, len(values), _IDS_A_QUERY):
        query = select(register_keys.c.value, register_keys.c.name, register_keys.c.id).where(
            register_keys.c.kind.in_(KINDS),
            register_keys.c.value.in_(values[start : start + _IDS_A_QUERY]),
            register_keys.c.name.in_(names),
        )
        for value, name, entry_id in connection.execute(query):
            found.setdefault(value, set()).add((name, entry_id))
    return found


def _forget(connection: Connection, name: str) -> None:
    connection.execute(delete(register_versions).where(register_versions.c.name == name))
    connection.execute(delete(register_keys).where(register_keys.c.name == name))
    connection.execute(delete(read_positions).where(read_positions.c.topic == register_topic(name)))


def _versions_of(
    connection: Connection, name: str, ids: list[str]
) -> dict[str, list[StoredVersion]]:
    found: dict[str, list[StoredVersion]] = {}
    for start in range(0, len(ids), _IDS_A_QUERY):
        wanted = {"of": name, "ids": ids[start : start + _IDS_A_QUERY]}
        for row in connection.execute(_VERSIONS, wanted):
            found.setdefault(row.id, []).append(_version_of(row))
    return found


def _row_of(version: StoredVersion) -> dict[str, Any]:
    return {
        "id": version.id,
        "place": version.place,
        "recorded_ms": version.recorded_ms,
        "valid_from_ms": version.from_ms,
        "valid_to_ms": None if version.to_ms == FOREVER else version.to_ms,
        "deleted": version.deleted,
        "body": version.body,
    }


def _version_of(row: Row[Any, Any, Any]) -> StoredVersion:
    to_ms = FOREVER if row.valid_to_ms is None else row.valid_to_ms
    facts = None if row.deleted else row.body
    return StoredVersion(
        row.recorded_ms, row.valid_from_ms, to_ms, facts, row.id, row.place, row.body
    )
