"""D40: a shift has too few people, or one who must stay at home themselves."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.alerts.build import Line, Moment, clock, deletion, identifier, order, put, report, text
from tests.alerts.running import Deployment, after, steps

FOUR = ("an", "bo", "cai", "ding")


def shift(
    members: Sequence[Any] = FOUR,
    filed: Moment = "02-04 18:00",
    start: Moment = "02-05 08:00",
    end: Moment = "02-05 16:00",
    min_staff: int = 4,
    **more: Any,
) -> Line:
    """Who is on duty at the inner checkpoint."""
    return put(
        "duty-shift", "s1", filed, start, place=more.pop("place", "inner"),
        start=text(start), end=text(end), members=list(members), min_staff=min_staff, **more,
    )  # fmt: skip


def sign(who: Any, when: Moment, kind: str = "in", **more: Any) -> Line:
    """Somebody comes or goes."""
    return report(
        "duty-sign-in", "roster", when, event_id=f"{who}-{when}-{kind}",
        shift="s1", member=who, kind=kind, **more,
    )  # fmt: skip


THREE = [sign(who, "02-05 07:55") for who in FOUR[:3]]
LATE = clock("02-05 08:15")


def test_three_of_four_are_too_few_after_a_quarter_of_an_hour() -> None:
    assert after(shift(), *THREE, clock("02-05 08:14")).final == []
    (alert,) = after(shift(), *THREE, LATE).final
    assert (alert.rule, alert.severity, alert.subject.key) == ("duty-no-show", "low", "shift:s1")
    assert (alert.site, alert.grid, alert.order) == ("inner", "g1", None)
    assert "3 of 4" in alert.reason.en
    assert "实到 3 人" in alert.reason.zh
    elsewhere = after(shift(place="road 5", order="o1"), *THREE, LATE).final[0]
    assert (elsewhere.site, elsewhere.order) == (None, "o1")


def test_enough_is_enough_whoever_else_came_or_went() -> None:
    assert after(shift(), *THREE, sign("ding", "02-05 08:14"), LATE).final == []
    assert len(after(shift(), *THREE, sign("eve", "02-05 08:00"), LATE).final) == 1
    left = [sign("ding", "02-05 08:00"), sign("ding", "02-05 08:10", "out")]
    assert len(after(shift(), *THREE, *left, LATE).final) == 1


def test_who_comes_later_clears_it_and_a_late_record_retracts() -> None:
    (alert,) = after(
        shift(), *THREE, LATE, sign("an", "02-05 08:20"), sign("ding", "02-05 08:30")
    ).final
    assert (alert.state, alert.outcome) == ("resolved", "cleared")
    assert alert.last_seen == "2020-02-05T00:30:00.000Z"
    late = sign("ding", "02-05 08:05", recorded="02-05 09:00")
    assert after(shift(), *THREE, LATE, late).final[0].state == "retracted"


def test_a_swap_excuses_and_filed_later_retracts() -> None:
    came = [*THREE, sign("eve", "02-05 08:00")]
    swap = [*FOUR[:3], "eve"]
    assert after(shift(), shift(swap, "02-05 08:10"), *came, LATE).final == []
    (alert,) = after(shift(), *came, LATE, shift(swap, "02-05 10:00")).final
    assert alert.state == "retracted"
    assert "swap-recorded" in alert.reason.en
    # A swap that helps nothing changes nothing; one when all were there neither.
    (alert,) = after(shift(), *THREE, LATE, shift(swap, "02-05 10:00")).final
    assert alert.state == "open"
    full = [*THREE, sign("ding", "02-05 08:00")]
    assert after(shift(), *full, LATE, shift(min_staff=3, filed="02-05 10:00")).final == []


def test_a_shift_is_due_from_its_filing_on_and_not_when_it_is_called_off() -> None:
    late = shift(filed="02-05 12:00")
    assert after(late, clock("02-05 12:14")).final == []
    assert after(late, clock("02-05 12:15")).final[0].first_seen == "2020-02-05T04:15:00.000Z"
    assert after(shift(), deletion("duty-shift", "s1", "02-05 07:00"), LATE).final == []
    tidied = after(shift(), LATE, deletion("duty-shift", "s1", "02-06 07:00"), clock("02-06 08:00"))
    assert [alert.state for alert in tidied.final] == ["open"]
    assert after(sign("an", "02-05 08:00"), LATE).final == []


PAIR = (identifier("wang"), "bo")
BOTH = [sign(identifier("wang"), "02-05 07:50"), sign("bo", "02-05 07:51")]


def pair(members: Sequence[Any] = PAIR, **more: Any) -> Line:
    """Two people on duty, one known by an identifier."""
    return shift(members, min_staff=2, **more)


def test_a_member_under_order_is_medium_from_the_begin_of_the_shift_on() -> None:
    o1 = order("o1", start="02-01 10:00")
    (alert,) = after(o1, pair(), *BOTH, clock("02-05 08:00")).final
    assert (alert.severity, alert.order, alert.first_seen) == (
        "medium", "o1", "2020-02-05T00:00:00.000Z",
    )  # fmt: skip
    assert "under order o1 themselves" in alert.reason.en
    assert "隔离令 o1" in alert.reason.zh


def test_an_order_filed_during_the_shift_counts_from_then_and_one_behind_it_not() -> None:
    during = order("o1", start="02-05 09:00", filed="02-05 10:00")
    (alert,) = after(pair(), *BOTH, during, clock("02-05 10:00")).final
    assert alert.first_seen == "2020-02-05T02:00:00.000Z"
    deleted = deletion("order", "o1", "02-04 10:00")
    assert after(order("o1"), deleted, pair(), *BOTH, clock("02-05 11:00")).final == []
    behind = order("o1", start="02-05 09:00", filed="02-05 16:00")
    assert after(pair(), *BOTH, behind, clock("02-06 10:00")).final == []
    ahead = order("o1", start="02-05 12:00", filed="02-05 09:00")
    assert after(pair(), *BOTH, ahead, clock("02-05 11:00")).final == []
    over = order("o1", start="02-01 10:00", until="02-04 10:00")
    assert after(over, pair(), *BOTH, clock("02-05 11:00")).final == []


def test_an_order_of_somebody_else_who_had_that_order_before_does_not_count() -> None:
    wrong = order("o1", "wang", start="02-01 10:00")
    right = order("o1", "li", start="02-01 10:00", filed="02-04 10:00")
    assert after(wrong, right, pair(), *BOTH, clock("02-05 11:00")).final == []


def test_who_is_swapped_out_or_whose_order_ended_by_then() -> None:
    o1 = order("o1", start="02-01 10:00")
    came = [*BOTH, sign("cai", "02-05 07:52")]
    before = pair(("cai", "bo"), filed="02-05 07:30")
    assert after(o1, pair(), before, *came, clock("02-05 09:00")).final == []
    later = pair(("cai", "bo"), filed="02-05 09:00")
    (alert,) = after(o1, pair(), *came, clock("02-05 08:20"), later).final
    assert (alert.state, "swap-recorded" in alert.reason.en) == ("retracted", True)
    ended = order("o1", start="02-01 10:00", filed="02-05 09:00", until="02-04 00:00")
    (alert,) = after(o1, pair(), *came, clock("02-05 08:20"), ended).final
    assert (alert.state, "order-ended" in alert.reason.en) == ("retracted", True)
    # Who is swapped in counts from the swap on.
    (alert,) = after(o1, pair(("cai", "bo")), *came, clock("02-05 08:20"),
                     pair(filed="02-05 09:00"), clock("02-05 09:01")).final  # fmt: skip
    assert alert.first_seen == "2020-02-05T01:00:00.000Z"


@pytest.mark.parametrize(("partitions", "crashes"), [(1, (2, 4)), (4, (3,)), (12, ())])
def test_it_is_the_same_with_restarts_and_in_any_partition(
    partitions: int, crashes: tuple[int, ...]
) -> None:
    lines = steps([shift(), clock("02-05 07:00"), *THREE, LATE, clock("02-05 09:00")])
    (alert,) = Deployment().run(lines).final
    assert Deployment(partitions=partitions).run(lines, crashes=crashes).final == [alert]
