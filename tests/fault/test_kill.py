"""Nothing accepted is lost and no alert is missing, doubled or invented, whoever is killed."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from schemas.events import CLOCK_TYPE
from schemas.persons import PseudonymKey
from schemas.registers import parse_register_type
from schemas.times import DAY_MS, format_ms, parse_ms
from schemas.topics import ALERTS, EVENT_TOPICS
from tests.fault import crew, records
from tests.fault.feed_reader import FeedReader
from tests.fault.judged import (
    Partitioned,
    backtest,
    differences,
    essence,
    forgotten,
)
from tests.fault.outcome import alerts, findings, verdicts, wait_until_settled
from tests.fault.sending import send
from tests.fault.traffic import county_timeline
from tests.fault.until import until
from tests.system import RunningSystem

pytestmark = [pytest.mark.fault, pytest.mark.broker]
PARTITIONS = 4
# From a kill to the next commit: the start, and the ten seconds after which the group lets the
# dead one's partitions go.
BACK_S = 60.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system whose clock is the timeline's and whose history is complete."""
    running = RunningSystem(
        tmp_path / "data",
        "--clock",
        "events",
        history_since="forever",
        partitions=str(PARTITIONS),
    )
    yield running
    running.kill()
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def test_killed_in_mid_stream_short(system: RunningSystem) -> None:
    """Twenty thousand events."""
    killed_in_mid_stream(system, 20_000, deadline_s=60.0)


def test_killed_in_mid_stream(system: RunningSystem) -> None:
    """Two hundred thousand events."""
    killed_in_mid_stream(system, 200_000, deadline_s=300.0)


def killed_in_mid_stream(system: RunningSystem, events: int, deadline_s: float) -> None:
    """Send a timeline, kill three workers and the API on the way, and compare with backtest."""
    lines = county_timeline(events)
    ready = system.start()
    reader = FeedReader(ready.api, ready.admin_token)
    reader.open(10.0)
    killed: list[int] = []

    def kill_worker(*, store_too: bool = False) -> None:
        """Kill the worker as soon as it has committed something, which is in mid-stream."""
        records.wait_for_commit(ready.kafka, BACK_S)
        (pid,) = crew.pids(system, "worker")
        crew.kill(pid)
        killed.append(pid)
        if store_too:
            shutil.rmtree(system.data_dir / "worker")

    def kill_api() -> None:
        (pid,) = crew.pids(system, "api")
        crew.kill(pid)
        killed.append(pid)

    deeds = {
        len(lines) * 2 // 10: kill_worker,
        len(lines) * 4 // 10: lambda: kill_worker(store_too=True),
        len(lines) * 6 // 10: kill_api,
        len(lines) * 8 // 10: kill_worker,
    }
    counted, _ = send(ready, lines, deeds)
    assert len(set(killed)) == 4
    wait_until_settled(system, deadline_s)

    assert_nothing_lost(ready.kafka, lines, counted.accepted)
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    expected = backtest(lines, key, from_warm=True)
    listed = alerts(system)
    assert differences(verdicts(listed), expected) == []
    assert len(expected) > events // 200
    assert {finding["data"]["alert_id"] for finding in findings(ready.kafka)} <= set(expected)

    revisions = {alert["id"]: alert["revision"] for alert in listed}
    assert_told_in_full(reader, ready.kafka, revisions)
    assert_state(ready.kafka, key, lines)
    reader.close()
    system.stop()


def assert_nothing_lost(kafka: str, lines: list[bytes], accepted: int) -> None:
    """Every event of the timeline is in its topic once, and as many as ingest has answered."""
    sent = {
        (event["source"], event["id"])
        for event in map(msgspec.json.decode, lines)
        if event["type"] != CLOCK_TYPE and parse_register_type(event["type"]) is None
    }
    kept = Counter(
        (event["source"], event["id"])
        for topic in EVENT_TOPICS
        for event in map(records.decoded, records.read(kafka, topic))
        if "partof" not in event
    )
    assert set(kept) == sent
    assert kept.total() == accepted == len(sent)


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
    assert reader.connections >= 2
    assert differences(reader.revisions(), whole) == []
    told = {event["id"] for event in reader.events}

    def logged() -> set[str]:
        return {records.decoded(record)["id"] for record in records.read(kafka, ALERTS)}

    until(lambda: told <= logged(), "the log of alerts has every revision", 30.0, poll_s=0.5)
    assert logged() == told


def assert_state(kafka: str, key: PseudonymKey, lines: list[bytes]) -> None:
    """The state that a fresh worker would rebuild is that of a backtest split in the same way."""
    states = records.States(kafka)
    split = Partitioned(key, PARTITIONS, from_warm=True)
    split.run(lines)
    recent: list[list[tuple[str, str]]] = [[] for _ in range(PARTITIONS)]
    for topic in EVENT_TOPICS:
        for record in records.read(kafka, topic):
            event = records.decoded(record)
            if event["recordedtime"] > a_day_before(split.books[record.partition].clock):
                recent[record.partition].append((event["source"], event["id"]))
    for partition, book in enumerate(split.books):
        rebuilt = states.book(partition)
        assert differences(essence(rebuilt), essence(book)) == []
        assert forgotten(rebuilt, recent[partition]) == []
        assert recent[partition]


def a_day_before(time: str) -> str:
    """The same time a day before."""
    return format_ms(parse_ms(time) - DAY_MS)
