"""The clock of an order and what people do with it, at literal times."""

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest

from rules import missed_check_in, release_due
from schemas.problems import Rejected
from schemas.registers import Identifier, Order
from schemas.times import format_ms, parse_ms
from services.api.registers.order_acts import Over, extended, re_exposed, released
from services.api.registers.order_clock import DEFAULTS, clock_of, last_day_of

ZONE = ZoneInfo("Asia/Shanghai")
PERSON = "person:0:" + "0" * 32
# Scenario 7: arrived on 24 January, reported on the 26th.
ORDER = Order(
    id="o-1",
    valid_from="2020-01-23T16:00:00.000Z",
    author="li",
    source="town",
    reason="arrived from a risk area",
    purpose="outbreak-control",
    subject=Identifier(person=PERSON),
    class_="home-isolation",
    kind="home",
    zone="z-1",
    exposure_date="2020-01-24",
    start="2020-01-23T16:00:00.000Z",
    channel="phone",
)


def at(text: str) -> int:
    """Return a local time of the deployment."""
    return parse_ms(f"{text}:00+08:00")


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2020-02-07T23:59", "running"),
        ("2020-02-08T00:00", "due"),
        ("2020-02-08T23:59", "due"),
        ("2020-02-09T00:00", "overdue"),
    ],
)
def test_an_order_is_due_at_the_midnight_after_its_last_day(now: str, state: str) -> None:
    clock = clock_of(ORDER, ZONE, at(now))
    assert (clock.state, clock.last_day) == (state, date(2020, 2, 7))
    assert clock.due_ms == at("2020-02-08T00:00")
    assert clock.overdue_ms == at("2020-02-09T00:00")


def test_a_later_exposure_counts_and_what_was_filed_is_as_it_was() -> None:
    # Scenario 9: exposed anew on 3 February.
    anew = re_exposed(ORDER, date(2020, 2, 3), "met a case", ZONE, at("2020-02-04T10:00"))
    assert (anew.exposure_date, anew.last_day) == ("2020-02-03", "2020-02-17")
    assert (anew.start, anew.valid_from, anew.reason) == (
        ORDER.start,
        ORDER.valid_from,
        "met a case",
    )
    assert (ORDER.exposure_date, ORDER.last_day) == ("2020-01-24", None)
    assert clock_of(anew, ZONE, at("2020-02-10T10:00")).state == "running"


def test_a_new_exposure_never_makes_an_order_shorter() -> None:
    long = extended(ORDER, date(2020, 2, 28), "symptoms", ZONE, at("2020-02-01T10:00"))
    anew = re_exposed(long, date(2020, 2, 3), "met a case", ZONE, at("2020-02-04T10:00"))
    assert anew.last_day == "2020-02-28"


@pytest.mark.parametrize("day", [date(2020, 1, 24), date(2020, 2, 5)])
def test_an_exposure_is_later_than_the_last_and_not_in_the_future(day: date) -> None:
    with pytest.raises(Rejected) as refused:
        re_exposed(ORDER, day, "met a case", ZONE, at("2020-02-04T10:00"))
    assert refused.value.problem.field == "exposure_date"


def test_an_order_is_extended_beyond_its_last_day_only() -> None:
    now_ms = at("2020-02-06T10:00")
    assert extended(ORDER, date(2020, 2, 10), "fever", ZONE, now_ms).last_day == "2020-02-10"
    with pytest.raises(Rejected, match="after 2020-02-07"):
        extended(ORDER, date(2020, 2, 7), "fever", ZONE, now_ms)


def test_an_end_that_was_filed_moves_with_the_last_day() -> None:
    ends = msgspec.structs.replace(ORDER, valid_to=format_ms(at("2020-02-08T00:00")))
    longer = extended(ends, date(2020, 2, 10), "fever", ZONE, at("2020-02-06T10:00"))
    assert longer.valid_to == format_ms(at("2020-02-11T00:00"))


def test_a_release_names_who_decided_and_is_not_early_by_mistake() -> None:
    now_ms = at("2020-02-08T09:00")
    over = released(ORDER, "Dr Wang", "14 days", ZONE, now_ms, DEFAULTS, early=False)
    assert (over.released_by, over.valid_to) == ("Dr Wang", format_ms(now_ms))
    assert clock_of(over, ZONE, now_ms).state == "over"
    early_ms = at("2020-02-07T09:00")
    with pytest.raises(Rejected) as refused:
        released(ORDER, "Dr Wang", "tested", ZONE, early_ms, DEFAULTS, early=False)
    assert refused.value.problem.field == "early"
    assert released(
        ORDER, "Dr Wang", "to hospital", ZONE, early_ms, DEFAULTS, early=True
    ).valid_to == format_ms(early_ms)


def test_what_is_over_is_not_changed_and_what_has_not_begun_not_released() -> None:
    over = msgspec.structs.replace(ORDER, valid_to="2020-02-01T00:00:00.000Z")
    now_ms = at("2020-02-06T10:00")
    with pytest.raises(Over):
        extended(over, date(2020, 2, 20), "fever", ZONE, now_ms)
    with pytest.raises(Over):
        re_exposed(over, date(2020, 2, 3), "case", ZONE, now_ms)
    with pytest.raises(Over):
        released(over, "Dr Wang", "again", ZONE, now_ms, DEFAULTS, early=True)
    with pytest.raises(Rejected):
        released(ORDER, "Dr Wang", "no", ZONE, at("2020-01-23T09:00"), DEFAULTS, early=True)


def test_follow_ups_are_those_of_today_and_tomorrow_that_are_not_missed_yet() -> None:
    clock = clock_of(ORDER, ZONE, at("2020-02-01T09:20"))
    assert [each.due_ms for each in clock.follow_ups] == [
        at("2020-02-01T15:00"),
        at("2020-02-02T09:00"),
        at("2020-02-02T15:00"),
    ]
    assert clock.follow_ups[0].missed_ms == at("2020-02-01T15:20")
    quiet = {**DEFAULTS["missed-check-in"], "quiet_from_h": 14, "quiet_to_h": 16}
    fewer = clock_of(
        ORDER, ZONE, at("2020-02-01T00:00"), {**DEFAULTS, "missed-check-in": quiet}
    ).follow_ups
    assert [each.due_ms for each in fewer] == [at("2020-02-01T09:00"), at("2020-02-02T09:00")]
    without = msgspec.structs.replace(ORDER, channel=None)
    assert clock_of(without, ZONE, at("2020-02-01T00:00")).follow_ups == ()


def test_the_defaults_are_those_of_the_rules() -> None:
    for rule in (release_due.RULE, missed_check_in.RULE):
        known = DEFAULTS[rule.name]
        assert known.items() <= rule.defaults.items()
    assert last_day_of(date(2020, 2, 15)) == date(2020, 2, 29)
