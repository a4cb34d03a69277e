"""A timeline that is replayed into a running system ends as `backtest` says."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.backtest import FOREVER_MS, Backtest
from deploy.county.people import settle
from deploy.county.timeline import write
from deploy.county.truth import Planted
from deploy.replay import command
from schemas.alerts import Alert
from schemas.persons import PseudonymKey
from tests.system import RunningSystem

pytestmark = pytest.mark.broker
START_MS = 1_772_409_600_000
DEADLINE_S = 60.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """Two workers on three partitions, whose time comes from timelines."""
    running = RunningSystem(
        tmp_path / "data", "--clock", "events",
        partitions="3", workers="2", history_since="forever",
    )  # fmt: skip
    yield running
    running.kill()


def shape(alert: dict[str, Any]) -> tuple[Any, ...]:
    """What must be the same of an alert, however its events were grouped."""
    fields = ("rule", "severity", "state", "outcome", "count", "historical", "first_seen")
    return tuple(alert.get(field) for field in fields)


def backtested(lines: list[bytes], data_dir: Path) -> dict[str, tuple[Any, ...]]:
    """The alerts that `backtest` ends with."""
    key = PseudonymKey.load_or_create(data_dir / "pseudonym.key")
    backtest = Backtest(key, history_since_ms=FOREVER_MS)
    newest: dict[str, Alert] = {}
    for line in lines:
        newest |= {event.data.id: event.data for event in backtest.feed(line)}
    newest |= {event.data.id: event.data for event in backtest.flush()}
    return {each: shape(msgspec.to_builtins(alert)) for each, alert in newest.items()}


def listed(system: RunningSystem) -> dict[str, tuple[Any, ...]]:
    """The alerts that the API lists, over all pages."""
    found: dict[str, tuple[Any, ...]] = {}
    cursor = ""
    while True:
        page = system.api("GET", f"/v1/alerts?limit=200{cursor}").json()
        found |= {alert["id"]: shape(alert) for alert in page["items"]}
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def standing(alerts: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """The alerts that are not withdrawn.

    What a thermometer's later readings or a later paper withdraw may never have been told at all,
    if both came in one batch; so the log of a live system can hold more that is withdrawn.
    """
    return {key: each for key, each in alerts.items() if each[2] != "retracted"}


def test_a_replay_ends_as_backtest_says(system: RunningSystem, tmp_path: Path) -> None:
    truth: list[Planted] = []
    lines = list(write(settle(1), 1, START_MS, 0.4, 1.0, truth))
    timeline = tmp_path / "county.ndjson"
    timeline.write_bytes(b"".join(lines))
    ready = system.start()
    expected = backtested(lines, system.data_dir)
    assert len(expected) > 5
    target = command.Target(ready.api, ready.ingest, ready.replay_token)
    feed = system.feed(DEADLINE_S)
    assert command.main(timeline, target, speed=None) == 0
    until_s = time.monotonic() + DEADLINE_S
    found = listed(system)
    while standing(found) != standing(expected) and time.monotonic() < until_s:
        # Something is still on its way, and the feed will tell when it has come.
        feed.alert()
        found = listed(system)
    feed.close()
    assert standing(found) == standing(expected)
    assert system.stop() < 20


def test_what_partitions_tell_one_another_is_the_same_live(system: RunningSystem) -> None:
    timeline = Path(__file__).parents[1] / "alerts" / "timelines" / "46-biased-device.ndjson"
    ready = system.start()
    lines = timeline.read_bytes().splitlines(keepends=True)
    expected = standing(backtested(lines, system.data_dir))
    assert sorted(each[0] for each in expected.values()) == ["fever", "read-quality"]
    target = command.Target(ready.api, ready.ingest, ready.replay_token)
    feed = system.feed(DEADLINE_S)
    assert command.main(timeline, target, speed=None) == 0
    until_s = time.monotonic() + DEADLINE_S
    while standing(listed(system)) != expected and time.monotonic() < until_s:
        feed.alert()
    feed.close()
    assert standing(listed(system)) == expected
