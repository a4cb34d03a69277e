"""D13: fewer than two keepers are with somebody under order."""

from typing import Any

import pytest

from tests.alerts.build import Line, Moment, clock, deletion, order, put, report, text
from tests.alerts.running import Deployment, after, steps

O1 = order("o1", start="02-01 10:00", keepers=["an", "bo"])
KEEPERS = ("an", "bo", "cai")


def shift(
    shift_id: str = "s1",
    start: Moment = "02-04 20:00",
    end: Moment = "02-05 08:00",
    *,
    filed: Moment = "02-04 12:00",
    order: str | None = "o1",
) -> Line:
    """Keepers of an order."""
    return put(
        "duty-shift", shift_id, filed, start, place="Renmin Road 5", start=text(start),
        end=text(end), members=list(KEEPERS), min_staff=1, order=order,
    )  # fmt: skip


def sign(who: str, when: Moment, kind: str = "in", shift: str = "s1", **more: Any) -> Line:
    """A keeper comes or goes."""
    return report(
        "duty-sign-in", "roster", when, event_id=f"{who}-{when}-{kind}",
        shift=shift, member=who, kind=kind, **more,
    )  # fmt: skip


BOTH = [sign("an", "02-04 20:00"), sign("bo", "02-04 20:05")]


def gaps(*lines: Line) -> list[tuple[str, str, str]]:
    """Severity, state and first match of the gaps."""
    found = [each for each in after(O1, *lines).final if each.rule == "watch-gap"]
    found.sort(key=lambda alert: alert.first_seen)
    return [(each.severity, each.state, each.first_seen[8:16]) for each in found]


def test_a_replacement_within_a_quarter_of_an_hour_is_no_gap_and_a_later_one_is() -> None:
    off = sign("bo", "02-05 02:00", "out")
    assert gaps(shift(), *BOTH, off, sign("cai", "02-05 02:10"), clock("02-05 07:00")) == []
    assert gaps(shift(), *BOTH, off, clock("02-05 02:14")) == []
    open_gap = [shift(), *BOTH, off, clock("02-05 02:15")]
    assert gaps(*open_gap) == [("medium", "open", "04T18:15")]
    alert = after(O1, *open_gap).final[0]
    assert (alert.order, alert.subject.key) == ("o1", "order:o1")
    assert "fewer than 2 keepers" in alert.reason.en
    assert "不足 2 人" in alert.reason.zh
    closed = after(O1, *open_gap, sign("cai", "02-05 02:20")).final[0]
    assert (closed.state, closed.outcome, closed.last_seen[11:16]) == (
        "resolved",
        "cleared",
        "18:20",
    )
    assert "again" in closed.reason.en


def test_a_sign_in_that_is_recorded_late_retracts() -> None:
    off = [sign("bo", "02-05 02:00", "out"), clock("02-05 02:15")]
    late = sign("cai", "02-05 02:05", recorded="02-05 03:00")
    assert gaps(shift(), *BOTH, *off, late) == [("medium", "retracted", "04T18:15")]


def test_a_handover_between_two_shifts_is_no_gap() -> None:
    day = shift("s2", "02-05 08:00", "02-05 20:00")
    came = [sign(who, "02-05 07:50", shift="s2") for who in ("cai", "an")]
    assert gaps(shift(), day, *BOTH, *came, clock("02-05 19:59")) == []
    # Whoever does not sign out leaves when the shift ends, and who does when they say so.
    assert gaps(shift(), day, *BOTH, clock("02-05 08:15")) == [("medium", "open", "05T00:15")]
    stay = [sign(who, "02-05 08:10", "out") for who in ("an", "bo")]
    late = [sign(who, "02-05 08:20", shift="s2") for who in ("cai", "an")]
    assert gaps(shift(), day, *BOTH, *stay, *late, clock("02-05 09:00")) == []


def test_one_keeper_in_two_shifts_is_one_and_what_makes_no_sense_is_nothing() -> None:
    other = shift("s2", "02-04 20:00", "02-05 08:00")
    lines = [shift(), other, sign("an", "02-04 20:00"), sign("an", "02-04 20:01", shift="s2")]
    odd = [sign("bo", "02-04 20:02", "out"), sign("an", "02-04 20:03")]
    assert gaps(*lines, *odd, clock("02-04 20:15")) == [("medium", "open", "04T12:15")]


def test_an_order_is_kept_from_its_first_shift_on_which_counts_from_its_filing() -> None:
    assert gaps(clock("02-05 08:00")) == []
    late = shift(filed="02-05 01:00")
    assert gaps(late, clock("02-05 01:14")) == []
    assert gaps(late, clock("02-05 01:15")) == [("medium", "open", "04T17:15")]


def test_only_shifts_of_the_order_and_orders_that_stand() -> None:
    moved = shift(order="o2", filed="02-04 13:00")
    assert gaps(shift(), moved, clock("02-05 07:00")) == []
    assert gaps(shift(order=None), *BOTH, clock("02-05 07:00")) == []
    ended = order("o1", start="02-01 10:00", filed="02-04 14:00", until="02-04 18:00")
    assert gaps(ended, shift(), clock("02-05 07:00")) == []
    later = order("o1", start="02-04 23:00", filed="02-01 10:00", since="02-01 10:00")
    assert gaps(later, shift(), clock("02-05 07:00")) == [("medium", "open", "04T15:15")]
    no_order = after(shift(), clock("02-05 07:00")).final
    assert {each.rule for each in no_order} == {"duty-no-show"}


def test_the_end_of_the_order_clears_it_and_one_filed_later_retracts() -> None:
    lines = [shift(), clock("02-04 20:15")]
    gone = deletion("order", "o1", "02-04 22:00")
    assert gaps(*lines, gone, clock("02-04 22:01")) == [("medium", "resolved", "04T12:15")]
    over = order("o1", start="02-01 10:00", filed="02-04 22:00", until="02-04 18:00")
    assert gaps(*lines, over, clock("02-04 22:01")) == [("medium", "retracted", "04T12:15")]
    both = [sign(who, "02-04 21:00") for who in ("an", "bo")]
    assert gaps(*lines, *both, over) == [("medium", "retracted", "04T12:15")]


def test_two_gaps_are_two_alerts_and_an_old_one_stays_settled() -> None:
    long = shift(end="02-27 08:00")
    lines = [
        O1, long, *BOTH,
        sign("bo", "02-05 02:00", "out"), clock("02-05 02:15"), sign("bo", "02-05 03:00"),
        sign("an", "02-06 02:00", "out"), clock("02-06 02:15"),
        *(clock(f"02-{day:02d} 12:00") for day in range(6, 15)),
        sign("an", "02-15 02:00"),
        *(clock(f"02-{day:02d} 12:00") for day in range(15, 27)),
    ]  # fmt: skip
    run = Deployment().run(steps(lines))
    states = {each.first_seen[:10]: each.state for each in run.final if each.rule == "watch-gap"}
    assert states["2020-02-04"] == "resolved"
    # Nobody came back for more than a week: that is for people to close.
    assert states["2020-02-05"] == "open"


@pytest.mark.parametrize(("partitions", "crashes"), [(1, (4, 6)), (4, (5,)), (12, ())])
def test_it_is_the_same_with_restarts_and_in_any_partition(
    partitions: int, crashes: tuple[int, ...]
) -> None:
    off = sign("bo", "02-05 02:00", "out")
    lines = [
        O1, shift(), clock("02-04 19:00"), *BOTH, off, clock("02-05 02:10"),
        clock("02-05 02:15"), clock("02-05 02:30"),
    ]  # fmt: skip
    whole = Deployment().run(steps(lines))
    (alert,) = [each for each in whole.final if each.state == "open" and each.rule == "watch-gap"]
    again = Deployment(partitions=partitions).run(steps(lines), crashes=crashes)
    assert [each for each in again.final if each.state == "open"] == [alert]
