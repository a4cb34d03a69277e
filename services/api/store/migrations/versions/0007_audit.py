"""The audit log."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key, PlainText

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table of the audit log."""
    op.create_table(
        "audit_entries",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", Key(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("about", PlainText, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_at_ms", "audit_entries", ["at_ms"])
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor", "n"])
    op.create_index("ix_audit_entries_about", "audit_entries", ["about", "n"])
