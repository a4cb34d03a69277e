"""What a running system has made of a timeline, as its users see it."""

import sqlite3
from typing import Any

from schemas.topics import FINDINGS
from tests.fault import records
from tests.fault.judged import Verdict, verdict
from tests.fault.until import until
from tests.system import RunningSystem


def wait_until_settled(system: RunningSystem, deadline_s: float) -> None:
    """Return when every record is applied and the store has taken every finding."""
    kafka = system.ready.kafka
    until(
        lambda: not records.unapplied(kafka),
        "every accepted record is applied",
        deadline_s,
        poll_s=0.5,
        explain=lambda: records.unapplied(kafka),
    )
    until(
        lambda: _taken(system) == _ends_of_findings(kafka),
        "the store has taken every finding",
        deadline_s,
        poll_s=0.2,
        explain=lambda: (_taken(system), _ends_of_findings(kafka)),
    )


def alerts(system: RunningSystem) -> list[dict[str, Any]]:
    """Return all alerts of the list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = system.api("GET", f"/v1/alerts?limit=1000{cursor}").json()
        found += page["items"]
        if page["next"] is None:
            assert len({alert["id"] for alert in found}) == len(found)
            return found
        cursor = f"&cursor={page['next']}"


def verdicts(listed: list[dict[str, Any]]) -> dict[str, Verdict]:
    """Return the verdicts of listed alerts by id."""
    return {alert["id"]: verdict(alert) for alert in listed}


def findings(kafka: str) -> list[dict[str, Any]]:
    """Return every finding."""
    return [records.decoded(record) for record in records.read(kafka, FINDINGS)]


def _ends_of_findings(kafka: str) -> dict[int, int]:
    """Behind the last finding of each partition that has any."""
    return {record.partition: record.offset + 1 for record in records.read(kafka, FINDINGS)}


def _taken(system: RunningSystem) -> dict[int, int]:
    """Up to where the store has taken findings, as it stands in its own database."""
    path = system.data_dir / "alerts.db"
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return dict(
            connection.execute(
                "SELECT partition, next_offset FROM positions WHERE topic = ?", (FINDINGS,)
            )
        )
    finally:
        connection.close()
