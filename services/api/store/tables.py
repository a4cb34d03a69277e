"""The tables of the API's database. The registers add theirs to the same metadata."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from services.api.store.columns import Key, PlainText

# Named constraints can be altered later on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The newest state of every alert. `raised_n` is the feed's number of its first event: the order of
# lists. `ended_n` is the number of the event that ended it last, None while it lives, and `node`
# where its life lies (history/spans.py). `body` is the alert and `acts` the people's acts as JSON;
# all other columns serve filters. Behind the columns that an index is looked up by, and `raised_n`
# that orders lists, stand those that are often asked too: so what does not match is passed over in
# the index. Texts have an index of their own (search.py).
_SPAN = ("first_seen_ms", "last_seen_ms")
_ASKED = ("state", "severity", *_SPAN)
# What few alerts are: seen for more than an hour. Whoever asks for a span of time finds the others
# by their first match.
LONG_MS = 3_600_000
LONG = f"last_seen_ms - first_seen_ms > {LONG_MS}"
alerts = Table(
    "alerts",
    metadata,
    Column("id", Key(64), primary_key=True),
    Column("raised_n", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("verb", String(16), nullable=False),
    Column("survivor", Key(64)),
    Column("rule", Key(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("grid", PlainText),
    Column("site", PlainText),
    Column("order_id", PlainText),
    Column("subject", PlainText, nullable=False),
    Column("historical", Boolean, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("capped_by", Key(64)),
    Column("incident", PlainText),
    Column("silenced", Boolean, nullable=False),
    Column("inhibited", Boolean, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("ended_n", BigInteger),
    Column("node", BigInteger),
    Column("search", PlainText, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("acts", LargeBinary, nullable=False),
    Index("ix_alerts_raised_n", "raised_n", unique=True),
    Index("ix_alerts_survivor", "survivor"),
    Index("ix_alerts_state", "state", "raised_n", *_SPAN),
    Index("ix_alerts_rule", "rule", "raised_n", *_ASKED),
    Index("ix_alerts_subject", "subject", "raised_n"),
    Index("ix_alerts_order_id", "order_id", "raised_n"),
    Index("ix_alerts_site", "site", "raised_n", *_ASKED),
    Index("ix_alerts_grid", "grid", "raised_n", *_ASKED),
    Index("ix_alerts_capped_by", "capped_by", "raised_n"),
    Index("ix_alerts_incident", "incident", "raised_n"),
    Index("ix_alerts_severity", "severity", "raised_n", "state", *_SPAN),
    Index("ix_alerts_urgent", "state", "severity", "raised_n"),
    Index("ix_alerts_span", "raised_n", *_SPAN),
    Index("ix_alerts_first_seen", "first_seen_ms", "raised_n", "last_seen_ms", *_ASKED[:2]),
    Index(
        "ix_alerts_long",
        "last_seen_ms",
        "first_seen_ms",
        "raised_n",
        *_ASKED[:2],
        sqlite_where=text(LONG),
        postgresql_where=text(LONG),
    ),
    Index("ix_alerts_silenced", "silenced", "raised_n"),
    Index("ix_alerts_inhibited", "inhibited", "raised_n"),
    Index(
        "ix_alerts_capped",
        "raised_n",
        sqlite_where=text("capped_by IS NOT NULL"),
        postgresql_where=text("capped_by IS NOT NULL"),
    ),
    Index("ix_alerts_node_ended", "node", "ended_n"),
    Index("ix_alerts_node_raised", "node", "raised_n"),
)

# The feed and the history of every alert: each event in commit order, as the bytes that leave. `n`
# is counted by the row `feed` of `counters`, in a database that has one writer at a time (see
# Database): so n is in commit order, without holes (an autoincrement is neither). `committed_ms`
# serves who asks by time.
alert_events = Table(
    "alert_events",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("alert_id", Key(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    Column("committed_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_alert_events_committed_ms", "committed_ms"),
    Index("ix_alert_events_alert_id", "alert_id", "n"),
)

# Every value that an alert ever had of what may change from match to match: its order, site, grid.
alert_traits = Table(
    "alert_traits",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("value", Key(256), primary_key=True),
    Column("raised_n", BigInteger, primary_key=True, autoincrement=False),
)

# How often each rule raises alerts in each place (rate_cap.Group, as JSON), for the last minutes;
# `open` = a summary stands for some of them.
caps = Table(
    "caps",
    metadata,
    Column("key", Key(512), primary_key=True),
    Column("open", Boolean, nullable=False),
    Column("newest_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# The alerts that somebody has to do something about (overdue.Wait), and since when in this span;
# `since_ms` is null after the last level.
waits = Table(
    "waits",
    metadata,
    Column("alert_id", Key(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("since_ms", BigInteger),
    Column("level", Integer, nullable=False),
    Index("ix_waits_since_ms", "since_ms"),
    Index("ix_waits_level", "level", "severity"),
)

# What kept events from being alerts, by the hour of the engine's clock; `site` "" = at none.
suppressed = Table(
    "suppressed",
    metadata,
    Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("rule", Key(64), primary_key=True),
    Column("reason", Key(64), primary_key=True),
    Column("site", Key(128), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("source", PlainText, nullable=False),
    Column("event_id", PlainText, nullable=False),
)

# Where the consumer of findings goes on, in the transaction of what it has read.
positions = Table(
    "positions",
    metadata,
    Column("topic", String(128), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)

# `feed`: the last number given to an event; `outbox`: the last one published to Kafka; `clock`: the
# newest instant, ms UTC, of an engine's clock.
counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# `epoch`: a random name of this history of the feed, made once; a cursor of another is unknown.
meta = Table(
    "meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)
