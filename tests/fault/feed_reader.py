"""A subscriber of the feed as it should be: it reconnects and goes on where it was."""

import http.client
import threading
from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

import msgspec

_SILENCE_S = 60.0
_PAUSE_S = 0.1


class FeedReader:
    """Reads the feed in a thread until `close`, over any number of connections."""

    def __init__(self, api: str, token: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.connections = 0
        self.gaps: list[str] = []
        self._api = urlsplit(api)
        self._token = token
        self._cursor: str | None = None
        self._opened = threading.Event()
        self._closing = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, name="feed-reader", daemon=True)

    def open(self, deadline_s: float) -> None:
        """Start, and return when the feed is open: whatever is raised from now on will come."""
        self._thread.start()
        assert self._opened.wait(deadline_s), "the feed did not open"

    def close(self) -> None:
        """Leave the feed for good."""
        self._closing.set()
        connection = self._connection
        if connection is not None and connection.sock is not None:
            # Closing alone would not wake the thread that is reading.
            connection.sock.shutdown(2)
        self._thread.join(_SILENCE_S)
        assert not self._thread.is_alive()

    def revisions(self) -> dict[str, list[int]]:
        """Return the revisions of each alert in the order in which they came."""
        found: dict[str, list[int]] = defaultdict(list)
        for event in list(self.events):
            found[event["data"]["id"]].append(event["data"]["revision"])
        return dict(found)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._read()
            except (OSError, http.client.HTTPException):
                # The API has gone, or has not come back yet.
                self._closing.wait(_PAUSE_S)

    def _read(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        if self._cursor is not None:
            headers["Last-Event-ID"] = self._cursor
        connection = http.client.HTTPConnection(
            self._api.hostname or "", self._api.port, timeout=_SILENCE_S
        )
        self._connection = connection
        response: http.client.HTTPResponse | None = None
        try:
            connection.request("GET", "/v1/alerts/stream", headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise http.client.HTTPException(f"status {response.status}")
            self.connections += 1
            self._take(response)
        finally:
            if response is not None:
                response.close()
            connection.close()

    def _take(self, response: http.client.HTTPResponse) -> None:
        """Take events in; one counts, and moves the cursor, only when it is there whole."""
        fields: dict[str, str] = {}
        for raw in response:
            line = raw.decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if "data" in fields:
                self._cursor = fields["id"]
                if fields["event"] == "cordon.feed.gap.v1":
                    self.gaps.append(fields["data"])
                elif fields["event"].startswith("cordon.alert."):
                    self.events.append(msgspec.json.decode(fields["data"]))
                self._opened.set()
            fields = {}
