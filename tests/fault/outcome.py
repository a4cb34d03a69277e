"""What a running system has made of a timeline, as its users see it."""

import sqlite3
from collections import Counter
from typing import Any

import msgspec

from schemas.events import CLOCK_TYPE
from schemas.registers import parse_register_type, register_topic
from schemas.topics import ALERTS, EVENT_TOPICS, FINDINGS
from services.alerts.sightings import manifest
from services.alerts.sightings.look_backs import REGISTERS as LOOKED_BACK_FOR
from tests.fault import records
from tests.fault.feed_reader import FeedReader
from tests.fault.judged import Verdict, certain, differences, verdict
from tests.fault.until import until
from tests.system import RunningSystem


def wait_until_settled(system: RunningSystem, deadline_s: float) -> None:
    """Return when every filing is looked back for, every record is applied and the store has taken
    every finding."""
    kafka = system.ready.kafka
    until(
        # Seconds after its filing a look-back brings one more record to apply.
        lambda: not _not_looked_back(system),
        "every filing is looked back for",
        deadline_s,
        poll_s=0.2,
        explain=lambda: _not_looked_back(system),
    )
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
    """Return the verdicts of listed alerts by id, without what was told by chance."""
    return certain({alert["id"]: verdict(alert) for alert in listed})


def findings(kafka: str) -> list[dict[str, Any]]:
    """Return every finding."""
    return [records.decoded(record) for record in records.read(kafka, FINDINGS)]


def posted(lines: list[bytes]) -> set[tuple[str, str]]:
    """Return the identities of the events of a timeline."""
    return {
        (event["source"], event["id"])
        for event in map(msgspec.json.decode, lines)
        if event["type"] != CLOCK_TYPE and parse_register_type(event["type"]) is None
    }


def kept(kafka: str) -> Counter[tuple[str, str]]:
    """Count the identities of the events in the event topics; persons of scans are no events."""
    return Counter(
        (event["source"], event["id"])
        for topic in EVENT_TOPICS
        for event in map(records.decoded, records.read(kafka, topic))
        if "partof" not in event
    )


def assert_told_in_full(reader: FeedReader, kafka: str, revisions: dict[str, int]) -> None:
    """The feed told every revision once and in order, and the alert topic has them all."""
    whole = {ident: list(range(1, newest + 1)) for ident, newest in revisions.items()}
    until(
        lambda: len(reader.events) >= sum(revisions.values()),
        "the feed has told every revision",
        30.0,
        explain=lambda: differences(reader.revisions(), whole),
    )
    assert reader.gaps == []
    assert differences(reader.revisions(), whole) == []
    told = {event["id"] for event in reader.events}

    def logged() -> set[str]:
        return {records.decoded(record)["id"] for record in records.read(kafka, ALERTS)}

    until(lambda: told <= logged(), "the log of alerts has every revision", 30.0, poll_s=0.5)
    assert logged() == told


def _not_looked_back(system: RunningSystem) -> dict[str, tuple[int, int]]:
    """Return where the sighting store is short of the ends of the registers: (noted, end)."""
    noted = manifest.load(system.data_dir / "sightings").filings
    ends = records.ends(system.ready.kafka, map(register_topic, LOOKED_BACK_FOR))
    return {
        topic: (noted.get(topic, 0), end)
        for (topic, _), end in ends.items()
        if noted.get(topic, 0) < end
    }


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
