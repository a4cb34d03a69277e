"""The tables of the vault."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# The key of each person, wrapped by the master key whose number `master` is. Without this row
# what stands in `vault_fields` of the person cannot be read by anybody.
vault_keys = Table(
    "vault_keys",
    metadata,
    Column("person", Key(64), primary_key=True),
    Column("master", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("ix_vault_keys_master", "master"),
)

vault_fields = Table(
    "vault_fields",
    metadata,
    Column("person", Key(64), primary_key=True),
    Column("field", String(16), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Who opened whose identity, for which alert, and until when they may look at it.
vault_openings = Table(
    "vault_openings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("alert_id", Key(64), nullable=False),
    Column("actor", Key(128), nullable=False),
    Column("persons", PlainText, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_vault_openings_alert_id", "alert_id", "actor"),
)
