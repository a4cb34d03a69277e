"""The tables of notifications."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# Whom a message reaches; `channels` are sealed, `member` is their name on the duty roster.
contacts = Table(
    "contacts",
    metadata,
    Column("id", Key(32), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("member", Key(128)),
    Column("body", LargeBinary, nullable=False),
    Column("channels", LargeBinary, nullable=False),
    Index("ix_contacts_member", "member"),
)

# Which alerts are told to whom.
notification_rules = Table(
    "notification_rules",
    metadata,
    Column("id", Key(32), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# One alert under one rule: `told` are the contacts that had a message, the first one first; at
# `next_ms` the next in line is due, while the state is `waiting`.
notices = Table(
    "notices",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("rule", Key(32), nullable=False),
    Column("alert_id", Key(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("told", PlainText, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
    Index("ix_notices_alert_id", "alert_id", "rule"),
    Index("ix_notices_state", "state", "next_ms"),
)

# Every attempt to hand a message to a gateway; `message` is the answer link's id, if it had one.
notification_attempts = Table(
    "notification_attempts",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("contact", Key(32), nullable=False),
    Column("channel", PlainText, nullable=False),
    Column("result", String(16), nullable=False),
    Column("detail", PlainText, nullable=False),
    Column("alerts", Integer, nullable=False),
    Column("message", Key(32), nullable=False),
    Index("ix_notification_attempts_contact", "contact", "at_ms"),
    Index("ix_notification_attempts_message", "message"),
)

# What a link in a message acknowledges; it works once.
answer_links = Table(
    "answer_links",
    metadata,
    Column("id", Key(32), primary_key=True),
    Column("contact", Key(32), nullable=False),
    Column("alerts", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("answered_ms", BigInteger),
    Index("ix_answer_links_expires_ms", "expires_ms"),
)

# How far the feed was read for notices.
reach_positions = Table(
    "reach_positions",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("n", BigInteger, nullable=False),
)
