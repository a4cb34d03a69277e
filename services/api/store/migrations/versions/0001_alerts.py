"""The first schema: alerts, their events, positions, counters."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alerts",
        sa.Column("id", Key(64), nullable=False),
        sa.Column("raised_n", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("survivor", Key(64)),
        sa.Column("rule", Key(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("grid", sa.Text),
        sa.Column("site", sa.Text),
        sa.Column("order_id", sa.Text),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("historical", sa.Boolean, nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger, nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("acts", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_raised_n", "alerts", ["raised_n"], unique=True)
    op.create_index("ix_alerts_survivor", "alerts", ["survivor"])
    for column in ("state", "rule", "subject", "order_id", "site", "grid"):
        op.create_index(f"ix_alerts_{column}", "alerts", [column, "raised_n"])
    op.create_table(
        "alert_events",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_alert_events"),
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_positions"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
