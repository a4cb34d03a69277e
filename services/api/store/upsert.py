"""An insert that says what happens to a row that is there already."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import KeyedColumnElement

from services.api.store.columns import plain_text

Statement = postgresql.Insert | sqlite.Insert
Proposed = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]


class Upsert:
    """Inserts rows into a table, or changes those with the same `key`.

    `change` gives the new values of columns from those that were to be inserted; without it rows
    that are there stay as they are. The statement of a dialect is built once: to build it took
    longer than to run it.
    """

    def __init__(
        self,
        table: Table,
        key: Sequence[str],
        change: Callable[[Proposed], Mapping[str, Any]] | None = None,
    ) -> None:
        self._table = table
        self._key = key
        self._change = change
        self._built: dict[str, Statement] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the rows, of which there is at least one."""
        dialect = connection.dialect.name
        statement = self._built.get(dialect)
        if statement is None:
            statement = self._built[dialect] = self.build(dialect)
        connection.execute(statement, rows)

    def build(self, dialect: str) -> Statement:
        """Return the statement of a dialect."""
        insert = _insert(dialect, self._table)
        if self._change is None:
            return insert.on_conflict_do_nothing(index_elements=self._key)
        return insert.on_conflict_do_update(
            index_elements=self._key, set_=self._change(insert.excluded)
        )


class Bulk:
    """Inserts many rows past SQLAlchemy, whose work for each value took longer than the database's.

    Every column of the rows holds texts, numbers, bytes or truths. With `key` and `change` it does
    with rows that are there what Upsert does.
    """

    def __init__(
        self,
        table: Table,
        key: Sequence[str] = (),
        change: Callable[[Proposed], Mapping[str, Any]] | None = None,
    ) -> None:
        self._table = table
        self._upsert = Upsert(table, key, change) if key else None
        self._built: dict[str, SQLCompiler] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the rows, of which there is at least one; all have the columns of the first."""
        dialect = connection.dialect
        compiled = self._built.get(dialect.name)
        if compiled is None:
            compiled = self._built[dialect.name] = self._compiled(dialect, list(rows[0]))
        names = compiled.positiontup
        values: list[Any]
        if names is None:
            values = [{name: _plain(value) for name, value in row.items()} for row in rows]
        else:
            values = [tuple([_plain(row[name]) for name in names]) for row in rows]
        connection.exec_driver_sql(compiled.string, values)

    def _compiled(self, dialect: Dialect, columns: list[str]) -> SQLCompiler:
        if self._upsert is None:
            statement = _insert(dialect.name, self._table)
        else:
            statement = self._upsert.build(dialect.name)
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        assert isinstance(compiled, SQLCompiler)
        return compiled


def _plain(value: Any) -> Any:
    """Return a value as columns of the type PlainText write it."""
    return plain_text(value) if isinstance(value, str) else value


def upsert(connection: Connection, table: Table) -> Statement:
    """Return an insert of the connection's own dialect, for what is not written in every batch."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Statement:
    # Both say ON CONFLICT alike, each in a class of its own.
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
