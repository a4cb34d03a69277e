"""A device's readings: what is told when, and what is kept for late ones."""

from collections import Counter

from rules.facts import NEWEST
from schemas.joins import DeviceBias, TemperatureRead
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS
from services.alerts.engine.book import Book
from services.alerts.engine.calendar import LocalDays
from services.alerts.engine.findings import Findings
from services.alerts.engine.thermometers import Thermometers
from tests.alerts.build import ms, policy, world

START = ms("02-10 08:00")
LATE = (1, 2, 4, 5, 7, 8, 10, 11, 13)
REGISTERS = world(policy("read-quality", filed="02-01 00:00", readings=5))


def stage(book: Book) -> Thermometers:
    """The thermometers of a partition, whose windows have five readings."""
    return Thermometers(book, REGISTERS, Findings(book, REGISTERS, Counter(), LocalDays("UTC")))


def reading(minute: int, temperature: float) -> TemperatureRead:
    """A temperature some minutes after the start."""
    at_ms = START + minute * MINUTE_MS
    return TemperatureRead(
        source="gun", id=f"e{minute}", of="cordon.health-check.v1", time_ms=at_ms,
        recorded_ms=at_ms, site="exit", temperature=temperature,
    )  # fmt: skip


def told(stage: Thermometers, *readings: TemperatureRead) -> list[DeviceBias]:
    """What every partition is told of these readings."""
    return [bias for bias in map(stage.take, readings) if bias is not None]


def test_it_is_told_when_a_device_turns_and_when_it_is_well_again() -> None:
    book = Book()
    warm = [reading(minute, 37.2) for minute in range(8)]
    cool = [reading(minute, 36.4) for minute in range(8, 14)]
    first, last = told(stage(book), *warm, *cool)
    assert first.spans == [(START, NEWEST)]
    # With the third cool reading the median of five is in order.
    assert last.spans == [(START, START + 9 * MINUTE_MS)]
    (history,) = book.histories.values()
    assert (history.rule, history.subject.key) == ("read-quality", "source:gun")
    assert [match.id for match in history.matches] == ["e4"]


def test_a_reading_that_is_told_twice_counts_once() -> None:
    book = Book()
    assert told(stage(book), *[reading(0, 37.2)] * 9) == []
    assert len(book.readings["gun"]) == 1


def test_late_readings_may_take_a_bias_back() -> None:
    book = Book()
    thermometers = stage(book)
    (first,) = told(thermometers, *(reading(minute, 37.2) for minute in range(0, 15, 3)))
    assert first.spans == [(START, NEWEST)]
    *_, last = told(thermometers, *(reading(minute, 36.0) for minute in LATE))
    assert last.spans == []
    assert [history.matches for history in book.histories.values()] == [[]]


def test_what_is_kept_tells_as_much_as_all() -> None:
    book = Book()
    thermometers = stage(book)
    told(thermometers, *(reading(minute, 37.2) for minute in range(0, 200)))
    clock_ms = START + 4 * DAY_MS
    book.changed.clear()
    thermometers.forget(clock_ms)
    assert len(book.readings["gun"]) == 50
    assert book.horizons == {"gun": clock_ms - 3 * DAY_MS}
    assert len([name for name in book.changed if name[0] == "t"]) == 150
    thermometers.forget(clock_ms)
    assert len(book.readings["gun"]) == 50
    # After a restart it still is known that the device was biased, and the cure is told.
    for at in (thermometers, stage(book)):
        bias = told(at, *(reading(4 * 24 * 60 + minute, 36.0) for minute in range(3)))[-1:]
        if at is thermometers:
            (cured,) = bias
            assert cured.since_ms == clock_ms - 3 * DAY_MS
            assert all(first >= cured.since_ms for first, _ in cured.spans)
            assert cured.spans[0][1] == START + 4 * DAY_MS + MINUTE_MS
    settled = [match.first_ms for match in next(iter(book.histories.values())).matches]
    assert settled[:4] == [START + 4 * MINUTE_MS, *(START + hour * HOUR_MS for hour in (1, 2, 3))]
