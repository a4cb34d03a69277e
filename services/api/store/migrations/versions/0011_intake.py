"""Imports, batches, passes and self-registration, and what entries of registers are found by."""

import sqlalchemy as sa
from alembic import op

from services.api.registers.ledger import add_keys
from services.api.store.columns import Key, PlainText

revision = "0011"
down_revision = "0010"

_ROWS_AT_ONCE = 5_000


def upgrade() -> None:
    """Add the tables, and find by their keys the versions that are there already."""
    op.create_table(
        "register_keys",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", Key(256), nullable=False),
        sa.Column("id", Key(128), nullable=False),
        sa.PrimaryKeyConstraint("name", "kind", "value", "id", name="pk_register_keys"),
    )
    op.create_index("ix_register_keys_value", "register_keys", ["kind", "value"])
    _imports()
    _batches()
    _registrations()
    connection = op.get_bind()
    versions = sa.table("register_versions", *map(sa.column, ("name", "id", "body")))
    rows = connection.execute(sa.select(versions)).mappings()
    while part := rows.fetchmany(_ROWS_AT_ONCE):
        add_keys(connection, [dict(row) for row in part])


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("register", sa.String(64), nullable=False),
        sa.Column("batch", Key(100)),
        sa.Column("actor", Key(128), nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", PlainText),
        sa.Column("unused", PlainText, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("rejected", sa.Integer, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("touched_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_started_ms", "imports", ["started_ms"])
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("entry_id", Key(128)),
        sa.Column("notes", PlainText),
        sa.PrimaryKeyConstraint("import_id", "place", name="pk_import_rows"),
    )
    op.create_index("ix_import_rows_outcome", "import_rows", ["import_id", "outcome", "place"])


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", Key(64), nullable=False),
        sa.Column("title", PlainText, nullable=False),
        sa.Column("source", PlainText, nullable=False),
        sa.Column("actor", Key(128), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_created_ms", "batches", ["created_ms"])
    op.create_table(
        "batch_rows",
        sa.Column("batch", Key(64), nullable=False),
        sa.Column("row", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("person", Key(64), nullable=False),
        sa.Column("household", PlainText),
        sa.Column("grid", PlainText),
        sa.Column("plate", PlainText),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(8)),
        sa.Column("found", PlainText, nullable=False),
        sa.Column("task", Key(64)),
        sa.Column("note", PlainText),
        sa.Column("actor", Key(128), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("batch", "row", name="pk_batch_rows"),
    )
    op.create_index("ix_batch_rows_state", "batch_rows", ["batch", "state", "row"])
    op.create_index("ix_batch_rows_task", "batch_rows", ["task"])


def _registrations() -> None:
    op.create_table(
        "self_registrations",
        sa.Column("id", Key(32), nullable=False),
        sa.Column("site", Key(128), nullable=False),
        sa.Column("person", Key(64), nullable=False),
        sa.Column("area", sa.String(6), nullable=False),
        sa.Column("stay_from", sa.String(10), nullable=False),
        sa.Column("stay_to", sa.String(10), nullable=False),
        sa.Column("arrival", sa.String(10), nullable=False),
        sa.Column("plate", PlainText),
        sa.Column("companions", sa.Integer, nullable=False),
        sa.Column("consent", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("posted_ms", sa.BigInteger, nullable=False),
        sa.Column("decided_ms", sa.BigInteger),
        sa.Column("decided_by", PlainText),
        sa.Column("note", PlainText),
        sa.PrimaryKeyConstraint("id", name="pk_self_registrations"),
    )
    op.create_index(
        "ix_self_registrations_state", "self_registrations", ["state", "posted_ms", "id"]
    )
