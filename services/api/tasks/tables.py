"""The tables of tasks and of their history."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# The newest revision of every task. `body` is the task as JSON; the other columns serve filters.
# `n` counts tasks as they are created, `changed_n` is the number of the last event about one: both
# are counted by rows of `counters`, so they are in the order of commits. `clock_ms` is when the
# next level is due, null where nothing is; `pending` = its alert, or a register, still has to be
# told of its result.
tasks = Table(
    "tasks",
    metadata,
    Column("id", Key(64), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("changed_n", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("unit", Key(128)),
    Column("assignee", PlainText),
    Column("grid", PlainText),
    Column("order_id", PlainText),
    Column("subject", PlainText),
    Column("alert", Key(64)),
    Column("campaign", Key(64)),
    Column("item", PlainText),
    Column("level", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("clock_ms", BigInteger),
    Column("pending", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_tasks_n", "n", unique=True),
    Index("ix_tasks_changed_n", "changed_n", unique=True),
    Index("ix_tasks_state", "state", "n"),
    Index("ix_tasks_state_due", "state", "due_ms", "n"),
    Index("ix_tasks_unit", "unit", "n"),
    Index("ix_tasks_assignee", "assignee", "n"),
    Index("ix_tasks_alert", "alert"),
    Index("ix_tasks_campaign", "campaign", "n"),
    Index("ix_tasks_clock_ms", "clock_ms"),
    Index("ix_tasks_pending", "pending", "n"),
)

# Every step of every task, in commit order; `body` is task.TaskEvent as JSON.
task_events = Table(
    "task_events",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("task", Key(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_task_events_task", "task", "n"),
)
