"""Imports, batches, passes and self-registration."""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add nothing yet."""
