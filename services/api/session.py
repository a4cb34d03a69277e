"""Sessions of people at the console: a cookie in place of a token, and links to sign in once."""

import hashlib
import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
)
from starlette.requests import HTTPConnection

from schemas.access import Grant, digest
from schemas.times import HOUR_MS, MINUTE_MS
from services.api.store.columns import Key, PlainText
from services.api.store.database import Database
from services.api.store.tables import metadata

COOKIE = "cordon_session"
SESSION_MS = 12 * HOUR_MS
LINK_MS = 10 * MINUTE_MS


def _table(name: str) -> Table:
    """Return a table of what signs in; it serves every process that shares the database.

    `digest` is of the secret, which is not kept; `tokens` is the digest of the token file under
    which it was made. `account` is the user who signed in by password, or null; such a session
    lasts whatever becomes of the tokens. `areas` is a JSON list of grids, null = everywhere.
    """
    return Table(
        name,
        metadata,
        Column("digest", String(64), primary_key=True),
        Column("name", Text, nullable=False),
        Column("role", String(16), nullable=False),
        Column("expires_ms", BigInteger, nullable=False),
        Column("tokens", String(64), nullable=False),
        Column("areas", PlainText),
        Column("account", Key(64)),
    )


sessions = _table("sessions")
links = _table("sign_in_links")


class Sessions:
    """Who is signed in: in the database, so that it holds after a restart and for each replica."""

    def __init__(self, database: Database, clock_ms: Callable[[], int], tokens_path: Path) -> None:
        """`tokens_path`: a changed token file ends what was begun under another, once it is read.

        A token that was taken out of the file must not live on in a cookie.
        """
        self._database = database
        self._clock_ms = clock_ms
        self._tokens_path = tokens_path
        self._tokens = ""

    async def start(self) -> None:
        """Read which state of the token file counts, and drop what no longer holds."""
        try:
            self._tokens = hashlib.sha256(self._tokens_path.read_bytes()).hexdigest()
        except FileNotFoundError:
            self._tokens = ""
        await self._database.write(
            lambda connection: _drop_old(connection, self._tokens, self._clock_ms())
        )

    async def open(self, grant: Grant) -> str:
        """Begin a session; return the value of its cookie."""
        return await self._add(sessions, grant, secrets.token_urlsafe(32), SESSION_MS)

    async def close(self, value: str) -> None:
        """End a session; one that is unknown is ended already."""
        query = delete(sessions).where(sessions.c.digest == digest(value))
        await self._database.write(lambda connection: connection.execute(query))

    async def grant_of_cookie(self, value: str | None) -> Grant | None:
        """Return whose session a cookie stands for, or None."""
        if not value:
            return None
        query = select(*_grants(sessions)).where(*self._holds(sessions, value))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _grant(row)

    async def grants_of(self, values: Collection[str]) -> dict[str, Grant]:
        """Return whose sessions these cookies stand for; those that are over are left out."""
        by_digest = {digest(value): value for value in values}
        wanted = sessions.c.digest.in_(sorted(by_digest))
        query = select(sessions.c.digest, *_grants(sessions)).where(
            wanted, *self._holding(sessions)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {by_digest[row.digest]: _grant(row) for row in rows}

    async def new_link(self, grant: Grant) -> str:
        """Return a code that signs in once, as `grant`, within ten minutes."""
        return await self._add(links, grant, secrets.token_urlsafe(24), LINK_MS)

    async def use_link(self, code: str) -> Grant | None:
        """Use up a code; return whom it signs in, or None for one that is spent or too old."""
        query = delete(links).where(*self._holds(links, code)).returning(*_grants(links))
        row = await self._database.write(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _grant(row)

    async def _add(self, table: Table, grant: Grant, secret: str, lasts_ms: int) -> str:
        now_ms = self._clock_ms()
        row = {
            "digest": digest(secret),
            "name": grant.name,
            "role": grant.role,
            "expires_ms": now_ms + lasts_ms,
            "tokens": self._tokens,
            "areas": None if grant.areas is None else msgspec.json.encode(grant.areas).decode(),
            "account": grant.account,
        }

        def add(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.expires_ms <= now_ms))
            connection.execute(insert(table), row)

        await self._database.write(add)
        return secret

    def _holds(self, table: Table, secret: str) -> tuple[ColumnElement[bool], ...]:
        return (table.c.digest == digest(secret), *self._holding(table))

    def _holding(self, table: Table) -> tuple[ColumnElement[bool], ...]:
        return (
            or_(table.c.account.is_not(None), table.c.tokens == self._tokens),
            table.c.expires_ms > self._clock_ms(),
        )


def end_sessions(connection: Connection, account: str) -> None:
    """End every session, and every link, of a user."""
    for table in (sessions, links):
        connection.execute(delete(table).where(table.c.account == account))


def is_own_page(connection: HTTPConnection) -> bool:
    """Return whether a request that a cookie vouches for was made by the API's own page.

    SameSite=Strict keeps the cookie from other sites, but another port of this host is the same
    site. Browsers say where a request comes from, in Sec-Fetch-Site or at least in Origin; what
    says neither is no browser, and has a token to use.
    """
    fetched_from = connection.headers.get("sec-fetch-site")
    if fetched_from is not None:
        return fetched_from == "same-origin"
    origin = urlsplit(connection.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == connection.headers.get("host")


def _drop_old(connection: Connection, tokens: str, now_ms: int) -> None:
    for table in (sessions, links):
        of_others = and_(table.c.account.is_(None), table.c.tokens != tokens)
        over = or_(table.c.expires_ms <= now_ms, of_others)
        connection.execute(delete(table).where(over))


def _grants(table: Table) -> tuple[Column[Any], ...]:
    return table.c.name, table.c.role, table.c.areas, table.c.account


def _grant(row: Row[Any]) -> Grant:
    areas = None if row.areas is None else msgspec.json.decode(row.areas)
    fields = {"name": row.name, "role": row.role, "areas": areas, "account": row.account}
    return msgspec.convert(fields, Grant)
