"""What lowers an alert is counted, each match once, whichever is known first."""

import pytest

from tests.alerts.build import Line, at, check, clock, hit, link, order, site
from tests.alerts.running import Deployment, steps

CAR = "浙F12345"
COUNTED = "suppressed:quarantined-vehicle-moving:clone-suspicion"
BEFORE = (
    site("inner", position=at(120.0)),
    site("inner-2", position=at(120.9)),
    order("o1"),
    link("l1", "wang", CAR),
)
READS = tuple(
    hit(CAR, where, f"02-03 09:{minute}")
    for minute, where in ((10, "inner"), (20, "inner-2"), (30, "inner"), (40, "inner-2"))
)
SUSPECTED = clock("02-03 10:00")


def counted(*lines: Line, partitions: int = 1, crashes: tuple[int, ...] = ()) -> int:
    """How many events were lowered."""
    arriving = steps((*BEFORE, *lines))
    run = Deployment(partitions=partitions).run(arriving, crashes=crashes)
    return run.counts.get(COUNTED, 0)


def test_what_was_there_before_the_suspicion_and_what_comes_after() -> None:
    assert counted(*READS) == 0
    assert counted(*READS, SUSPECTED) == 4
    after = hit(CAR, "bound", "02-03 12:00")
    assert counted(*READS, SUSPECTED, after) == 5
    # A frame more of one passage is no other match.
    frame = hit(CAR, "bound", "02-03 12:00:05")
    assert counted(*READS, SUSPECTED, after, frame, clock("02-03 13:00")) == 5


@pytest.mark.parametrize("partitions", [1, 3])
def test_nothing_else_that_happens_counts_it_again(partitions: int) -> None:
    late = hit(CAR, "gate-2", "02-03 09:50", recorded="02-03 12:30")
    lines = (*READS, SUSPECTED, check("li", "inner", "02-03 11:00"), late, clock("02-03 14:00"))
    assert counted(*lines, partitions=partitions) == 5
    assert counted(*lines, partitions=partitions, crashes=(6, 9, 11)) == 5
