"""Lists that stay quick with a million alerts: indexes that hold what is asked besides, the index
of texts. And inhibitions."""

import sqlalchemy as sa
from alembic import op

from services.api.store import search
from services.api.store.columns import Key

revision = "0013"
down_revision = "0012"

_SPAN = ("first_seen_ms", "last_seen_ms")
_ASKED = ("state", "severity", *_SPAN)


def upgrade() -> None:
    """Add columns, tables and indexes."""
    false = sa.false()
    op.add_column(
        "alerts", sa.Column("inhibited", sa.Boolean, nullable=False, server_default=false)
    )
    for column in ("rule", "site", "grid"):
        op.drop_index(f"ix_alerts_{column}", "alerts")
        op.create_index(f"ix_alerts_{column}", "alerts", [column, "raised_n", *_ASKED])
    op.drop_index("ix_alerts_state", "alerts")
    op.create_index("ix_alerts_state", "alerts", ["state", "raised_n", *_SPAN])
    op.drop_index("ix_alerts_severity", "alerts")
    op.create_index("ix_alerts_severity", "alerts", ["severity", "raised_n", "state", *_SPAN])
    op.create_index("ix_alerts_urgent", "alerts", ["state", "severity", "raised_n"])
    op.create_index("ix_alerts_span", "alerts", ["raised_n", *_SPAN])
    seen = ["first_seen_ms", "raised_n", "last_seen_ms", "state", "severity"]
    op.create_index("ix_alerts_first_seen", "alerts", seen)
    long = sa.text("last_seen_ms - first_seen_ms > 3600000")
    seen = ["last_seen_ms", "first_seen_ms", "raised_n", "state", "severity"]
    op.create_index("ix_alerts_long", "alerts", seen, sqlite_where=long, postgresql_where=long)
    op.create_index("ix_alerts_silenced", "alerts", ["silenced", "raised_n"])
    op.create_index("ix_alerts_inhibited", "alerts", ["inhibited", "raised_n"])
    capped = sa.text("capped_by IS NOT NULL")
    op.create_index(
        "ix_alerts_capped", "alerts", ["raised_n"], sqlite_where=capped, postgresql_where=capped
    )
    op.create_table(
        "inhibitions",
        sa.Column("id", Key(64), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("ends_ms", sa.BigInteger),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inhibitions"),
    )
    op.create_index("ix_inhibitions_n", "inhibitions", ["n"], unique=True)
    op.create_index("ix_inhibitions_ends_ms", "inhibitions", ["ends_ms"])
    op.create_table(
        "inhibition_sources",
        sa.Column("inhibition", Key(64), nullable=False),
        sa.Column("place", Key(32), nullable=False),
        sa.Column("alert_id", Key(64), nullable=False),
        sa.PrimaryKeyConstraint("inhibition", "place", "alert_id", name="pk_inhibition_sources"),
    )
    search.create(op.get_bind())
