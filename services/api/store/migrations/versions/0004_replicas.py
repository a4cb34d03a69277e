"""When an event of the feed was committed, and links to sign in that every process honours."""

import json

import sqlalchemy as sa
from alembic import op

from schemas.times import parse_ms

revision = "0004"
down_revision = "0003"

_PAGE = 1_000


def upgrade() -> None:
    """Add the column and the table; old events take the time that they tell of themselves."""
    op.add_column(
        "alert_events",
        sa.Column("committed_ms", sa.BigInteger, nullable=False, server_default="0"),
    )
    _fill(op.get_bind())
    with op.batch_alter_table("alert_events") as table:
        table.alter_column("committed_ms", server_default=None)
    op.create_index("ix_alert_events_committed_ms", "alert_events", ["committed_ms"])
    op.create_table(
        "sign_in_links",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in_links"),
    )


def _fill(connection: sa.Connection) -> None:
    events = sa.table(
        "alert_events",
        sa.column("n", sa.BigInteger),
        sa.column("committed_ms", sa.BigInteger),
        sa.column("body", sa.LargeBinary),
    )
    after = 0
    while True:
        page = connection.execute(
            sa.select(events.c.n, events.c.body)
            .where(events.c.n > after)
            .order_by(events.c.n)
            .limit(_PAGE)
        ).all()
        if not page:
            return
        connection.execute(
            sa.update(events)
            .where(events.c.n == sa.bindparam("at"))
            .values(committed_ms=sa.bindparam("ms")),
            [{"at": row.n, "ms": parse_ms(json.loads(row.body)["recordedtime"])} for row in page],
        )
        after = page[-1].n
