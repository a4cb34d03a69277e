"""A running system explains its alerts as the timeline does, and lists what it suppressed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.explain import command
from deploy.replay import command as replay
from schemas.settings import Settings
from tests.system import RunningSystem

pytestmark = pytest.mark.broker
TIMELINE = Path(__file__).parents[1] / "alerts" / "timelines" / "05-transfer-strayed.ndjson"
DEADLINE_S = 60.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system whose time comes from timelines."""
    running = RunningSystem(tmp_path / "data", "--clock", "events", history_since="forever")
    yield running
    running.kill()


def test_an_alert_is_explained_from_what_the_system_has_on_file(
    system: RunningSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = system.start()
    target = replay.Target(ready.api, ready.ingest, ready.replay_token)
    feed = system.feed(DEADLINE_S)
    assert replay.main(TIMELINE, target, speed=None) == 0
    until_s = time.monotonic() + DEADLINE_S

    def breaches() -> list[dict[str, Any]]:
        items = system.api("GET", "/v1/alerts?rule=quarantine-breach").json()
        return list(items["items"])

    while not breaches() and time.monotonic() < until_s:
        feed.alert()
    feed.close()
    (alert,) = breaches()
    capsys.readouterr()
    ready_file = system.data_dir / "ready.json"
    assert command.of_system(alert["id"], ready_file, None, None, as_json=True) == 0
    live = json.loads(capsys.readouterr().out)
    settings = Settings(data_dir=system.data_dir)
    options = {"own_key": True, "from_warm": True, "as_json": True}
    assert command.of_timeline(alert["id"], TIMELINE, settings, **options) == 0
    offline = json.loads(capsys.readouterr().out)
    assert live["identity"] == offline["identity"]
    assert live["considered"] == offline["considered"]
    assert live["thresholds"] == offline["thresholds"]
    shown = ("register", "id", "in_force", "filings")
    assert [[each[name] for name in shown] for each in live["on_file"]] == [
        [each[name] for name in shown] for each in offline["on_file"]
    ]
    assert command.of_system("nobody", ready_file, None, None, as_json=False) == 1
    assert "does not have the alert nobody" in capsys.readouterr().err


def test_what_is_suppressed_is_counted_and_told(system: RunningSystem) -> None:
    ready = system.start()
    target = replay.Target(ready.api, ready.ingest, ready.replay_token)
    assert replay.main(TIMELINE, target, speed=None) == 0
    until_s = time.monotonic() + DEADLINE_S
    while True:
        answer = system.api("GET", "/v1/suppressions?rule=quarantine-breach").json()
        if answer["items"] or time.monotonic() > until_s:
            break
    (item,) = answer["items"]
    assert (item["by"], item["count"]) == ("transfer", 1)
    assert item["reason"]["en"] == "a planned transfer covers it"
    assert answer["totals"]["reasons"] == {"transfer": 1}
    # Nothing that a worker told went to the dead letters on its way.
    metrics = system.api("GET", "/metrics").body.decode()
    assert "cordon_api_findings_dead_total 0.0" in metrics
