"""Tasks that still have to be done are listed by when they are due."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Index the tasks of a state by when they are due."""
    op.create_index("ix_tasks_state_due", "tasks", ["state", "due_ms", "n"])
