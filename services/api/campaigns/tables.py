"""The tables of campaigns and of beds."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from services.api.store.columns import Key, PlainText
from services.api.store.tables import metadata

# `n` counts campaigns as they are created; `body` is campaign.Campaign as JSON.
campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Key(64), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("about", PlainText),
    Column("body", LargeBinary, nullable=False),
    Index("ix_campaigns_n", "n", unique=True),
    Index("ix_campaigns_kind", "kind", "n"),
    Index("ix_campaigns_about", "about"),
)

# Who lies where: the key alone keeps a bed from being given twice, whichever campaign gives it.
beds = Table(
    "beds",
    metadata,
    Column("facility", Key(128), primary_key=True),
    Column("bed", Key(128), primary_key=True),
    Column("task", Key(64), nullable=False),
    Index("ix_beds_task", "task"),
)
