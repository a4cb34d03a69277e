"""The versions of register entries."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "register_versions",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("id", Key(128), nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("recorded_ms", sa.BigInteger, nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger, nullable=False),
        sa.Column("valid_to_ms", sa.BigInteger),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", "id", "place", name="pk_register_versions"),
    )
