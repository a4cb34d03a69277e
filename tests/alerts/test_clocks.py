"""The joint clock: how far all partitions have come, as one of them has heard."""

from schemas.joins import ClockTold
from schemas.partition import partition_of
from schemas.times import DAY_MS, HOUR_MS
from services.alerts.engine.book import Book
from services.alerts.engine.clocks import PATIENCE_H, ROUNDS, Clocks
from tests.alerts.build import check, clock, ms, order
from tests.alerts.running import Deployment, Turn, steps

NOW = ms("02-10 06:00")


def among(partitions: int) -> list[Clocks]:
    """The clocks of partitions that have not heard of one another."""
    return [Clocks(Book(), partition, partitions) for partition in range(partitions)]


def talk(clocks: list[Clocks], at_ms: list[int]) -> int:
    """Let partitions that stand at these instants tell all they have to; return how many joins."""
    count = 0
    while True:
        told = [each.tell(when) for each, when in zip(clocks, at_ms, strict=True)]
        told_at_all = [each for each in told if each is not None]
        if not told_at_all:
            return count
        count += len(told_at_all)
        for each in clocks:
            for join in told_at_all:
                each.take(join)


def joint_ms(clocks: Clocks, at_ms: int) -> int:
    """The joint clock of a partition that stands at an instant."""
    book = clocks._book  # noqa: SLF001 — its only trace.
    clocks.advance(at_ms)
    return book.joint_ms


def test_one_partition_goes_by_its_own_clock_and_tells_nobody() -> None:
    (alone,) = among(1)
    assert joint_ms(alone, NOW) == NOW
    assert alone.tell(NOW) is None
    assert joint_ms(alone, NOW + DAY_MS) == NOW + DAY_MS


def test_all_wait_for_the_one_that_is_furthest_behind() -> None:
    clocks, at_ms = among(3), [NOW, NOW - 5 * HOUR_MS, NOW + 4 * DAY_MS]
    talk(clocks, at_ms)
    assert [joint_ms(each, when) for each, when in zip(clocks, at_ms, strict=True)] == [
        NOW - 5 * HOUR_MS
    ] * 3
    # It catches up, and the joint clock follows; it is told once in an hour and not more often.
    at_ms[1] = NOW + DAY_MS
    clocks[1].advance(at_ms[1])
    assert 0 < talk(clocks, at_ms) <= 3 * ROUNDS
    assert joint_ms(clocks[2], at_ms[2]) == NOW
    assert talk(clocks, at_ms) == 0


def test_what_all_have_heard_takes_as_many_rounds_as_a_fact_may_travel() -> None:
    here, _ = among(2)
    for number in range(ROUNDS):
        here.take(ClockTold(partition=1, rounds_ms=[NOW] * number + [0] * (ROUNDS - number)))
        told = here.tell(NOW)
        assert told is not None
        assert told.rounds_ms == [NOW] * (number + 1) + [0] * (ROUNDS - number - 1)
        # Its own word, come back, says nothing.
        here.take(told)
    here.take(ClockTold(partition=1, rounds_ms=[NOW] * ROUNDS))
    assert joint_ms(here, NOW) == NOW


def test_one_that_is_never_heard_is_not_waited_for_for_ever() -> None:
    here, _ = among(2)
    first_ms = joint_ms(here, NOW)
    assert first_ms == NOW - 30 * DAY_MS
    # A leap of the clock is one moment, however far it goes.
    assert joint_ms(here, NOW + 1_000 * DAY_MS) == first_ms
    for hour in range(PATIENCE_H - 2):
        assert joint_ms(here, NOW + 1_000 * DAY_MS + hour * HOUR_MS) == first_ms
    assert joint_ms(here, NOW + 2_000 * DAY_MS) == NOW + 2_000 * DAY_MS
    # When it is back after all, what is forgotten stays forgotten.
    here.take(ClockTold(partition=1, rounds_ms=[NOW] * ROUNDS))
    assert joint_ms(here, NOW + 2_001 * DAY_MS) == NOW + 2_000 * DAY_MS


def test_it_is_kept_and_an_older_state_has_none() -> None:
    book = Book()
    clocks = Clocks(book, 0, 2)
    clocks.take(ClockTold(partition=1, rounds_ms=[NOW] * ROUNDS))
    book.clock = "2020-02-09T22:00:00.000Z"
    clocks.advance(book.clock_ms)
    back = Book()
    back.load((key, value) for key, value in book.dump({}) if value is not None)
    assert (back.joint_ms, back.clocks) == (NOW, {1: [NOW] * ROUNDS})


def test_a_clock_that_leaps_does_what_it_would_have_done_step_by_step() -> None:
    """Every day's missed check-in is told, and none is taken back when it is long ago."""
    start = ms("02-03 20:00")
    filed = order("o1", start=start, channel="phone")
    days = [clock(start + day * DAY_MS) for day in range(1, 40)]
    by_and_by = Deployment().run(steps([filed, clock(start), *days]))
    at_once = Deployment().run(steps([filed, clock(start), days[-1]]))
    missed = [alert for alert in at_once.final if alert.rule == "missed-check-in"]
    assert len(missed) == 39
    assert {alert.state for alert in missed} == {"open"}
    assert [(each.id, each.state) for each in at_once.final] == [
        (each.id, each.state) for each in by_and_by.final
    ]


def test_a_correction_waits_for_a_partition_that_is_days_behind() -> None:
    """What it corrects counts no more, though the partition comes to it only days later."""
    when = NOW + 60 * HOUR_MS
    wrong = check("wang", "gate-1", when, event_id="wrong")
    right = {**check("li", "gate-1", when, event_id="right"), "corrects": "wrong"}
    ticks = [clock(NOW + hours * HOUR_MS) for hours in (0, 30, 59)]
    arriving = steps([order("o1", "wang"), *ticks, wrong, right])
    (subject,) = {step.subject for step in arriving if step.event and step.subject} - {
        steps([right])[0].subject
    }
    for partitions in (2, 4, 12):
        behind = partition_of(subject, partitions)
        ahead = [Turn(each, 100, False) for each in range(partitions) if each != behind]
        hears = Turn(behind, 1, True)
        found = Deployment(partitions=partitions).run_apart(arriving, [*ahead, hears, hears])
        assert found.final == []
        assert found.counts.get("duplicates", 0) == (
            behind != partition_of(steps([right])[0].subject, partitions)
        )
