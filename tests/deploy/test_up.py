"""`cordon up`, whole: from an empty folder to an alert, killed parts, and down again."""

import os
import re
import select
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.county.numbers import resident_id
from tests.system import RunningSystem, SystemFailed

pytestmark = pytest.mark.broker
DEADLINE_S = 30.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system on an empty folder; gone afterwards whatever happened."""
    running = RunningSystem(tmp_path / "data")
    yield running
    running.kill()


def instant(**ago: float) -> str:
    """An instant before now."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def file_county(system: RunningSystem) -> None:
    """File a home, a place that is not home, and a person who has to be at home."""
    common = {
        "valid_from": instant(days=2), "source": "test", "reason": "test",
        "purpose": "outbreak-control",
    }  # fmt: skip
    entries: list[tuple[str, str, dict[str, Any]]] = [
        ("zone", "home", {"kind": "community", "crs": "wgs84", "centre": [120.9, 30.9],
                          "radius_m": 300}),
        ("site", "exit", {"name": "exit", "role": "checkpoint", "zones": []}),
        ("order", "o1", {"subject": {"id_type": "resident_id", "id_number": resident_id(1)},
                         "class": "home-isolation", "kind": "home", "zone": "home",
                         "start": instant(days=1), "exposure_date": "2026-03-01"}),
    ]  # fmt: skip
    for name, ident, data in entries:
        answer = system.api("PUT", f"/v1/registers/{name}/{ident}", {**common, **data})
        assert answer.status in (200, 201), answer


def breach(ident: str) -> dict[str, Any]:
    """The person of the order, by document, where they must not be."""
    person = {"id_type": "resident_id", "id_number": resident_id(1), "verified_by": "document"}
    return {
        "specversion": "1.0", "type": "cordon.health-check.v1", "source": "phone", "id": ident,
        "time": instant(), "data": {"site": "exit", "person": person},
    }  # fmt: skip


def children(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in map(int, listed) for each in (child, *children(child))]


def breaches(system: RunningSystem) -> list[str]:
    """The ids of the breaches that stand; the order itself is long overdue."""
    items = system.api("GET", "/v1/alerts?rule=quarantine-breach").json()["items"]
    return [each["id"] for each in items]


def test_from_an_empty_folder_to_an_alert_and_down_again(system: RunningSystem) -> None:
    ready = system.start()
    link = re.search(r"http://\S+/signin\?code=\S+", system.said)
    assert link is not None, system.said
    file_county(system)
    feed = system.feed(DEADLINE_S)
    assert system.ingest("/v1/health-checks", breach("b1")).status == 202
    alert = feed.alert(rule="quarantine-breach", order="o1")
    assert breaches(system) == [alert["id"]]
    # A feed is open: the stop does not wait for its reader.
    assert system.stop() < 20
    feed.close()
    assert not (system.data_dir / "told-ready.json").exists()

    again = system.start()
    assert (again.admin_token, again.device_token) == (ready.admin_token, ready.device_token)
    assert breaches(system) == [alert["id"]]
    assert system.stop() < 20


def test_parts_that_are_killed_come_back_and_a_killed_whole_leaves_nothing(
    system: RunningSystem,
) -> None:
    system.start()
    file_county(system)
    feed = system.feed(DEADLINE_S)
    worker, *_ = [pid for pid in children(system.pid) if "worker" in command(pid)]
    os.kill(worker, signal.SIGKILL)
    assert system.ingest("/v1/health-checks", breach("b2")).status == 202
    assert feed.alert(rule="quarantine-breach", order="o1")["count"] == 1
    feed.close()

    watched = [os.pidfd_open(pid) for pid in children(system.pid)]
    assert len(watched) >= 5  # Three services, the broker's guard and Java.
    system.kill()
    while watched:
        gone, _, _ = select.select(watched, [], [], DEADLINE_S)
        assert gone, "a process outlived `cordon up`"
        for each in gone:
            os.close(each)
            watched.remove(each)


def command(pid: int) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_a_taken_port_is_one_clear_line(system: RunningSystem, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemFailed) as caught:
            RunningSystem(tmp_path / "other", api_port=port).start()
    text = str(caught.value)
    assert "CORDON_API_PORT" in text
    assert "Traceback" not in text
