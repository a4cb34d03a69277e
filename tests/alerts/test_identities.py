"""What was seen in the last 24 hours."""

import sys

from schemas.times import DAY_MS, HOUR_MS
from services.alerts.engine.identities import WIDTH, Identities, identity

START = 1_000 * DAY_MS


def batch(of: Identities, clock_ms: int, *names: str) -> tuple[int, bytes] | None:
    """A batch brings these events."""
    fresh = [identity("source", name) for name in names]
    of.seen.update(fresh)
    return of.close_batch(fresh, clock_ms)


def test_an_identity_is_of_source_and_id() -> None:
    assert (
        len({identity("a", "b"), identity("a", "c"), identity("b", "a"), identity("ab", "")}) == 4
    )
    assert len(identity("a", "b")) == WIDTH
    assert identity("a", "b") == identity("a", "b")


def test_a_chunk_leaves_after_a_day() -> None:
    kept = Identities()
    assert batch(kept, START) is None
    assert batch(kept, START, "one", "two")
    assert batch(kept, START + HOUR_MS, "three")
    assert kept.expire(START + DAY_MS) == []
    assert kept.expire(START + DAY_MS + 1) == [0]
    assert kept.seen == {identity("source", "three")}
    assert kept.expire(START + 2 * DAY_MS) == [1]
    assert kept.seen == set()
    assert kept.expire(START + 3 * DAY_MS) == []


def test_a_quiet_night_gives_the_room_of_a_busy_day_back() -> None:
    kept = Identities()
    batch(kept, START, *map(str, range(10_000)))
    batch(kept, START + HOUR_MS, "last")
    seen, room = kept.seen, sys.getsizeof(kept.seen)
    kept.expire(START + DAY_MS + 1)
    assert kept.seen is seen == {identity("source", "last")}
    assert sys.getsizeof(seen) < room / 100


def test_chunks_come_back_in_any_order() -> None:
    kept = Identities()
    names = ("one", "two", "three")
    chunks = [
        batch(kept, START + hour * HOUR_MS, name, f"{name}'") for hour, name in enumerate(names)
    ]
    back = Identities()
    for chunk in (chunks[2], chunks[0], chunks[1]):
        assert chunk is not None
        back.load(*chunk)
    back.loaded()
    assert back.seen == kept.seen
    assert back.expire(START + DAY_MS + HOUR_MS) == [0]
    assert identity("source", "one") not in back.seen
    assert identity("source", "two'") in back.seen
    # The numbers go on where they were.
    assert (batch(back, START + DAY_MS, "four") or (0,))[0] == 3
