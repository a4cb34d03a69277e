"""Sessions of people at the console: a cookie in place of a token, and links to sign in once."""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    String,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
)
from starlette.requests import HTTPConnection

from schemas.access import Grant, digest
from schemas.times import HOUR_MS, MINUTE_MS
from services.api.store.database import Database
from services.api.store.tables import metadata

COOKIE = "cordon_session"
SESSION_MS = 12 * HOUR_MS
LINK_MS = 10 * MINUTE_MS

# Kept so that a restart signs nobody out. `digest` is of the cookie's value, which is not kept;
# `tokens` is the digest of the token file under which the session began.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("tokens", String(64), nullable=False),
)


class _Held(Struct, frozen=True):
    grant: Grant
    expires_ms: int


class Sessions:
    """Who is signed in. A look-up is a look into memory; the database remembers for a restart."""

    def __init__(self, database: Database, clock_ms: Callable[[], int], tokens_path: Path) -> None:
        """`tokens_path`: a changed token file ends the sessions of before at the next start."""
        self._database = database
        self._clock_ms = clock_ms
        self._tokens_path = tokens_path
        self._tokens = ""
        self._sessions: dict[str, _Held] = {}
        self._links: dict[str, _Held] = {}

    async def start(self) -> None:
        """Take up the sessions that still hold, and drop the others.

        A token that was taken out of the file must not live on in a cookie, so every session of
        another state of the file ends.
        """
        try:
            self._tokens = hashlib.sha256(self._tokens_path.read_bytes()).hexdigest()
        except FileNotFoundError:
            self._tokens = ""
        held = await self._database.write(
            lambda connection: _held(connection, self._tokens, self._clock_ms())
        )
        self._sessions.update(held)

    async def open(self, grant: Grant) -> str:
        """Begin a session; return the value of its cookie."""
        value = secrets.token_urlsafe(32)
        held = _Held(grant, self._clock_ms() + SESSION_MS)
        self._sessions = _unexpired(self._sessions, self._clock_ms())
        self._sessions[digest(value)] = held
        row = {
            "digest": digest(value),
            "name": grant.name,
            "role": grant.role,
            "expires_ms": held.expires_ms,
            "tokens": self._tokens,
        }
        await self._database.write(lambda connection: connection.execute(insert(sessions), row))
        return value

    async def close(self, value: str) -> None:
        """End a session; one that is unknown is ended already."""
        self._sessions.pop(digest(value), None)
        query = delete(sessions).where(sessions.c.digest == digest(value))
        await self._database.write(lambda connection: connection.execute(query))

    def grant_of_cookie(self, value: str | None) -> Grant | None:
        """Return whose session a cookie stands for, or None."""
        held = self._sessions.get(digest(value)) if value else None
        return held.grant if held is not None and self._clock_ms() < held.expires_ms else None

    def new_link(self, grant: Grant) -> str:
        """Return a code that signs in once, as `grant`, within ten minutes."""
        code = secrets.token_urlsafe(24)
        self._links = _unexpired(self._links, self._clock_ms())
        self._links[digest(code)] = _Held(grant, self._clock_ms() + LINK_MS)
        return code

    def use_link(self, code: str) -> Grant | None:
        """Use up a code; return whom it signs in, or None for one that is spent or too old."""
        held = self._links.pop(digest(code), None)
        return held.grant if held is not None and self._clock_ms() < held.expires_ms else None


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


def _held(connection: Connection, tokens: str, now_ms: int) -> dict[str, _Held]:
    """Drop what no longer holds, and return the rest."""
    over = or_(sessions.c.expires_ms <= now_ms, sessions.c.tokens != tokens)
    connection.execute(delete(sessions).where(over))
    return {
        row.digest: _Held(
            msgspec.convert({"name": row.name, "role": row.role}, Grant), row.expires_ms
        )
        for row in connection.execute(select(sessions))
    }


def _unexpired(held: dict[str, _Held], now_ms: int) -> dict[str, _Held]:
    return {key: one for key, one in held.items() if now_ms < one.expires_ms}
