"""Pieces of text in alerts, found by an index of grams: every three characters in a row.

Whatever `q` is, its own grams are in each text that holds it; so few alerts are left to be looked
at, however many there are. A text of one or two characters is the beginning of grams. Chinese has
no spaces between words, and a plate is looked for by any part of it: so there are no words here.

Both databases keep such an index without an extension, and keep it up themselves with every write
(see `create`): SQLite as FTS5 with its trigram tokenizer (3.34 and newer), PostgreSQL as GIN.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, column, false, select, table, text

from services.api.store.columns import plain_text

# So many characters make a gram.
GRAM: Final = 3
# What stands behind so many characters of an alert's texts is not found on PostgreSQL.
LONGEST: Final = 20_000
# More grams of one text would hardly leave out more alerts.
_MOST_GRAMS: Final = 16
# Above every character that a text may hold.
_LAST: Final = "\U0010ffff"

# Tables that hold nothing but what the alerts hold too: a backup leaves them out.
INDEXES: Final = frozenset({"alert_search"})

_INDEX = table("alert_search", column("rowid"))
_COPY = table("alert_search", column("raised_n"))
_TERMS = table("alert_search_terms", column("term"))

# In the index two line ends stand behind each text: so each of its characters begins a gram.
_SQLITE: Final = (
    # Only the grams and where they are: neither the texts again nor the places of grams in them.
    "CREATE VIRTUAL TABLE alert_search USING fts5("
    "search, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1')",
    "CREATE VIRTUAL TABLE alert_search_terms USING fts5vocab(alert_search, 'row')",
    "INSERT INTO alert_search (rowid, search) "
    "SELECT raised_n, search || char(10, 10) FROM alerts ORDER BY raised_n",
    "CREATE TRIGGER alert_search_added AFTER INSERT ON alerts BEGIN "
    "INSERT INTO alert_search (rowid, search) VALUES (new.raised_n, new.search || char(10, 10)); "
    "END",
    "CREATE TRIGGER alert_search_changed AFTER UPDATE OF search ON alerts "
    "WHEN old.search <> new.search BEGIN "
    "INSERT INTO alert_search (alert_search, rowid, search) "
    "VALUES ('delete', old.raised_n, old.search || char(10, 10)); "
    "INSERT INTO alert_search (rowid, search) VALUES (new.raised_n, new.search || char(10, 10)); "
    "END",
    "CREATE TRIGGER alert_search_removed AFTER DELETE ON alerts BEGIN "
    "INSERT INTO alert_search (alert_search, rowid, search) "
    "VALUES ('delete', old.raised_n, old.search || char(10, 10)); END",
)
_POSTGRESQL: Final = (
    # It costs more than to read a row: so the server never asks it of one row after the other.
    # One walk over the characters: `substr` would begin anew for each gram. A text has its bound,
    # because a tsvector has one.
    "CREATE FUNCTION cordon_grams(whole text) RETURNS tsvector "
    "LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$ "
    "SELECT array_to_tsvector(COALESCE(array_agg(DISTINCT one || two || three), '{}')) FROM ("
    "SELECT one, lead(one) OVER near AS two, lead(one, 2) OVER near AS three "
    f"FROM unnest(string_to_array(left(whole, {LONGEST}) || E'\\n\\n', NULL)) "
    "WITH ORDINALITY AS each(one, n) WINDOW near AS (ORDER BY n)) AS grams "
    "WHERE three IS NOT NULL $$",
    # A copy of the texts, since an index on the alerts would be written with each change of one.
    "CREATE TABLE alert_search (raised_n bigint PRIMARY KEY, search text NOT NULL)",
    "INSERT INTO alert_search SELECT raised_n, search FROM alerts ORDER BY raised_n",
    "CREATE INDEX ix_alert_search_grams ON alert_search USING gin (cordon_grams(search))",
    # What ANALYZE would learn of grams is not worth the time that it takes to make them.
    "ALTER INDEX ix_alert_search_grams ALTER COLUMN 1 SET STATISTICS 0",
    "CREATE FUNCTION cordon_alert_search() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN INSERT INTO alert_search VALUES (new.raised_n, new.search) "
    "ON CONFLICT (raised_n) DO UPDATE SET search = excluded.search; RETURN NULL; END $$",
    "CREATE TRIGGER alert_search_added AFTER INSERT ON alerts "
    "FOR EACH ROW EXECUTE FUNCTION cordon_alert_search()",
    "CREATE TRIGGER alert_search_changed AFTER UPDATE OF search ON alerts "
    "FOR EACH ROW WHEN (old.search <> new.search) EXECUTE FUNCTION cordon_alert_search()",
    "CREATE FUNCTION cordon_alert_search_removed() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN DELETE FROM alert_search WHERE raised_n = old.raised_n; RETURN NULL; END $$",
    "CREATE TRIGGER alert_search_removed AFTER DELETE ON alerts "
    "FOR EACH ROW EXECUTE FUNCTION cordon_alert_search_removed()",
)


def create(connection: Connection) -> None:
    """Make the index of what is there, and let the database keep it up."""
    on_postgresql = connection.dialect.name == "postgresql"
    for statement in _POSTGRESQL if on_postgresql else _SQLITE:
        connection.exec_driver_sql(statement.replace("%", "%%"))


def drop(connection: Connection) -> None:
    """Remove the index: whoever fills an empty store at once makes it afterwards."""
    on_postgresql = connection.dialect.name == "postgresql"
    for name in ("added", "changed", "removed"):
        of_table = " ON alerts" if on_postgresql else ""
        connection.exec_driver_sql(f"DROP TRIGGER alert_search_{name}{of_table}")
    if on_postgresql:
        connection.exec_driver_sql("DROP TABLE alert_search")
        for name in ("grams", "alert_search", "alert_search_removed"):
            connection.exec_driver_sql(f"DROP FUNCTION cordon_{name}")
        return
    for name in ("alert_search_terms", "alert_search"):
        connection.exec_driver_sql(f"DROP TABLE {name}")


def grams_of(sought: str) -> list[str]:
    """Return grams that every text has that holds `sought`: they cover all of it, or its beginning
    where it is long. What is shorter than a gram has none."""
    last = len(sought) - GRAM
    if last < 0:
        return []
    places = sorted({*range(0, last + 1, GRAM), last})
    return [sought[place : place + GRAM] for place in places[:_MOST_GRAMS]]


def found(
    connection: Connection, sought: str, below: int | None, beside: Iterable[str] = ()
) -> Select[Any]:
    """Return the query of `raised_n` of the alerts that may hold a text, and those `beside` it, all
    folded as theirs are and not empty; `below` bounds it."""
    others = [gram for each in beside for gram in grams_of(plain_text(each))]
    on_postgresql = connection.dialect.name == "postgresql"
    key = _COPY.c.raised_n if on_postgresql else _INDEX.c.rowid
    query = select(key.label("raised_n"))
    if below is not None:
        query = query.where(key < below)
    if on_postgresql:
        ending = ":*" if len(sought) < GRAM else ""
        lexemes = [_quoted(lexeme, "'", "\\") + ending for lexeme in grams_of(sought) or [sought]]
        wanted = " & ".join(lexemes + [_quoted(gram, "'", "\\") for gram in others])
        return query.where(text("cordon_grams(search) @@ CAST(:g AS tsquery)").bindparams(g=wanted))
    grams = [_quoted(gram, '"') for gram in grams_of(sought)]
    if len(sought) < GRAM:
        beginning = [_quoted(gram, '"') for gram in _beginning_with(connection, sought)]
        if not beginning:
            return query.where(false())
        grams = [f"({' OR '.join(beginning)})"]
    wanted = " AND ".join(grams + [_quoted(gram, '"') for gram in others])
    return query.where(text("alert_search MATCH :g").bindparams(g=wanted))


def _beginning_with(connection: Connection, sought: str) -> Sequence[str]:
    term = _TERMS.c.term
    query = select(term).where(term >= sought, term < sought + _LAST)
    return connection.scalars(query).all()


def _quoted(gram: str, *marks: str) -> str:
    """Return a gram between the first mark, each mark in it doubled."""
    inner = gram
    for mark in marks:
        inner = inner.replace(mark, mark * 2)
    return f"{marks[0]}{inner}{marks[0]}"
