"""What is looked back for, and what the answer holds: literal filings, sightings in memory."""

from collections.abc import Iterator

import msgspec
import pytest

from schemas.filing import filed_deletion
from schemas.intake import Record
from schemas.joins import JOINS_BY_TYPE, LOOK_BACK, LookBack
from schemas.registers import Deletion
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_ms
from services.alerts.sightings.look_backs import (
    MOST_SIGHTINGS,
    REACH_MS,
    UNREADABLE,
    LookBacks,
    look_back,
)
from services.alerts.sightings.memory import MemorySightings
from tests.sightings.records import (
    NUMBER,
    OTHER,
    PERSON,
    T0,
    VEHICLE,
    by_topic,
    check,
    hit,
    ordered,
    scan,
    watched,
)

FILED = T0 + DAY_MS


class County:
    """Sightings and filings in one place."""

    def __init__(self) -> None:
        self.sightings = MemorySightings()
        self.filings = LookBacks("Asia/Shanghai")

    def see(self, *groups: list[Record]) -> None:
        """Take in records."""
        for topic, values in by_topic(*groups).items():
            self.sightings.add(topic, values)

    def file(self, value: bytes) -> LookBack | None:
        """Take in a filing; return what is looked back on."""
        due = self.filings.file(value)
        return None if due is None else look_back(due, self.filings, self.sightings)

    def ids(self, value: bytes) -> list[str]:
        """Return the ids of the sightings of a filing's look-back."""
        found = self.file(value)
        return [] if found is None else [each.id for each in found.sightings]


@pytest.fixture
def county() -> Iterator[County]:
    """An empty county."""
    empty = County()
    yield empty
    empty.sightings.close()


# Watch entries.


def test_a_watch_entry_tells_what_was_seen_before_it(county: County) -> None:
    county.see(hit("a", T0), hit("b", T0 + 1), hit("other", plate=OTHER))
    found = county.file(watched("w1", FILED))
    assert found is not None
    assert (found.type, found.id) == (LOOK_BACK, f"watch-entry/w1/{FILED}")
    assert (found.register, found.entry, found.filed_ms) == ("watch-entry", "w1", FILED)
    assert (found.subject, found.from_ms) == (VEHICLE, FILED - REACH_MS)
    assert (found.count, found.first_ms, found.last_ms) == (2, T0, T0 + 1)
    first = found.sightings[0]
    assert (first.source, first.id, first.site, first.direction) == (
        "camera-1",
        "a",
        "site-1",
        "in",
    )
    assert (first.evidence_class, first.confidence, first.subject) == ("vehicle", 0.95, None)
    # As the workers read it.
    assert msgspec.json.decode(msgspec.json.encode(found), type=JOINS_BY_TYPE[LOOK_BACK]) == found


def test_a_person_on_the_list(county: County) -> None:
    county.see(scan("s1", T0), check("c1", T0 + 1))
    who = {"id_type": "resident_id", "id_number": NUMBER}
    found = county.file(watched("w1", FILED, person=who))
    assert found is not None
    assert found.subject == PERSON
    assert [each.id for each in found.sightings] == ["s1#1", "c1"]


def test_nothing_seen_is_no_record(county: County) -> None:
    assert county.file(watched("w1", FILED)) is None


def test_fourteen_days_before_the_filing_and_no_more(county: County) -> None:
    start_ms = FILED - REACH_MS
    county.see(hit("before", start_ms - 1), hit("first", start_ms))
    assert county.ids(watched("w1", FILED)) == ["first"]


def test_an_entry_that_begins_later_looks_back_from_its_beginning(county: County) -> None:
    county.see(hit("early", FILED - REACH_MS), hit("late", FILED - HOUR_MS))
    begins = format_ms(FILED + DAY_MS)
    assert county.ids(watched("w1", FILED, valid_from=begins)) == ["late"]


def test_what_was_accepted_with_the_entry_known_is_judged_by_its_own_rule(county: County) -> None:
    county.see(
        hit("known", FILED - SECOND_MS, recorded_ms=FILED),
        hit("unknown", FILED - SECOND_MS, recorded_ms=FILED - 1),
        # The device's clock is ahead.
        hit("ahead", FILED + MINUTE_MS, recorded_ms=FILED - 1),
    )
    assert county.ids(watched("w1", FILED)) == ["unknown", "ahead"]


def test_sites_and_direction_of_the_entry_hold(county: County) -> None:
    county.see(
        hit("yes", T0),
        hit("elsewhere", T0 + 1, site="site-2"),
        hit("out", T0 + 2, direction="out"),
    )
    assert county.ids(watched("w1", FILED, sites=["site-1"], direction="in")) == ["yes"]
    assert county.ids(watched("w2", FILED, sites=["site-2"])) == ["elsewhere"]
    assert county.ids(watched("w3", FILED, direction="out")) == ["out"]


def test_filed_again_it_tells_only_what_no_version_has_accused(county: County) -> None:
    assert county.ids(watched("w1", T0 - DAY_MS, sites=["site-1"])) == []
    county.see(hit("accused", T0), hit("elsewhere", T0 + 1, site="site-2"))
    assert county.ids(watched("w1", FILED)) == ["elsewhere"]


def test_what_says_the_same_again_is_not_looked_back_for_again(county: County) -> None:
    county.see(hit("a"))
    assert county.ids(watched("w1", FILED)) == ["a"]
    longer = watched("w1", FILED + HOUR_MS, valid_to="2020-12-31T12:00:00Z")
    assert county.ids(longer) == []
    assert county.ids(watched("w1", FILED + 2 * HOUR_MS, category="confirmed")) == ["a"]


def test_an_entry_that_was_deleted_is_new_when_it_is_filed_again(county: County) -> None:
    county.see(hit("a"))
    assert county.ids(watched("w1", FILED)) == ["a"]
    gone = Deletion(id="w1", author="a")
    value = filed_deletion("watch-entry", gone, FILED + 1, "d1", "api").value
    assert county.file(value) is None
    assert county.ids(watched("w1", FILED + 2)) == ["a"]


def test_an_entry_that_is_over_is_not_looked_back_for(county: County) -> None:
    county.see(hit("a"))
    assert (
        county.ids(
            watched("w1", FILED, valid_from="2020-01-01T00:00:00Z", valid_to=format_ms(FILED))
        )
        == []
    )


def test_the_newest_two_hundred_are_told_and_all_are_counted(county: County) -> None:
    county.see(*(hit(f"{number:03d}", T0 + number) for number in range(MOST_SIGHTINGS + 5)))
    found = county.file(watched("w1", FILED))
    assert found is not None
    assert (found.count, len(found.sightings)) == (MOST_SIGHTINGS + 5, MOST_SIGHTINGS)
    assert (found.sightings[0].id, found.first_ms) == ("005", T0)


# Orders.


def test_a_back_dated_order_tells_where_its_person_and_vehicles_were(county: County) -> None:
    county.see(scan("s1", T0), hit("h1", T0 + 1, plate=OTHER), hit("h2", T0 + 2))
    found = county.file(ordered("o1", FILED, T0 - HOUR_MS, vehicles=[OTHER]))
    assert found is not None
    assert (found.id, found.subject) == (f"order/o1/{FILED}", PERSON)
    seen = [(each.id, each.subject, each.evidence_class) for each in found.sightings]
    assert seen == [("s1#1", None, "person"), ("h1", f"vehicle:{OTHER}", "vehicle")]


def test_an_order_from_now_on_has_no_trail(county: County) -> None:
    county.see(scan("s1", T0))
    assert county.ids(ordered("o1", FILED, FILED)) == []


def test_the_trail_begins_with_the_day_of_the_exposure(county: County) -> None:
    midnight = T0 - 16 * HOUR_MS  # of 10 February in China, 16:00 the day before in UTC
    county.see(check("before", midnight - 1), check("first", midnight), check("start", T0))
    order = ordered("o1", FILED, T0, exposure_date="2020-02-10")
    assert county.ids(order) == ["first", "start"]
    assert county.ids(ordered("o2", FILED, T0, exposure_date="2020-02-11")) == ["start"]


def test_the_trail_is_no_longer_than_fourteen_days(county: County) -> None:
    start_ms = FILED - REACH_MS
    county.see(check("before", start_ms - 1), check("first", start_ms))
    assert county.ids(ordered("o1", FILED, start_ms - DAY_MS)) == ["first"]


def test_an_order_is_looked_back_for_again_when_it_says_something_new(county: County) -> None:
    county.see(check("a", T0), hit("h", T0 + 1, plate=OTHER))
    assert county.ids(ordered("o1", FILED, T0)) == ["a"]
    assert county.ids(ordered("o1", FILED + 1, T0, zone="facility")) == []
    assert county.ids(ordered("o1", FILED + 2, T0, vehicles=[OTHER])) == ["a", "h"]


# What is read from the topics.


def test_other_registers_and_broken_records(county: County) -> None:
    other = watched("w1", FILED).replace(b"cordon.watch-entry.put", b"cordon.other.put")
    assert county.file(other) is None
    with pytest.raises(UNREADABLE):
        county.filings.file(b"{")
    with pytest.raises(UNREADABLE):
        county.filings.file(watched("w1", FILED).replace(b"close-contact", b"nonsense"))


def test_the_same_filing_read_again_is_nothing_new(county: County) -> None:
    county.see(hit("a"))
    assert county.ids(watched("w1", FILED)) == ["a"]
    assert county.ids(watched("w1", FILED)) == []


def test_an_unreadable_exposure_date_leaves_the_start(county: County) -> None:
    county.see(check("a", T0))
    value = ordered("o1", FILED, T0, exposure_date="2020-02-01")
    assert county.ids(value.replace(b'"2020-02-01"', b'"unknown"')) == ["a"]
