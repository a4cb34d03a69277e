"""State and the records in which it is kept; that all of it comes back is a law of test_laws."""

import pytest

from services.alerts.engine.book import MARKER, Book, identity_key
from services.alerts.engine.decode import Hit, PersonSeen, Scan
from services.alerts.engine.sightings import Group
from tests.alerts.build import check, events, hit, match, read, scan


def reloaded(book: Book) -> Book:
    """A new book of what a dump wrote."""
    again = Book()
    again.load((key, value) for key, value in book.dump({}) if value is not None)
    return again


def test_a_dump_holds_only_what_changed_and_ends_with_the_marker() -> None:
    book = Book()
    assert not book.has_changed
    book.schedule("g/x", 7)
    book.region("county").note("浙F12345", 18_000)
    assert book.has_changed
    keys = [key for key, _ in book.dump({})]
    assert set(keys) == {b"dg/x", "scounty\0浙F12345".encode(), MARKER}
    assert keys[-1] == MARKER
    assert [key for key, _ in book.dump({})] == [MARKER]


def test_deadlines_come_in_order_and_can_be_moved_and_cancelled() -> None:
    book = Book()
    for key, due_ms in (("a", 30), ("b", 10), ("c", 20)):
        book.schedule(key, due_ms)
    book.schedule("b", 40)
    book.schedule("c", None)
    book.schedule("c", None)
    book = reloaded(book)
    assert book.next_due_ms() == 30
    assert [book.pop_due(), book.next_due_ms(), book.pop_due()] == ["a", 40, "b"]
    assert book.next_due_ms() is None
    assert [value for key, value in book.dump({}) if key != MARKER] == [None, None]


def test_events_that_wait_come_back_with_their_kind() -> None:
    book = Book()
    lines = (hit("浙F12345", "new", "02-03 09:00"), scan("new", "02-03 09:01"))
    waiting = [event for _, event in events(*lines, check("wang", "new", "02-03 09:02"))]
    for number, event in enumerate(waiting):
        assert isinstance(event, Hit | Scan | PersonSeen)
        book.wait("new", str(number), event)
    again = reloaded(book)
    assert list(again.waiting["new"].values()) == waiting
    for number, event in enumerate(waiting):
        assert again.stop_waiting("new", str(number)) == event
    assert again.waiting == {}
    gone = [key for key, value in again.dump({}) if value is None]
    assert gone == [b"wnew\x000", b"wnew\x001", b"wnew\x002"]


def test_groups_and_histories_come_back() -> None:
    book = Book()
    book.groups["x"] = Group([read("浙F12345", "inner", "02-03 09:00")])
    history = book.history("quarantine-breach", "o1", "person", "person:0:" + "a" * 32)
    assert book.history("quarantine-breach", "o1", "person", "ignored") is history
    history.matches.append(match("02-03 09:00"))
    book.changed |= {("g", "x"), ("h", "quarantine-breach", "o1")}
    again = reloaded(book)
    assert again.groups == book.groups
    assert again.histories == book.histories
    assert dict(again.by_order) == {"o1": {("quarantine-breach", "o1")}}
    again.forget_history(("quarantine-breach", "o1"))
    assert again.histories == {}
    assert again.by_order["o1"] == set()
    del again.groups["x"]
    again.changed.add(("g", "x"))
    assert {key for key, value in again.dump({}) if value is None} == {
        b"gx",
        b"hquarantine-breach\0o1",
    }


def test_a_vehicles_label_is_masked() -> None:
    subject = Book().history("first-seen-vehicle", "c/浙F12345", "vehicle", "浙F12345").subject
    assert subject.key == "vehicle:浙F12345"
    assert "12345" not in subject.label


def test_a_piece_of_no_kind_is_a_mistake() -> None:
    book = Book()
    book.changed.add(("x", "y"))
    with pytest.raises(AssertionError):
        book.dump({})


def test_chunks_of_identities_sort_by_number() -> None:
    assert identity_key(9) < identity_key(10)
