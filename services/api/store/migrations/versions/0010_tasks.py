"""Tasks and campaigns."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key, PlainText

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add tasks with their history, campaigns, beds, and the order in which registers are read."""
    op.create_table(
        "tasks",
        sa.Column("id", Key(64), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("changed_n", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("unit", Key(128)),
        sa.Column("assignee", PlainText),
        sa.Column("grid", PlainText),
        sa.Column("order_id", PlainText),
        sa.Column("subject", PlainText),
        sa.Column("alert", Key(64)),
        sa.Column("campaign", Key(64)),
        sa.Column("item", PlainText),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("waiting", sa.Boolean, nullable=False),
        sa.Column("clock_ms", sa.BigInteger),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_n", "tasks", ["n"], unique=True)
    op.create_index("ix_tasks_changed_n", "tasks", ["changed_n"], unique=True)
    for column in ("state", "unit", "assignee", "campaign", "pending"):
        op.create_index(f"ix_tasks_{column}", "tasks", [column, "n"])
    op.create_index("ix_tasks_alert", "tasks", ["alert"])
    op.create_index("ix_tasks_clock_ms", "tasks", ["clock_ms"])
    op.create_table(
        "task_events",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("task", Key(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_task_events"),
    )
    op.create_index("ix_task_events_task", "task_events", ["task", "n"])
    op.create_table(
        "campaigns",
        sa.Column("id", Key(64), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("about", PlainText),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_n", "campaigns", ["n"], unique=True)
    op.create_index("ix_campaigns_kind", "campaigns", ["kind", "n"])
    op.create_index("ix_campaigns_about", "campaigns", ["about"])
    op.create_table(
        "beds",
        sa.Column("facility", Key(128), nullable=False),
        sa.Column("bed", Key(128), nullable=False),
        sa.Column("task", Key(64), nullable=False),
        sa.PrimaryKeyConstraint("facility", "bed", name="pk_beds"),
    )
    op.create_index("ix_beds_task", "beds", ["task"])
    op.create_index("ix_register_versions_place", "register_versions", ["name", "place"])
    # Alerts that are older than tasks create none.
    op.execute(
        "INSERT INTO counters (name, value) "
        "SELECT 'task_feed', value FROM counters WHERE name = 'feed' AND value > 0"
    )
