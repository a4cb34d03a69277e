"""Nothing accepted is lost and no alert is missing, doubled or invented, whoever is killed."""

import shutil

import pytest

from schemas.persons import PseudonymKey
from schemas.times import DAY_MS, format_ms, parse_ms
from schemas.topics import EVENT_TOPICS
from tests.fault import crew, records
from tests.fault.conftest import Begin
from tests.fault.feed_reader import FeedReader
from tests.fault.judged import (
    TOLD_BY_CHANCE,
    Partitioned,
    backtest,
    differences,
    essence,
    forgotten,
)
from tests.fault.outcome import (
    alerts,
    assert_told_in_full,
    findings,
    kept,
    posted,
    verdicts,
    wait_until_settled,
)
from tests.fault.sending import Counted, send
from tests.fault.traffic import county_timeline

pytestmark = [pytest.mark.fault, pytest.mark.broker]
PARTITIONS = 4
# From a kill to the next commit: the start, and the ten seconds after which the group lets the
# dead one's partitions go.
BACK_S = 60.0


def test_killed_in_mid_stream_short(begin: Begin) -> None:
    """Twenty thousand events."""
    killed_in_mid_stream(begin, 20_000, deadline_s=60.0)


def test_killed_in_mid_stream(begin: Begin) -> None:
    """Two hundred thousand events."""
    killed_in_mid_stream(begin, 200_000, deadline_s=300.0)


def killed_in_mid_stream(begin: Begin, events: int, deadline_s: float) -> None:
    """Send a timeline, kill three workers and the API on the way, and compare with backtest."""
    lines = county_timeline(events)
    system = begin(history_since="forever", partitions=str(PARTITIONS))
    ready = system.ready
    reader = FeedReader(ready.api, ready.admin_token)
    reader.open(10.0)
    killed: list[int] = []

    def kill_worker(_: Counted, *, store_too: bool = False) -> None:
        """Kill the worker as soon as it has committed something, which is in mid-stream."""
        records.wait_for_commit(ready.kafka, BACK_S)
        (pid,) = crew.pids(system, "worker")
        crew.kill(pid)
        killed.append(pid)
        if store_too:
            shutil.rmtree(system.data_dir / "worker")

    def kill_api(_: Counted) -> None:
        (pid,) = crew.pids(system, "api")
        crew.kill(pid)
        killed.append(pid)

    deeds = {
        len(lines) * 2 // 10: kill_worker,
        len(lines) * 4 // 10: lambda counted: kill_worker(counted, store_too=True),
        len(lines) * 6 // 10: kill_api,
        len(lines) * 8 // 10: kill_worker,
    }
    counted, _ = send(ready, lines, deeds)
    assert len(set(killed)) == 4
    wait_until_settled(system, deadline_s)

    stands, sent = kept(ready.kafka), posted(lines)
    assert set(stands) == sent
    assert stands.total() == counted.accepted == len(sent)
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    expected = backtest(lines, key, from_warm=True)
    listed = alerts(system)
    assert differences(verdicts(listed), expected) == []
    assert len(expected) > events // 500
    told = [finding["data"] for finding in findings(ready.kafka)]
    opened = {
        each["alert_id"]
        for each in told
        if each["rule"] not in TOLD_BY_CHANCE and "alert_id" in each
    }
    assert opened <= set(expected)

    revisions = {alert["id"]: alert["revision"] for alert in listed}
    assert reader.connections >= 2
    assert_told_in_full(reader, ready.kafka, revisions)
    assert_state(ready.kafka, key, lines)
    reader.close()
    system.stop()


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
