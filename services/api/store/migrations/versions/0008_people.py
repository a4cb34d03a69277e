"""Users and what they failed at, sign-in elsewhere, and the vault."""

import sqlalchemy as sa
from alembic import op

from services.api.store.columns import Key, PlainText

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables, and whose a session is."""
    op.create_table(
        "users",
        sa.Column("name", Key(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("areas", PlainText, nullable=True),
        sa.Column("password", sa.Text, nullable=True),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("who", name="pk_sign_in_failures"),
    )
    op.create_table(
        "oidc_flows",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_oidc_flows"),
    )
    for table in ("sessions", "sign_in_links"):
        op.add_column(table, sa.Column("areas", PlainText, nullable=True))
        op.add_column(table, sa.Column("account", Key(64), nullable=True))
    op.create_table(
        "vault_keys",
        sa.Column("person", Key(64), nullable=False),
        sa.Column("master", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_vault_keys"),
    )
    op.create_index("ix_vault_keys_master", "vault_keys", ["master"])
    op.create_table(
        "vault_fields",
        sa.Column("person", Key(64), nullable=False),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("person", "field", name="pk_vault_fields"),
    )
    op.create_table(
        "vault_openings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("alert_id", Key(64), nullable=False),
        sa.Column("actor", Key(128), nullable=False),
        sa.Column("persons", PlainText, nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vault_openings"),
    )
    op.create_index("ix_vault_openings_alert_id", "vault_openings", ["alert_id", "actor"])
    # Who looks for one kind of deed finds it without reading the whole log.
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "n"])
