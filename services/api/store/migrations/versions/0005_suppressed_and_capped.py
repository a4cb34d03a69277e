"""What kept events from being alerts, counted by the hour; alerts beyond the rate cap."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key, PlainText

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add two tables and a column; of the alerts that are there, none is capped."""
    op.add_column("alerts", sa.Column("capped_by", Key(64)))
    op.create_index("ix_alerts_capped_by", "alerts", ["capped_by", "raised_n"])
    op.create_table(
        "caps",
        sa.Column("key", Key(512), nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("newest_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_caps"),
    )
    op.create_table(
        "suppressed",
        sa.Column("hour_ms", sa.BigInteger, nullable=False),
        sa.Column("rule", Key(64), nullable=False),
        sa.Column("reason", Key(64), nullable=False),
        sa.Column("site", Key(128), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("source", PlainText, nullable=False),
        sa.Column("event_id", PlainText, nullable=False),
        sa.PrimaryKeyConstraint("hour_ms", "rule", "reason", "site", name="pk_suppressed"),
    )
