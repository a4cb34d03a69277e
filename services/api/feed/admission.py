"""Streams end when what let their readers in holds no longer.

A request is let in once, and a stream may last for days. So every two seconds each reader's token
or session is looked up anew, all sessions in one query: whoever is disabled, signed out, revoked,
or has another role or other areas by now is sent away, and may come back as what they are.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
from fastapi import Depends
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State
from starlette.requests import HTTPConnection

from schemas.access import Grant, TokenFile
from services.api.feed.hub import Hub, Reader
from services.api.guard import READERS, allowed, grant_of
from services.api.metrics import ADMISSION_FAILURES, FEED_SENT_AWAY
from services.api.session import COOKIE, Sessions

_ROUND_S: Final = 2.0
_log = structlog.get_logger(__name__)


class Admission(Struct, frozen=True):
    """What a reader was let in by, the header or the cookie, and what that stood for."""

    header: str | None
    cookie: str | None
    grant: Grant


async def admitted(connection: HTTPConnection) -> Admission:
    """Return what lets the caller in; raises HTTPException 401 and 403."""
    grant = allowed(await grant_of(connection), *READERS)
    header = connection.headers.get("authorization")
    return Admission(header, None if header is not None else connection.cookies.get(COOKIE), grant)


Admitted = Annotated[Admission, Depends(admitted)]


class Admissions:
    """Looks after the readers of a hub, and reads the file of tokens anew when it has changed."""

    def __init__(self, hub: Hub, sessions: Sessions, state: State, tokens_path: Path) -> None:
        """`state` is the application's: its `tokens` are those that every request is held to."""
        self._hub = hub
        self._sessions = sessions
        self._state = state
        self._tokens_path = tokens_path
        self._seen = _stamp(tokens_path)

    async def run(self) -> None:
        """Look until cancelled; failures are retried, and end no stream."""
        while True:
            await asyncio.sleep(_ROUND_S)
            try:
                await self.look()
            except SQLAlchemyError as error:
                ADMISSION_FAILURES.labels("store").inc()
                _log.error("admission_store_failed", error=repr(error))

    async def look(self) -> None:
        """Read the tokens if they have changed; send away every reader who may not stay."""
        await self._read_tokens()
        readers = [(one, one.admission) for one in self._hub.readers if one.admission is not None]
        cookies = {admission.cookie for _, admission in readers if admission.cookie}
        held = await self._sessions.grants_of(cookies) if cookies else {}
        tokens: TokenFile = self._state.tokens
        for reader, was in readers:
            now = held.get(was.cookie or "")
            if was.header is not None:
                now = tokens.grant_of_header(was.header)
            if now != was.grant:
                self._send_away(reader, was, "ended" if now is None else "changed")

    async def _read_tokens(self) -> None:
        stamp = _stamp(self._tokens_path)
        if stamp == self._seen:
            return
        try:
            self._state.tokens = TokenFile.load(self._tokens_path)
        except (OSError, msgspec.MsgspecError) as error:
            # Nobody is let in or out by a file that cannot be read; the next look tries again.
            ADMISSION_FAILURES.labels("tokens").inc()
            _log.error("tokens_unreadable", path=str(self._tokens_path), error=repr(error))
            return
        await self._sessions.start()
        self._seen = stamp
        _log.info("tokens_read", path=str(self._tokens_path))

    def _send_away(self, reader: Reader, was: Admission, why: str) -> None:
        if not reader.dismissed:
            FEED_SENT_AWAY.labels(why).inc()
            _log.info("reader_sent_away", who=was.grant.name, why=why)
        self._hub.dismiss(reader)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes with the file, which is always replaced as a whole; None = none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
