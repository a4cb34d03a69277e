"""The checks of a person: bounded, in order of time, and gone after three days and an hour."""

from schemas.times import HOUR_MS, MINUTE_MS
from services.alerts.engine.book import Book
from services.alerts.engine.recent_checks import KEEP_MS, MOST_CHECKS, RecentCheck, RecentChecks

DAY = 18_000 * 24 * HOUR_MS
WHO = "person:0:aa"


def made(minute: int, event_id: str = "e") -> RecentCheck:
    """A check at a minute of the day."""
    at_ms = DAY + minute * MINUTE_MS
    return RecentCheck(at_ms, "desk", f"{event_id}{minute}", at_ms, "t", "s", "in", "none", False,
                       36.5, None)  # fmt: skip


def test_checks_are_in_order_of_time_however_they_arrive() -> None:
    checks = RecentChecks(Book())
    checks.add(WHO, made(5))
    assert checks.add(WHO, made(3)) == [made(3), made(5)] == checks.of(WHO)
    # One that is sent again is the same one.
    assert checks.add(WHO, made(5)) == [made(3), made(5)]
    assert checks.of("person:0:bb") == []


def test_the_newest_stay_in_any_order_of_arrival() -> None:
    minutes = range(MOST_CHECKS + 10)
    kept = []
    for order in (minutes, reversed(minutes)):
        checks = RecentChecks(Book())
        for minute in order:
            checks.add(WHO, made(minute))
        kept.append(checks.of(WHO))
    assert kept[0] == kept[1] == [made(minute) for minute in minutes[10:]]


def test_what_no_event_in_time_is_near_to_is_forgotten() -> None:
    book = Book()
    checks = RecentChecks(book)
    for minute in (0, 59, 61):
        checks.add(WHO, made(minute))
    # A check is looked for by whole hours.
    checks.forget(DAY + KEEP_MS + 59 * MINUTE_MS)
    assert len(checks.of(WHO)) == 3
    book.changed.clear()
    restored = RecentChecks(book)
    restored.forget(DAY + KEEP_MS + HOUR_MS)
    assert restored.of(WHO) == [made(61)]
    assert book.changed == {("c", WHO)}
    restored.forget(DAY + KEEP_MS + 3 * HOUR_MS)
    assert book.checks == {}
