"""The tables of the people who sign in."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# `areas` is a JSON list of grids, null = everywhere; `password` an Argon2id hash, null = none yet.
users = Table(
    "users",
    metadata,
    Column("name", Key(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("areas", PlainText),
    Column("password", Text),
    Column("disabled", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

# Failed attempts to sign in, by the digest of an account's name or of an address: what somebody
# typed into the field of the name may have been their password.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("who", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)

# Sign-ins that are under way at the OpenID provider, by the digest of their state.
oidc_flows = Table(
    "oidc_flows",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("nonce", String(64), nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)
