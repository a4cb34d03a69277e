"""Writes a backup: everything that one transaction sees, while others go on writing."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import msgspec
from sqlalchemy import Connection, MetaData, Table, select, text

from deploy.backup.archive import (
    FORM,
    MANIFEST,
    Digested,
    FileEntry,
    Manifest,
    TableEntry,
    new_archive,
)
from schemas.times import format_ms
from services.api.store.database import Database
from services.api.store.search import INDEXES
from services.api.store.tables import counters, meta

REVISIONS: Final = "alembic_version"
_ROWS: Final = 1_000


class CannotSave(Exception):
    """There is nothing to save, or no place for it; the text is for the operator."""


async def save(database: Database, files: dict[str, Path], into: Path, now_ms: int) -> Manifest:
    """Write a backup of the store and of the files that are there; raises CannotSave.

    The file appears whole or not at all, readable by its owner alone.
    """
    draft = _draft_of(into)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with new_archive(stream) as archive:
                manifest = await database.read(
                    lambda connection: _write(connection, archive, files, now_ms)
                )
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, into)
    finally:
        draft.unlink()
    return manifest


def _draft_of(into: Path) -> Path:
    if into.exists():
        raise CannotSave(f"{into} is there already; a backup overwrites nothing")
    return into.with_name(f".{into.name}.{os.getpid()}.new")


def _write(
    connection: Connection, archive: ZipFile, files: dict[str, Path], now_ms: int
) -> Manifest:
    tables = tables_of(connection)
    if REVISIONS not in tables:
        raise CannotSave("the store is empty: the API has never started on it")
    revision = str(connection.scalar(select(tables.pop(REVISIONS).c.version_num)))
    manifest = Manifest(
        form=FORM,
        made=format_ms(now_ms),
        cordon=version("cordon"),
        database=connection.dialect.name,
        revision=revision,
        epoch=str(connection.scalar(select(meta.c.value).where(meta.c.name == "epoch"))),
        feed=connection.scalar(select(counters.c.value).where(counters.c.name == "feed")) or 0,
        tables=[_write_table(connection, archive, tables[name]) for name in sorted(tables)],
        files=[_write_file(archive, name, path) for name, path in files.items() if path.is_file()],
    )
    archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def tables_of(connection: Connection) -> dict[str, Table]:
    """Return the tables that hold rows of their own; an index that looks like a table is made anew
    from those."""
    found = MetaData()
    names: list[str] | None = None
    if connection.dialect.name == "sqlite":
        listed = connection.execute(text("PRAGMA main.table_list"))
        names = [
            row.name for row in listed if row.type == "table" and not row.name.startswith("sqlite_")
        ]
    found.reflect(connection, only=names)
    return {table.name: table for table in found.sorted_tables if table.name not in INDEXES}


def _write_table(connection: Connection, archive: ZipFile, table: Table) -> TableEntry:
    columns = [str(column.name) for column in table.columns]
    count = 0
    name = str(table.name)
    entry = TableEntry(name, columns, 0, "")
    query: Any = select(table).execution_options(yield_per=_ROWS)
    keys = list(table.primary_key.columns)
    encode = msgspec.json.Encoder().encode
    with archive.open(entry.member, "w", force_zip64=True) as stream:
        into = Digested(stream)
        for rows in connection.execute(query.order_by(*keys)).partitions(_ROWS):
            into.write(b"".join(encode(list(row)) + b"\n" for row in rows))
            count += len(rows)
    return TableEntry(name, columns, count, into.sha256)


def _write_file(archive: ZipFile, name: str, path: Path) -> FileEntry:
    entry = FileEntry(name, "")
    with archive.open(entry.member, "w") as stream:
        into = Digested(stream)
        into.write(path.read_bytes())
    return FileEntry(name, into.sha256)
