"""The broker is away for a while: ingest says so, nobody else ends, and nothing is lost."""

import os
import signal
import threading

import pytest

from schemas.persons import PseudonymKey
from tests.fault import crew
from tests.fault.conftest import Begin
from tests.fault.feed_reader import FeedReader
from tests.fault.judged import backtest, differences
from tests.fault.outcome import (
    alerts,
    assert_told_in_full,
    kept,
    posted,
    verdicts,
    wait_until_settled,
)
from tests.fault.sending import Counted, Deed, send
from tests.fault.traffic import county_timeline
from tests.fault.until import until
from tests.system import RunningSystem

pytestmark = [pytest.mark.fault, pytest.mark.broker]
AWAY_S = 10.0
SETTLED_S = 90.0


def test_silent_for_ten_seconds(begin: Begin) -> None:
    """The broker's process stands still, with all its connections open."""
    system = begin(history_since="forever", partitions="4")
    (worker,) = crew.pids(system, "worker")

    def silence(counted: Counted) -> None:
        broker = crew.kafka_pid(system)
        os.kill(broker, signal.SIGSTOP)
        try:
            threading.Event().wait(AWAY_S)
            assert_refused(counted)
        finally:
            os.kill(broker, signal.SIGCONT)

    assert_nothing_lost(system, 20_000, silence)
    assert crew.pids(system, "worker") == [worker]
    system.stop()


def test_killed_and_started_again(begin: Begin) -> None:
    """The broker is killed with -9 and comes back on the same port."""
    system = begin(history_since="forever", partitions="4")
    (worker,) = crew.pids(system, "worker")

    def kill(counted: Counted) -> None:
        crew.kill(crew.kafka_pid(system))
        assert_refused(counted)

    assert_nothing_lost(system, 20_000, kill)
    assert crew.pids(system, "worker") == [worker]
    system.stop()


def assert_refused(counted: Counted) -> None:
    """Ingest answers 503, and when to come again."""
    until(lambda: counted.refusals, "ingest says that the broker is away", 30.0)
    assert all(answer.retry_after_s for answer in counted.refusals)


def assert_nothing_lost(system: RunningSystem, events: int, deed: Deed) -> None:
    """Send a timeline with a deed in its midst, and find what backtest finds, told once."""
    lines = county_timeline(events)
    reader = FeedReader(system.ready.api, system.ready.admin_token)
    reader.open(10.0)
    send(system.ready, lines, {len(lines) * 7 // 10: deed})
    wait_until_settled(system, SETTLED_S)
    # What ingest could not tell from unwritten may stand twice; it counts once.
    assert set(kept(system.ready.kafka)) == posted(lines)
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    listed = alerts(system)
    assert differences(verdicts(listed), backtest(lines, key, from_warm=True)) == []
    revisions = {alert["id"]: alert["revision"] for alert in listed}
    assert_told_in_full(reader, system.ready.kafka, revisions)
    reader.close()
