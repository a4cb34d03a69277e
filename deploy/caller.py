"""A small HTTP client that keeps its connection: for `replay`, the demo and the runner."""

import http.client
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

NDJSON: Final = "application/x-ndjson"
_TIMEOUT_S: Final = 30.0


class Unreachable(Exception):
    """Nobody answered; whether the request was carried out is not known."""


class Answer(Struct, frozen=True):
    """An answer: its status, its body, and after how many seconds to ask again."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    def json(self) -> Any:
        """Return the body, decoded."""
        return msgspec.json.decode(self.body)


class Caller:
    """One connection to one service. What it sends must bear being sent twice."""

    def __init__(self, base: str, token: str) -> None:
        parts = urlsplit(base if "//" in base else f"//{base}", scheme="http")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._base = base

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> Answer:
        """Send a request and return the answer; raises Unreachable.

        A connection that the other side closed while it was idle is opened anew, once.
        """
        headers = {**self._headers, "Content-Type": content_type}
        try:
            return self._send(method, path, body, headers)
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()
        except OSError as error:
            self._connection.close()
            raise Unreachable(f"{self._base} does not answer: {error}") from error
        try:
            return self._send(method, path, body, headers)
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise Unreachable(f"{self._base} does not answer: {error}") from error

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        content = response.read()
        return Answer(response.status, content, _seconds(response.getheader("Retry-After")))


def _seconds(text: str | None) -> float | None:
    # Retry-After may also be a date; ours are seconds, and another form means "you choose".
    return float(text) if text is not None and text.isdigit() else None
