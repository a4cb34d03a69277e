"""The tables of webhooks."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# `revision` counts what people change. `secret` and `former` are sealed; the former one signs too
# until `former_until_ms`. All up to the event `after_n` of the feed is delivered, or is none of
# this webhook's. `failures` counts since the last success, the first of them was at `failing_ms`.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Key(32), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("former", LargeBinary),
    Column("former_until_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("after_n", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_ms", BigInteger),
    Column("next_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger),
    Column("last_result", PlainText),
)

# Events that a receiver did not take; `again` = somebody wants it to be tried once more.
webhook_letters = Table(
    "webhook_letters",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("webhook", Key(32), nullable=False),
    Column("event_id", PlainText, nullable=False),
    Column("type", String(64), nullable=False),
    Column("committed_ms", BigInteger, nullable=False),
    Column("dead_ms", BigInteger, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_webhook_letters_webhook", "webhook", "n"),
)
