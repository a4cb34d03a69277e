"""The table of self-registrations; who somebody is stands in the vault."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

self_registrations = Table(
    "self_registrations",
    metadata,
    Column("id", Key(32), primary_key=True),
    Column("site", Key(128), nullable=False),
    Column("person", Key(64), nullable=False),
    Column("area", String(6), nullable=False),
    Column("stay_from", String(10), nullable=False),
    Column("stay_to", String(10), nullable=False),
    Column("arrival", String(10), nullable=False),
    Column("plate", PlainText),
    Column("companions", Integer, nullable=False),
    # Which wording of purpose and consent was shown.
    Column("consent", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("posted_ms", BigInteger, nullable=False),
    Column("decided_ms", BigInteger),
    Column("decided_by", PlainText),
    Column("note", PlainText),
    Index("ix_self_registrations_state", "state", "posted_ms", "id"),
)
