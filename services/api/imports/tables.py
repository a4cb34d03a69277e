"""The tables of imports: each import, and what became of each of its rows."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

imports = Table(
    "imports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("register", String(64), nullable=False),
    Column("batch", Key(100)),
    Column("actor", Key(128), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    # running, done or failed. One that runs and was not touched for long has lost its process.
    Column("state", String(16), nullable=False),
    Column("problem", PlainText),
    Column("unused", PlainText, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("touched_ms", BigInteger, nullable=False),
    Index("ix_imports_started_ms", "started_ms"),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("import_id", String(32), primary_key=True),
    # The place in what was posted, from 0; `row` is the number that a spreadsheet shows.
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("row", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("entry_id", Key(128)),
    # Problems and repairs of its cells as JSON, null where there is nothing to tell.
    Column("notes", PlainText),
    Index("ix_import_rows_outcome", "import_id", "outcome", "place"),
)
