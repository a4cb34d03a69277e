"""The table of the registers: every version as filed. Positions lie with those of the store."""

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from services.api.store.columns import Key
from services.api.store.tables import metadata

register_versions = Table(
    "register_versions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("id", Key(128), primary_key=True),
    # The offset in the register's topic. All versions of an entry lie together in this key.
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("valid_from_ms", BigInteger, nullable=False),
    Column("valid_to_ms", BigInteger),
    Column("deleted", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)
