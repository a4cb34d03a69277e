"""Which vehicles are known."""

import pytest

from rules import first_seen_vehicle
from rules.facts import Read
from schemas.times import DAY_MS, HOUR_MS, SECOND_MS
from services.alerts.engine import sightings
from services.alerts.engine.calendar import LocalDays
from services.alerts.engine.sightings import (
    FINAL_MS,
    MOST_READS,
    SETTLED_MS,
    Established,
    Group,
    Knowledge,
)
from tests.alerts.build import FOREVER_MS, ms, read, resident, world

CAR, LIKE_IT = "浙F12345", "浙F72345"
PARAMETERS = first_seen_vehicle.RULE.defaults
DAY_OF = LocalDays("Asia/Shanghai").day
START = ms("02-10 10:00")


def knowledge(
    *reads: Read, days: dict[str, str] | None = None, since_ms: int = FOREVER_MS
) -> Knowledge:
    """What is known when these reads are fresh and these plates established."""
    table = Established()
    for plate, when in (days or {}).items():
        table.note(plate, DAY_OF(ms(when)))
    registers = world(resident("浙F54321"))
    return Knowledge(reads, {"county": table}, registers, since_ms, PARAMETERS, DAY_OF)


def test_days_are_those_of_the_deployment() -> None:
    assert DAY_OF(ms("02-10 00:00")) == DAY_OF(ms("02-10 23:59:59.999"))
    assert DAY_OF(ms("02-10 00:00")) == DAY_OF(ms("02-09 23:59:59.999")) + 1
    assert LocalDays("UTC").day(0) == 0
    assert LocalDays("UTC").day(-1) == -1


@pytest.mark.parametrize(
    ("seen", "known"), [("01-11 00:00", True), ("01-10 23:59", False), ("02-09 00:00", True)]
)
def test_an_established_vehicle_is_known_for_the_look_back_in_days(seen: str, known: bool) -> None:
    assert knowledge(days={CAR: seen}).known("county", CAR, START, 30) is known


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        (START - 30 * DAY_MS - 1, False),
        (START - 30 * DAY_MS, True),
        (START - 1, True),
        (START, False),
    ],
)
def test_a_fresh_read_is_known_for_the_look_back_to_the_instant(seen: int, known: bool) -> None:
    one = knowledge(read(CAR, "inner", seen))
    assert one.known("county", CAR, START, 30) is known
    assert not one.known("county", LIKE_IT, START, 30)
    assert not one.known("other", CAR, START, 30)


def test_what_any_region_knows_the_deployment_knows_but_not_the_other_way_round() -> None:
    fresh = knowledge(read(CAR, "inner", "02-09 00:00"), days={LIKE_IT: "02-09 00:00"})
    assert fresh.known("", CAR, START, 30)
    assert fresh.known("", LIKE_IT, START, 30)
    nowhere = knowledge(read(CAR, "inner", "02-09 00:00", region=""))
    assert nowhere.known("", CAR, START, 30)
    assert not nowhere.known("county", CAR, START, 30)


def test_a_doubtful_read_makes_nothing_known() -> None:
    one = knowledge(read(CAR, "inner", START - 1, confidence=0.89))
    assert not one.known("county", CAR, START, 30)


def test_residents_and_warmth() -> None:
    one = knowledge(since_ms=START)
    assert one.resident("浙F54321", START, START)
    assert not one.resident(CAR, START, START)
    assert one.warm(START + 30 * DAY_MS, 30)
    assert not one.warm(START + 30 * DAY_MS - 1, 30)
    assert not sightings.is_warm(None, START, 0)


def test_a_visit_is_final_when_no_event_in_time_can_change_it() -> None:
    one = knowledge(read(CAR, "bound", START), read(CAR, "inner", START + HOUR_MS))
    assert not one.is_final("county", CAR, START + FINAL_MS)
    assert one.is_final("county", CAR, START + FINAL_MS + 1)
    assert not one.is_final("county", LIKE_IT, START + FINAL_MS + 1)


# Established vehicles.


def test_the_last_day_counts_and_changes_are_dumped_once() -> None:
    table = Established()
    table.note(CAR, 18_000)
    table.note(CAR, 17_000)
    assert table.days == {CAR: 18_000}
    key = f"scounty\0{CAR}".encode()
    assert table.dump("county") == [(key, (18_000).to_bytes(4, "big"))]
    assert table.dump("county") == []


def test_vehicles_of_one_day_share_its_number() -> None:
    table = Established()
    for number, plate in enumerate(("浙A12345", "浙B12345", "浙C12345")):
        # As a record of the state has it: a number of its own.
        table.load(plate, int.from_bytes(bytes([0, 0, 70 + number // 2, 0]), "big"))
    table.note("浙C12345", 70 << 8)
    one, other, last = table.days.values()
    assert one is other
    assert (one, last) == (70 << 8, 71 << 8)
    table.expire(71 << 8)
    table.note("浙D12345", int("18176"))
    assert table.days["浙D12345"] is last


def test_what_no_look_back_can_reach_expires() -> None:
    table = Established()
    for plate, day in (("a", 17_908), ("b", 17_909), ("c", 18_000)):
        table.note(plate, day)
    table.dump("")
    table.expire(18_000)
    assert set(table.days) == {"b", "c"}
    assert table.dump("") == [(b"s\0a", None)]


# Groups.


def test_a_group_keeps_its_first_and_its_last_reads() -> None:
    group = Group([])
    out = 0
    for n in reversed(range(MOST_READS + 10)):
        out += sightings.add(group, read(CAR, "inner", START + n * SECOND_MS))
    times = sorted(each.time_ms for each in group.reads)
    assert (len(times), out) == (MOST_READS, 10)
    assert times[0] == START
    assert times[-1] == START + (MOST_READS + 9) * SECOND_MS


def test_a_vehicle_settles_145_hours_after_its_first_read() -> None:
    group = Group([read(CAR, "bound", START), read(CAR, "inner", START + 3 * DAY_MS)])
    before = list(group.reads)
    assert sightings.graduates(group, START + SETTLED_MS - 1, PARAMETERS, DAY_OF) == (
        [],
        START + SETTLED_MS,
    )
    assert group.reads == before
    settled, due = sightings.graduates(group, START + SETTLED_MS, PARAMETERS, DAY_OF)
    assert (settled, due) == ([("county", CAR, DAY_OF(START + 3 * DAY_MS))], None)
    assert group.reads == []


def test_doubtful_reads_leave_on_their_own() -> None:
    doubtful = read(LIKE_IT, "inner", START, confidence=0.5)
    fresh = read(CAR, "inner", START + HOUR_MS)
    group = Group([doubtful, fresh])
    assert sightings.graduates(group, START + SETTLED_MS, PARAMETERS, DAY_OF) == (
        [],
        START + HOUR_MS + SETTLED_MS,
    )
    assert group.reads == [fresh]


def test_each_vehicle_of_a_group_settles_in_its_time() -> None:
    first, second = read(CAR, "inner", START), read(LIKE_IT, "inner", START + HOUR_MS)
    group = Group([first, second])
    settled, due = sightings.graduates(group, START + SETTLED_MS, PARAMETERS, DAY_OF)
    assert [plate for _, plate, _ in settled] == [CAR]
    assert (group.reads, due) == ([second], START + HOUR_MS + SETTLED_MS)
    assert sightings.plates_of(group.reads) == {("county", LIKE_IT)}


def test_a_late_read_that_makes_a_vehicle_known_takes_its_fresh_reads_out() -> None:
    near = read(CAR, "inner", START + DAY_MS)
    chained = read(CAR, "inner", START + 30 * DAY_MS)
    beyond = read(CAR, "inner", START + 70 * DAY_MS)
    other = read(LIKE_IT, "inner", START)
    elsewhere = read(CAR, "inner", START, region="other")
    group = Group([beyond, chained, near, other, elsewhere])
    last = sightings.recognise(group, read(CAR, "inner", START), PARAMETERS, DAY_OF)
    assert last == DAY_OF(START + 30 * DAY_MS)
    assert set(group.reads) == {beyond, other, elsewhere}


def test_doubtful_reads_are_taken_out_but_move_no_day() -> None:
    group = Group([read(CAR, "inner", START + DAY_MS, confidence=0.5)])
    assert sightings.recognise(group, read(CAR, "inner", START), PARAMETERS, DAY_OF) == DAY_OF(
        START
    )
    assert group.reads == []
