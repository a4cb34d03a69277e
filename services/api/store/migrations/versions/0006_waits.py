"""Which alerts wait for people, and since when."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table. What is open already does not wait in it: nobody was told of a limit, and
    months of it would escalate in one moment."""
    op.create_table(
        "waits",
        sa.Column("alert_id", Key(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("since_ms", sa.BigInteger),
        sa.Column("level", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_waits"),
    )
    op.create_index("ix_waits_since_ms", "waits", ["since_ms"])
    op.create_index("ix_waits_level", "waits", ["level", "severity"])
