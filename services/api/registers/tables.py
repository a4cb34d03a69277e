"""The tables of the registers: every version as filed, and what entries are found by.

Positions lie with those of the store.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text

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
    # Whoever keeps a picture of a register reads on from where it stands.
    Index("ix_register_versions_place", "name", "place"),
)

# What any version of an entry names: a person, a plate and so on (see keys.py).
register_keys = Table(
    "register_keys",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("value", Key(256), primary_key=True),
    Column("id", Key(128), primary_key=True),
    # A person or a plate is also looked for in all registers at once.
    Index("ix_register_keys_value", "kind", "value"),
)
