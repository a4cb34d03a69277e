"""A worker that stood still while another took over does no harm when it wakes."""

import os
import signal

import pytest

from deploy.caller import Unreachable
from schemas.persons import PseudonymKey
from tests.fault import crew, records
from tests.fault.conftest import Begin
from tests.fault.feed_reader import FeedReader
from tests.fault.judged import Partitioned, backtest, differences, essence
from tests.fault.outcome import alerts, assert_told_in_full, verdicts, wait_until_settled
from tests.fault.sending import Counted, send
from tests.fault.traffic import county_timeline
from tests.fault.until import until
from tests.system import call

pytestmark = [pytest.mark.fault, pytest.mark.broker]
PARTITIONS = 4
# The group lets go of a silent member after ten seconds; then the other restores its partitions.
TAKEN_OVER_S = 60.0


def test_a_worker_that_wakes_is_fenced(begin: Begin) -> None:
    """Stopped in mid-stream, and let go on when the other worker has all partitions."""
    system = begin(history_since="forever", partitions=str(PARTITIONS), workers="2")
    ready = system.ready
    lines = county_timeline(40_000)
    reader = FeedReader(ready.api, ready.admin_token)
    reader.open(10.0)
    first, second = ready.workers
    until(lambda: owned(first) and owned(second), "both workers have partitions", TAKEN_OVER_S)
    sleeping = crew.pids(system, "worker")[0]

    def put_to_sleep(_: Counted) -> None:
        records.wait_for_commit(ready.kafka, TAKEN_OVER_S)
        os.kill(sleeping, signal.SIGSTOP)

    def wake(_: Counted) -> None:
        until(
            lambda: owned(second) == list(range(PARTITIONS)),
            "the other worker has taken over",
            TAKEN_OVER_S,
        )
        os.kill(sleeping, signal.SIGCONT)

    send(ready, lines, {len(lines) * 3 // 10: put_to_sleep, len(lines) * 5 // 10: wake})
    until(
        lambda: sorted([*owned(first), *owned(second)]) == list(range(PARTITIONS)),
        "the partitions are shared again",
        TAKEN_OVER_S,
    )
    wait_until_settled(system, TAKEN_OVER_S)
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    listed = alerts(system)
    assert differences(verdicts(listed), backtest(lines, key, from_warm=True)) == []
    assert_told_in_full(reader, ready.kafka, {alert["id"]: alert["revision"] for alert in listed})
    states, split = records.States(ready.kafka), Partitioned(key, PARTITIONS, from_warm=True)
    split.run(lines)
    for partition, book in enumerate(split.books):
        assert differences(essence(states.book(partition)), essence(book)) == []
    reader.close()
    system.stop()


def owned(worker: str) -> list[int]:
    """The partitions that a worker has, none while it does not answer."""
    try:
        answer = call(worker, "", "GET", "/readyz")
    except Unreachable:
        return []
    partitions: list[int] = answer.json()["partitions"]
    return partitions
