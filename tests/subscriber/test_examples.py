"""The examples of a subscriber, on a whole running system."""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.test_up import breach, file_county
from tests.system import RunningSystem

pytestmark = pytest.mark.broker
EXAMPLES = Path(__file__).parents[2] / "docs/examples"
WITHIN_S = 60.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    running = RunningSystem(tmp_path / "data")
    running.start()
    yield running
    running.kill()


class Subscriber:
    """A running example, and what it prints."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def until(self, **fields: object) -> dict[str, Any]:
        """Return the next thing printed that has these fields."""
        while (line := self._lines.get(timeout=WITHIN_S)) is not None:
            said: dict[str, Any] = json.loads(line)
            if all(said.get(name) == value for name, value in fields.items()):
                return said
        raise AssertionError(f"it ended before {fields}")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(WITHIN_S)
        self._thread.join(WITHIN_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put(None)


@contextmanager
def subscriber(*command: str, **environment: str) -> Iterator[Subscriber]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    one = Subscriber(process)
    try:
        yield one
    finally:
        one.close()


def test_the_one_in_python_has_the_state_and_then_the_log(system: RunningSystem) -> None:
    feed = system.feed(WITHIN_S)
    file_county(system)
    assert system.ingest("/v1/health-checks", breach("b1")).status == 202
    alert = feed.alert(rule="quarantine-breach")["id"]
    feed.close()
    # What happened before it came is in the state, what happens then is in the log.
    with subscriber(sys.executable, str(EXAMPLES / "subscriber.py"), system.ready.kafka) as kafka:
        kafka.until(id=alert, revision=1, state="open")
        revision = system.api("GET", f"/v1/alerts/{alert}").json()["revision"]
        assert _ack(system, alert, revision)["state"] == "acked"
        kafka.until(id=alert, revision=revision + 1, state="acked")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example in shell needs curl")
def test_the_one_in_shell_comes_back_and_misses_nothing(
    system: RunningSystem, tmp_path: Path
) -> None:
    cursor_file = tmp_path / "cursor"
    shell = ("sh", str(EXAMPLES / "subscriber.sh"), str(cursor_file))
    environment = {"API": system.ready.api, "TOKEN": system.ready.admin_token}
    with subscriber(*shell, **environment) as lines:
        opened = lines.until(type="cordon.feed.open.v1")
        file_county(system)
        assert system.ingest("/v1/health-checks", breach("b1")).status == 202
        raised = lines.until(type="cordon.alert.raised.v1")
        alert = raised["data"]["id"]
    assert opened["cursor"] != raised["cursor"]
    _ack(system, alert, system.api("GET", f"/v1/alerts/{alert}").json()["revision"])
    with subscriber(*shell, **environment) as lines:
        event = lines.until(type="cordon.alert.acked.v1")
    assert event["data"]["id"] == alert
    # It keeps a cursor after it has handled the event, so it may still be at one before the last;
    # between the two the alert may have grown.
    assert _place(raised) <= _place({"cursor": cursor_file.read_text().strip()}) <= _place(event)


def _place(event: dict[str, Any]) -> tuple[str, int]:
    """The feed's epoch, and the place in it."""
    epoch, _, number = event["cursor"].partition("-")
    return epoch, int(number)


def _ack(system: RunningSystem, alert: str, revision: int) -> dict[str, Any]:
    import urllib.request

    request = urllib.request.Request(
        f"{system.ready.api}/v1/alerts/{alert}/ack",
        data=b"",
        method="POST",
        headers={
            "Authorization": f"Bearer {system.ready.admin_token}",
            "If-Match": str(revision),
        },
    )
    with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
        acknowledged: dict[str, Any] = json.loads(answer.read())
    return acknowledged
