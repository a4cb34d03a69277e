"""Posts a message to a receiver, once: bounded in time, without redirects, to allowed addresses."""

import errno
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
from msgspec import Struct

from services.api.webhooks.addresses import Network, permitted

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)
_REASON_CHARACTERS: Final = 200


class Attempt(Struct, frozen=True):
    """What came of a post: a status, or what went wrong before there was one."""

    status: int | None
    error: str | None
    duration_ms: int
    retry_after_s: float | None = None

    @property
    def result(self) -> str:
        """The same, in a few words."""
        return f"status {self.status}" if self.error is None else self.error


class Sender:
    """One for the process. A connection serves one message: receivers are few and far."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        """`allowed` are networks that may be reached though they are private, without TLS too."""
        self._allowed = tuple(allowed)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Post; whatever goes wrong on the way is told by the answer."""
        secure = url.startswith("https:")
        inside: list[str] = []

        def guarded(info: Any) -> socket.socket:
            family, kind, protocol, _, address = info
            if not permitted(address[0], secure=secure, allowed=self._allowed):
                inside.append(address[0])
                raise OSError(errno.EACCES, "may not be reached", address[0])
            return socket.socket(family, kind, protocol)

        began_s = time.monotonic()
        status: int | None = None
        error: str | None = None
        asked_s: float | None = None
        connector = aiohttp.TCPConnector(
            socket_factory=guarded, force_close=True, use_dns_cache=False
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    timeout=_TIMEOUT,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    trust_env=False,
                ) as session,
                # What the receiver says besides its status is not read.
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
                asked = answer.headers.get("Retry-After", "")
                asked_s = float(asked) if asked.isdecimal() and len(asked) < 7 else None
        except TimeoutError:
            error = "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            # The caller counts it: here nobody knows whose message it was.
            # What several addresses failed with is joined into one error that names none.
            refused = f"{', '.join(inside)}: may not be reached (CORDON_WEBHOOK_ALLOW)"
            error = refused if inside else f"{type(failure).__name__}: {failure}"
        error = error and error[:_REASON_CHARACTERS]
        return Attempt(status, error, int((time.monotonic() - began_s) * 1000), asked_s)
