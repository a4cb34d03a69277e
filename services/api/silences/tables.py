"""The table of silences."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from services.api.store.columns import Key
from services.api.store.tables import metadata

# `phase` is the one that the alerts were last marked for; the times say which it should be.
silences = Table(
    "silences",
    metadata,
    Column("id", Key(64), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_silences_n", "n", unique=True),
    Index("ix_silences_ends_ms", "ends_ms"),
)
