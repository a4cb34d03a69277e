"""An insert that says what happens to a row that is there already."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

Statement = postgresql.Insert | sqlite.Insert
Proposed = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]


class Upsert:
    """Inserts rows into a table, or changes those with the same `key`.

    `change` gives the new values of columns from those that were to be inserted. The statement of a
    dialect is built once: to build it took longer than to run it.
    """

    def __init__(
        self, table: Table, key: Sequence[str], change: Callable[[Proposed], Mapping[str, Any]]
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
            statement = self._built[dialect] = self._build(dialect)
        connection.execute(statement, rows)

    def _build(self, dialect: str) -> Statement:
        insert = _insert(dialect, self._table)
        return insert.on_conflict_do_update(
            index_elements=self._key, set_=self._change(insert.excluded)
        )


def upsert(connection: Connection, table: Table) -> Statement:
    """Return an insert of the connection's own dialect, for what is not written in every batch."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Statement:
    # Both say ON CONFLICT alike, each in a class of its own.
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
