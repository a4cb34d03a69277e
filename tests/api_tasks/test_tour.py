"""docs/tour.md against a running system: every request of the page, in its order."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from schemas.access import Grant, Role, add_token
from tests.api_tasks.tour import PAGE, Step, filled, holds, loaded, steps, utc_now
from tests.fault.until import until
from tests.system import RunningSystem

pytestmark = pytest.mark.broker
# The contacts are due 45 s after their campaign began, and machines may be slow.
DEADLINE_S = 90.0
PEOPLE: dict[str, Role] = {
    "zhou": "admin",
    "chen": "supervisor",
    "wang": "dispatcher",
    "li": "dispatcher",
    "sun": "dispatcher",
    "device": "device",
}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system that knows the people of the page; the token of each is their name, at length."""
    running = RunningSystem(tmp_path / "data")
    for name, role in PEOPLE.items():
        add_token(tmp_path / "data/tokens.json", token(name), Grant(name, role))
    running.start()
    yield running
    running.kill()


def token(name: str) -> str:
    return f"the token of {name}".replace(" ", "-")


def send(system: RunningSystem, step: Step, path: str, said: dict[str, str], body: str) -> Any:
    """Send one request; the status stands in the answer where it is no success."""
    ready = system.ready
    base = urlsplit(ready.api if step.to == "http" else ready.ingest)
    connection = http.client.HTTPConnection(base.hostname or "", base.port, timeout=30)
    headers = {"Authorization": f"Bearer {token(step.who)}"}
    if body:
        headers["Content-Type"] = "application/json"
    headers |= said
    try:
        connection.request(step.method, path, body.encode(), headers)
        answer = connection.getresponse()
        found = json.loads(answer.read() or b"{}")
    finally:
        connection.close()
    return found | ({"status": answer.status} if answer.status >= 400 else {})


def play(system: RunningSystem, step: Step, kept: dict[str, Any], n: int) -> Any:
    """Send a request of the page and check its answer; a GET is asked until it shows it."""
    now = utc_now()
    path, expected = filled(step.path, kept, n, now), loaded(filled(step.expected, kept, n, now))
    headers = {name: filled(value, kept, n, now) for name, value in step.headers.items()}
    body = filled(step.body, kept, n, now)
    said: list[Any] = []

    def asked() -> bool:
        said[:] = [send(system, step, path, headers, body)]
        fine = "status" in expected or "status" not in said[0]
        return fine and holds(said[0], expected)

    about = f"{step.who}: {step.method} {path} gives {expected}"
    if step.method == "GET":
        until(asked, about, DEADLINE_S, poll_s=0.25, explain=lambda: said[0])
    else:
        assert asked(), f"{about}, but {said[0]}"
    return said[0]


def test_the_page(system: RunningSystem) -> None:
    kept: dict[str, Any] = {}
    page = steps(PAGE.read_text(encoding="utf-8"))
    assert len(page) > 80
    for step in page:
        for n in range(step.times):
            answer = play(system, step, kept, n)
            if step.save is not None:
                kept[step.save] = answer
    system.stop()
