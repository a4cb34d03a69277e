"""Reads a backup into an empty deployment: all of it, or nothing.

The store that comes of it has gone back in time. So its feed gets a new epoch: the numbers that it
gives from now on were given before, and a reader's cursor of that other history must be unknown
here, not mean another event.
"""

import secrets
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final
from zipfile import ZipFile

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, LargeBinary, Table, delete, insert, inspect, update

from deploy.backup.archive import Manifest, TableEntry, open_archive, rows_of
from deploy.backup.saving import REVISIONS, tables_of
from deploy.private_file import write_private
from services.api.audit.chain import Entry, record
from services.api.store import database as store_database
from services.api.store.database import Database, upgrade
from services.api.store.tables import meta

_ROWS: Final = 1_000
# Whoever was signed in then may not be let in any more.
_ENDED: Final = ("sessions", "sign_in_links")


class CannotRestore(Exception):
    """Nothing was changed; the text says why."""


async def restore(
    database: Database, files: Mapping[str, Path], stream: IO[bytes], now_ms: int
) -> Manifest:
    """Read a backup into an empty database and put its files where they belong.

    Raises BadArchive for a file that is none, CannotRestore for a deployment that is not empty or
    a backup of a newer version.
    """
    archive, manifest = open_archive(stream)
    with archive:
        contents = {one.name: archive.read(one.member) for one in manifest.files}
        for name, content in contents.items():
            path = files.get(name)
            if path is None:
                raise CannotRestore(f"it holds a file that is not known here: {name}")
            if path.exists() and path.read_bytes() != content:
                raise CannotRestore(f"{path} is there already, and is another one")
        await database.write(lambda connection: _fill(connection, archive, manifest, now_ms))
    for name, content in contents.items():
        if not files[name].exists():
            write_private(files[name], content)
    return manifest


def _fill(connection: Connection, archive: ZipFile, manifest: Manifest, now_ms: int) -> None:
    there = [name for name in inspect(connection).get_table_names() if name != REVISIONS]
    if there:
        raise CannotRestore(
            f"the database is not empty: it has {len(there)} tables. A backup is restored into an "
            "empty one only"
        )
    if not _knows(manifest.revision):
        raise CannotRestore(
            f"its schema is at {manifest.revision}, which this version of Cordon does not know: "
            "restore it with the version that made it, or a newer one"
        )
    upgrade(connection, manifest.revision)
    tables = tables_of(connection)
    for table in reversed(list(tables.values())):
        if table.name != REVISIONS:
            connection.execute(delete(table))
    entries = {entry.name: entry for entry in manifest.tables}
    for name, table in tables.items():
        if name in entries:
            _fill_table(connection, archive, entries[name], table)
    missing = entries.keys() - tables.keys()
    if missing:
        raise CannotRestore(f"it has tables that are not known here: {', '.join(sorted(missing))}")
    for name in _ENDED:
        if name in tables:
            connection.execute(delete(tables[name]))
    upgrade(connection, "head")
    connection.execute(
        update(meta).where(meta.c.name == "epoch").values(value=secrets.token_hex(4))
    )
    detail = {"made": manifest.made, "feed": manifest.feed}
    entry = Entry(
        at_ms=now_ms,
        actor="cordon restore",
        role="admin",
        action="store.restore",
        about=manifest.epoch,
        detail=detail,
    )
    record(connection, entry)


def _fill_table(connection: Connection, archive: ZipFile, entry: TableEntry, table: Table) -> None:
    known = [column for column in entry.columns if column in table.columns]
    if known != entry.columns:
        raise CannotRestore(f"the table {table.name} has other columns here")
    reads = [_reader(table.columns[name].type) for name in entry.columns]
    rows = rows_of(archive, entry)
    count = 0
    while part := list(islice(rows, _ROWS)):
        connection.execute(insert(table), list(_named(part, entry.columns, reads)))
        count += len(part)
    if count != entry.rows:
        raise CannotRestore(f"the table {table.name} has {count} rows instead of {entry.rows}")


def _named(
    rows: list[list[Any]], columns: list[str], reads: list[Callable[[Any], Any]]
) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            name: None if value is None else read(value)
            for name, read, value in zip(columns, reads, row, strict=True)
        }


def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return what makes a column's value of what JSON holds."""
    return b64decode if isinstance(kind, LargeBinary) else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _knows(revision: str) -> bool:
    folder = Path(store_database.__file__).parent / "migrations"
    scripts = ScriptDirectory(str(folder))
    return revision in {script.revision for script in scripts.walk_revisions()}
