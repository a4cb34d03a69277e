"""The life of alerts: their incidents, when they ended, their revisions by alert, and silences."""

import msgspec
import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key, PlainText

revision = "0009"
down_revision = "0008"

_ENDED = ("resolved", "retracted")


def upgrade() -> None:
    """Add columns, indexes and a table; what is there is taken over."""
    op.add_column("alerts", sa.Column("incident", PlainText))
    false = sa.false()
    op.add_column("alerts", sa.Column("silenced", sa.Boolean, nullable=False, server_default=false))
    op.add_column(
        "alerts", sa.Column("updated_ms", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("alerts", sa.Column("ended_n", sa.BigInteger))
    op.add_column("alerts", sa.Column("node", sa.BigInteger))
    op.create_index("ix_alerts_incident", "alerts", ["incident", "raised_n"])
    op.create_index("ix_alerts_severity", "alerts", ["state", "severity", "raised_n"])
    op.create_index("ix_alerts_node_ended", "alerts", ["node", "ended_n"])
    op.create_index("ix_alerts_node_raised", "alerts", ["node", "raised_n"])
    if op.get_bind().dialect.name == "postgresql":
        # An index serves a join only where both sides sort alike; SQLite does so by itself.
        op.alter_column("alert_events", "alert_id", type_=Key(64), existing_nullable=False)
    op.create_index("ix_alert_events_alert_id", "alert_events", ["alert_id", "n"])
    op.create_table(
        "silences",
        sa.Column("id", Key(64), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("starts_ms", sa.BigInteger, nullable=False),
        sa.Column("ends_ms", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
    )
    op.create_index("ix_silences_n", "silences", ["n"], unique=True)
    op.create_index("ix_silences_ends_ms", "silences", ["ends_ms"])
    op.create_table(
        "alert_traits",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("value", Key(256), nullable=False),
        sa.Column("raised_n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "raised_n", name="pk_alert_traits"),
    )
    _take_over(op.get_bind())


def _take_over(connection: sa.Connection) -> None:
    """Give ended alerts the end of their life, and keep the one note of each as all its notes."""
    connection.execute(sa.text("UPDATE alerts SET updated_ms = last_seen_ms"))
    for kind, column in (("order", "order_id"), ("site", "site"), ("grid", "grid")):
        # Of what they had before, nothing is known; so it is as for the feed's forgotten events.
        connection.execute(
            sa.text(
                "INSERT INTO alert_traits (kind, value, raised_n) "
                f"SELECT '{kind}', {column}, raised_n FROM alerts WHERE {column} IS NOT NULL"
            )
        )
    rows = connection.execute(sa.text("SELECT id, raised_n, state, acts FROM alerts")).all()
    last = "SELECT max(n) FROM alert_events WHERE alert_id = :id"
    for row in rows:
        if row.state in _ENDED:
            # Where its events are forgotten, it has ended before all that are kept.
            ended = connection.scalar(sa.text(last), {"id": row.id}) or row.raised_n + 1
            connection.execute(
                sa.text("UPDATE alerts SET ended_n = :ended, node = :node WHERE id = :id"),
                {"id": row.id, "ended": ended, "node": _node(row.raised_n, ended - 1)},
            )
        acts = msgspec.json.decode(row.acts)
        note = acts.pop("note", None)
        if note:
            acts["notes"] = [note]
            connection.execute(
                sa.text("UPDATE alerts SET acts = :acts WHERE id = :id"),
                {"id": row.id, "acts": msgspec.json.encode(acts)},
            )


def _node(first: int, last: int) -> int:
    """As history/spans.py said when this step was written."""
    differing = ((first - 1) ^ last).bit_length() - 1
    return last >> differing << differing
