"""What one partition counts, tells and keeps."""

from collections import Counter

import msgspec

from rules.tallies import unpack
from schemas.joins import Fact
from services.alerts.engine.book import Book
from services.alerts.engine.decode import Hit, Reported, SeenPlate
from services.alerts.engine.tallies import Tallies
from tests.alerts.build import Line, Moment, events, heartbeat, hit, ms, site, text, world

REGISTERS = world(site("cam", "inner", heartbeat_s=60))


class Told:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, str, Fact]] = []

    def hand(self, rule: str, key: str, fact: Fact) -> None:
        """Take a fact."""
        self.facts.append((rule, key, fact))

    def owns(self, key: str) -> bool:
        """Tell whether a key is of this partition."""
        return False

    def of(self, rule: str) -> list[Fact]:
        """The facts of a rule."""
        return [fact for name, _, fact in self.facts if name == rule]


def tallies(book: Book, told: Told, counts: Counter[str] | None = None) -> Tallies:
    """The stage over a book."""
    return Tallies(book, REGISTERS, told, Counter() if counts is None else counts)


def count(stage: Tallies, *lines: Line) -> None:
    """Count what happens."""
    stage.count([event for _, event in events(*lines)])


def tell(stage: Tallies, when: Moment) -> None:
    """Tell as a commit at an instant does."""
    stage.tell(text(when), ms(when))
    stage.save()


def restored(book: Book) -> Book:
    """The book as its records give it back."""
    after = Book()
    after.load((key, value) for key, value in book.dump({}) if value is not None)
    return after


def test_what_is_not_told_yet_survives_a_restart() -> None:
    book, told = Book(), Told()
    stage = tallies(book, told)
    count(stage, *(hit(f"浙F0000{n}", "cam", f"02-10 10:00:0{n}") for n in range(5)))
    tell(stage, "02-10 10:00:10")
    assert told.of("clock-skew") == []
    after, again = restored(book), Told()
    assert msgspec.to_builtins(after.counted.shards) == msgspec.to_builtins(book.counted.shards)
    stage = tallies(after, again)
    count(stage, hit(None, "cam", "02-10 10:00:30"))
    tell(stage, "02-10 10:01")
    assert again.of("clock-skew") == again.of("read-quality") == []
    tell(stage, "02-10 11:00")
    (minute,) = again.of("clock-skew")
    assert (unpack(minute.what), minute.time_ms) == ({0: {0: 6}}, ms("02-10 10:00"))
    (hour,) = again.of("read-quality")
    assert unpack(hour.what) == {2: {0: 5, 1: 1}}
    # All is told once.
    tell(stage, "02-10 12:00")
    assert len(again.of("clock-skew")) == len(again.of("read-quality")) == 1


def test_minutes_are_told_at_once_where_something_came_late() -> None:
    told = Told()
    stage = tallies(Book(), told)
    count(stage, hit("浙F00001", "cam", "02-10 10:00:05"))
    tell(stage, "02-10 10:01")
    assert told.of("clock-skew") == []
    late = hit("浙F00002", "cam", "02-10 10:00:30", recorded="02-10 10:01:30")
    count(stage, late, hit("浙F00003", "cam", "02-10 10:02:05"))
    tell(stage, "02-10 10:03")
    assert [unpack(each.what) for each in told.of("clock-skew")] == [
        {0: {0: 1}, 1: {60: 1}},
        {2: {0: 1}},
    ]


def test_lives_are_told_at_once_and_then_seldom() -> None:
    book, told = Book(), Told()
    stage = tallies(book, told)
    for second in range(0, 60, 5):
        count(stage, heartbeat("box", ms("02-10 10:00") + second * 1000, "cam"))
        tell(stage, ms("02-10 10:00") + second * 1000)
    assert [fact.time_ms - ms("02-10 10:00") for fact in told.of("source-silent")] == [0, 30_000]


def test_sources_that_fell_silent_are_forgotten_and_untold_counts_are_not() -> None:
    book, told = Book(), Told()
    stage = tallies(book, told)
    count(stage, hit("浙F12345", "cam", "02-10 10:00"))
    stage.forget(ms("02-12 00:00"))
    assert list(book.counted.tallies) == ["camera-cam"]
    tell(stage, "02-12 00:00")
    stage.forget(ms("02-12 00:00"))
    assert book.counted.tallies == restored(book).counted.tallies == {}


def test_an_event_without_meaning_is_not_counted_and_the_next_one_is() -> None:
    book, told, counts = Book(), Told(), Counter[str]()
    stage = tallies(book, told, counts)
    at = text("02-10 10:00")
    bad = Reported("e", "box", "cordon.heartbeat.v1", at, at, {"site": ["cam"]})
    seen = SeenPlate("cam", "in", 0.9, "浙F12345")
    wrong = Hit("h", "eye", "cordon.plate-hit.v1", "0000-00-00T00:00:00.000Z", at, seen)
    stage.count(
        [bad, wrong, *(event for _, event in events(hit("浙F12345", "cam", "02-10 10:00")))]
    )
    assert counts["not-counted"] == 2
    assert "camera-cam" in book.counted.tallies
