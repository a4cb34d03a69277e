"""Conditions are kept as long as somebody may ask about them, and no longer."""

from rules import transfers
from rules.registers import Registers
from schemas.versions import FOREVER
from services.alerts.engine.book import Book
from services.alerts.engine.conditions import KEEP_MS, forget
from tests.alerts.build import deletion, ms, order, person, world

NOW_MS = ms("04-30 12:00")
LONG_AGO_MS = NOW_MS - KEEP_MS - 1


def left(book: Book, registers: Registers | None = None) -> set[tuple[str, str]]:
    """What is left of the conditions."""
    forget(book, registers or Registers(), NOW_MS)
    return set(book.conditions)


def test_what_was_over_long_ago_is_forgotten_and_its_record_goes() -> None:
    book = Book()
    book.conditions = {
        ("source-silent", "gate"): [(0, LONG_AGO_MS), (5, LONG_AGO_MS)],
        ("source-silent", "desk"): [(0, LONG_AGO_MS), (5, LONG_AGO_MS + 1)],
        ("source-silent", "hall"): [(0, FOREVER)],
        ("source-silent", "none"): [],
    }
    book.changed.clear()
    assert left(book) == {("source-silent", "desk"), ("source-silent", "hall")}
    gone = [value for key, value in book.dump({}) if key[:1] == b"k"]
    assert gone == [None, None]


def test_an_arrival_stands_as_long_as_an_order() -> None:
    subject = f"t1/{person('wang')}"
    spans = [(LONG_AGO_MS, FOREVER)]
    under = order("o1", start="01-20 10:00")
    for registers, stays in (
        (world(under), True),
        (world(under, deletion("order", "o1", "04-01 00:00")), False),
        (world(), False),
    ):
        book = Book()
        book.conditions = {(kind, subject): spans for kind in (transfers.ARRIVED, transfers.KNOWN)}
        assert bool(left(book, registers)) is stays
