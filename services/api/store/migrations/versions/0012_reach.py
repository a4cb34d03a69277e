"""Webhooks and notifications."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key, PlainText

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the tables of webhooks and of notifications."""
    op.create_table(
        "webhooks",
        sa.Column("id", Key(32), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("former", sa.LargeBinary),
        sa.Column("former_until_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("after_n", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_ms", sa.BigInteger),
        sa.Column("next_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger),
        sa.Column("last_result", PlainText),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_table(
        "webhook_letters",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("webhook", Key(32), nullable=False),
        sa.Column("event_id", PlainText, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("committed_ms", sa.BigInteger, nullable=False),
        sa.Column("dead_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", PlainText, nullable=False),
        sa.Column("again", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_webhook_letters"),
    )
    op.create_index("ix_webhook_letters_webhook", "webhook_letters", ["webhook", "n"])
    op.create_table(
        "contacts",
        sa.Column("id", Key(32), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("member", Key(128)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("channels", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
    )
    op.create_index("ix_contacts_member", "contacts", ["member"])
    op.create_table(
        "notification_rules",
        sa.Column("id", Key(32), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_rules"),
    )
    op.create_table(
        "notices",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("rule", Key(32), nullable=False),
        sa.Column("alert_id", Key(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("told", PlainText, nullable=False),
        sa.Column("next_ms", sa.BigInteger, nullable=False),
        sa.Column("begun_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_notices"),
    )
    op.create_index("ix_notices_alert_id", "notices", ["alert_id", "rule"])
    op.create_index("ix_notices_state", "notices", ["state", "next_ms"])
    op.create_table(
        "notification_attempts",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("contact", Key(32), nullable=False),
        sa.Column("channel", PlainText, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("detail", PlainText, nullable=False),
        sa.Column("alerts", sa.Integer, nullable=False),
        sa.Column("message", Key(32), nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_notification_attempts"),
    )
    op.create_index(
        "ix_notification_attempts_contact", "notification_attempts", ["contact", "at_ms"]
    )
    op.create_index("ix_notification_attempts_message", "notification_attempts", ["message"])
    op.create_table(
        "answer_links",
        sa.Column("id", Key(32), nullable=False),
        sa.Column("contact", Key(32), nullable=False),
        sa.Column("alerts", sa.LargeBinary, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("answered_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_answer_links"),
    )
    op.create_index("ix_answer_links_expires_ms", "answer_links", ["expires_ms"])
    op.create_table(
        "reach_positions",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_reach_positions"),
    )
