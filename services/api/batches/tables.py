"""The tables of verification batches and of their rows."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

batches = Table(
    "batches",
    metadata,
    Column("id", Key(64), primary_key=True),
    Column("title", PlainText, nullable=False),
    Column("source", PlainText, nullable=False),
    Column("actor", Key(128), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_batches_created_ms", "created_ms"),
)

# `found` is what the row was found by, as JSON; `task` is the task of who goes and looks.
batch_rows = Table(
    "batch_rows",
    metadata,
    Column("batch", Key(64), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("person", Key(64), nullable=False),
    Column("household", PlainText),
    Column("grid", PlainText),
    Column("plate", PlainText),
    Column("state", String(16), nullable=False),
    Column("channel", String(8)),
    Column("found", PlainText, nullable=False),
    Column("task", Key(64)),
    Column("note", PlainText),
    Column("actor", Key(128), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Index("ix_batch_rows_state", "batch", "state", "row"),
    Index("ix_batch_rows_task", "task"),
)
