"""A whole system as its users meet it: `cordon up` in a process of its own, and calls to it."""

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.caller import Answer, Caller
from deploy.ready_file import Ready

START_S = 120.0
STOP_S = 30.0


class SystemFailed(Exception):
    """`cordon up` ended or stayed silent; the text is what it said."""


class RunningSystem:
    """One `cordon up` on a data folder, with any free ports."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        """`environment` names settings without their prefix, such as `workers="2"`."""
        self.data_dir = data_dir
        self._options = options
        # Settings of whoever runs the tests stay outside; where downloads are kept does not.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("CORDON_") or name == "CORDON_CACHE_DIR"
        }
        self._environment = {
            **kept,
            "CORDON_API_PORT": "0",
            "CORDON_INGEST_PORT": "0",
            "CORDON_KAFKA_PORT": "0",
            **{f"CORDON_{name.upper()}": value for name, value in environment.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: Ready | None = None
        self.said = ""

    @property
    def ready(self) -> Ready:
        """Where the system answers."""
        assert self._ready is not None, "started"
        return self._ready

    @property
    def pid(self) -> int:
        """The process of `cordon up`."""
        assert self._process is not None, "started"
        return self._process.pid

    def start(self) -> Ready:
        """Start, and return when everything is ready; raises SystemFailed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        ready_file = self.data_dir / "told-ready.json"
        self.said = ""
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "deploy.cli", "up", *self._options,
                "--data-dir", str(self.data_dir), "--ready-file", str(ready_file),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            self._read_until("stop with Ctrl-C", START_S)
        except SystemFailed:
            self.kill()
            raise
        self._ready = Ready.load(ready_file)
        return self._ready

    def stop(self) -> float:
        """Send SIGTERM and return the seconds that the stop took; raises SystemFailed."""
        assert self._process is not None, "started"
        began_s = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._read_until(None, STOP_S)
        code = self._process.wait(STOP_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        if code != 0:
            raise SystemFailed(f"exit code {code}: {self.said}")
        return time.monotonic() - began_s

    def kill(self) -> None:
        """Kill `cordon up` at once; what it started has to die with it."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait(STOP_S)
            if self._process.stdout is not None:
                self._process.stdout.close()

    def api(self, method: str, path: str, body: object = None, token: str | None = None) -> Answer:
        """Call the API, as the administrator unless another token is given."""
        return call(self.ready.api, token or self.ready.admin_token, method, path, body)

    def ingest(self, path: str, body: object, token: str | None = None) -> Answer:
        """Post to ingest, as a device unless another token is given."""
        return call(self.ready.ingest, token or self.ready.device_token, "POST", path, body)

    def feed(self, timeout_s: float) -> "Feed":
        """Open the live feed of alerts, from now on."""
        return Feed(self.ready, timeout_s)

    def _read_until(self, mark: str | None, timeout_s: float) -> None:
        """Take in what the process says until it says `mark`, None = until it ends."""
        assert self._process is not None
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        until_s = time.monotonic() + timeout_s
        while mark is None or mark not in self.said:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not select.select([output], [], [], left_s)[0]:
                raise SystemFailed(f"nothing more within {timeout_s:.0f} s: {self.said}")
            chunk = os.read(output, 65536)
            if not chunk:
                if mark is None:
                    return
                raise SystemFailed(f"ended early: {self.said}")
            self.said += chunk.decode(errors="replace")


class Feed:
    """One reader of the feed. `timeout_s` bounds the silence between two of its lines."""

    def __init__(self, ready: Ready, timeout_s: float) -> None:
        parts = urlsplit(ready.api)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=timeout_s
        )
        self._connection.request(
            "GET", "/v1/alerts/stream", headers={"Authorization": f"Bearer {ready.admin_token}"}
        )
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        # The first event says that the feed is open: what is raised from now on will come.
        self._events = self._read()
        next(self._events)

    def alert(self, **fields: object) -> dict[str, Any]:
        """Wait for an alert with these fields."""
        for event in self._events:
            alert: dict[str, Any] = event.get("data") or {}
            if "rule" in alert and all(alert.get(name) == each for name, each in fields.items()):
                return alert
        raise SystemFailed(f"the feed ended without {fields}")

    def close(self) -> None:
        """Leave the feed."""
        self._response.close()
        self._connection.close()

    def _read(self) -> Iterator[dict[str, Any]]:
        for line in self._response:
            if line.startswith(b"data:"):
                yield json.loads(line[5:])


def call(base: str, token: str, method: str, path: str, body: object = None) -> Answer:
    """Call a service once, with a JSON body or none."""
    with Caller(base, token) as service:
        return service.call(method, path, b"" if body is None else json.dumps(body).encode())
