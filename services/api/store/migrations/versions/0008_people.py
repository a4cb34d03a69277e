"""Users, their sessions and devices, and the vault."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add nothing yet."""
