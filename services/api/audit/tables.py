"""The table of the audit log."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# `n` counts from 1 without holes; `seal` is the digest of this entry and of the seal before it.
# `actor`, `action` and `about` repeat what stands in `body`, to be found by.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Key(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("about", PlainText, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Index("ix_audit_entries_at_ms", "at_ms"),
    Index("ix_audit_entries_actor", "actor", "n"),
    Index("ix_audit_entries_about", "about", "n"),
    Index("ix_audit_entries_action", "action", "n"),
)
