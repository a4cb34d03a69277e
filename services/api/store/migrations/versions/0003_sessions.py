"""The sessions of people who are signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
