"""The tables of inhibitions, and of the alerts that inhibit others now."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from services.api.store.columns import Key
from services.api.store.tables import metadata

# `phase` is the one that the alerts were last marked for; `ends_ms` says which it should be, null =
# until somebody ends it.
inhibitions = Table(
    "inhibitions",
    metadata,
    Column("id", Key(64), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("ends_ms", BigInteger),
    Column("phase", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_inhibitions_n", "n", unique=True),
    Index("ix_inhibitions_ends_ms", "ends_ms"),
)

# Every alert that lives and inhibits: by which inhibition, and whom: those with this `place`, a
# digest of the labels that must be equal (inhibition.place_of).
inhibition_sources = Table(
    "inhibition_sources",
    metadata,
    Column("inhibition", Key(64), primary_key=True),
    Column("place", Key(32), primary_key=True),
    Column("alert_id", Key(64), primary_key=True),
)
