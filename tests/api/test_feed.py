"""The feed: hub and stream, without a socket."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from services.api.feed.frames import SSE
from services.api.feed.hub import Hub, Reader
from services.api.feed.stream import place_of, stream
from services.api.filters import NO_FILTERS, Filters
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.conftest import QUEUE, clock_ms
from tests.api.examples import AT, finding

FRAME = re.compile(rb"id: (\S+)\nevent: (\S+)\ndata: (.+)")


class Subscriber:
    """A reader of the feed and what it has got: (n, event type) of each event."""

    def __init__(self, store: AlertStore, hub: Hub, reader: Reader, missed: str | None) -> None:
        self.reader = reader
        self.frames: list[tuple[str, str, Any]] = []
        self.comments = 0
        self._chunks: AsyncGenerator[bytes, None] = stream(store, hub, reader, missed, lambda: AT)

    async def take(self) -> None:
        """Take the next bytes; they hold whole frames."""
        chunk = await anext(self._chunks)
        assert chunk.endswith(b"\n\n")
        for part in chunk.removesuffix(b"\n\n").split(b"\n\n"):
            if part == b": keepalive":
                self.comments += 1
                continue
            found = FRAME.fullmatch(part)
            assert found is not None, part
            event = msgspec.json.decode(found[3])
            assert event["type"] == found[2].decode()
            self.frames.append((found[1].decode(), event["type"], event["data"]))

    async def take_until(self, n: int) -> None:
        """Take until the reader has everything up to `n`."""
        while self.reader.position < n or not self.frames:
            await self.take()

    async def ended(self) -> bool:
        """Whether the stream has nothing more."""
        try:
            await self.take()
        except StopAsyncIteration:
            return True
        return False

    @property
    def numbers(self) -> list[int]:
        """The numbers of the alerts' events."""
        return [int(cursor.split("-")[1]) for cursor, kind, _ in self.frames if "alert" in kind]


async def subscriber(
    store: AlertStore, hub: Hub, cursor: str | None = None, filters: Filters = NO_FILTERS
) -> Subscriber:
    place = await place_of(store, hub, cursor)
    return Subscriber(store, hub, Reader(place.position, filters, SSE), place.missed)


async def raise_alerts(store: AlertStore, count: int, start: int = 0, **changes: Any) -> None:
    """Raise alerts, each in a transaction of its own."""
    for offset in range(start, start + count):
        one = Sourced(0, offset, finding(f"a{offset}", **changes))
        await store.apply("t", [one], {0: offset + 1})


async def test_without_a_cursor_it_begins_now(store: AlertStore, hub: Hub) -> None:
    await raise_alerts(store, 3)
    one = await subscriber(store, hub)
    await one.take()
    assert one.frames == [
        (store.cursor(3), "cordon.feed.open.v1", {"cursor": store.cursor(3)}),
    ]
    await raise_alerts(store, 2, 3)
    await one.take()
    assert one.numbers == [4, 5]
    cursor, kind, alert = one.frames[1]
    assert (cursor, kind) == (store.cursor(4), "cordon.alert.raised.v1")
    assert (alert["id"], alert["revision"], alert["historical"]) == ("a3", 1, False)


@pytest.mark.parametrize("seen", [0, 1, 3, 19, 20])
async def test_it_resumes_behind_the_cursor(store: AlertStore, hub: Hub, seen: int) -> None:
    # 20 events are more than the ring holds, so the store has to serve the first ones.
    await raise_alerts(store, 20)
    one = await subscriber(store, hub, store.cursor(seen))
    await one.take_until(20)
    assert one.numbers == list(range(seen + 1, 21))
    assert one.frames[0][0] == store.cursor(seen)


async def test_what_the_store_sends_is_what_the_hub_sends(store: AlertStore, hub: Hub) -> None:
    live = await subscriber(store, hub)
    await live.take()
    await raise_alerts(store, 3)
    await live.take_until(3)
    hub.begin(store.epoch, 3)
    late = Hub(QUEUE)
    late.begin(store.epoch, 3)
    resumed = await subscriber(store, late, store.cursor(0))
    await resumed.take_until(3)
    assert resumed.frames[1:] == live.frames[1:]


async def test_nothing_is_lost_or_doubled_while_others_write(store: AlertStore, hub: Hub) -> None:
    await raise_alerts(store, 30)
    writing = asyncio.create_task(raise_alerts(store, 60, 30))

    async def follow(start: int) -> list[int]:
        """Read, and come back by cursor whenever the hub cuts us off."""
        numbers: list[int] = []
        while not numbers or numbers[-1] < 90:
            one = await subscriber(store, hub, store.cursor(numbers[-1] if numbers else start))
            hub.join(one.reader)
            while (not one.numbers or one.numbers[-1] < 90) and not await one.ended():
                pass
            hub.leave(one.reader)
            numbers += one.numbers
        return numbers

    async with asyncio.timeout(30):
        followed = await asyncio.gather(*(follow(start) for start in range(0, 30, 3)))
    await writing
    for place, numbers in enumerate(followed):
        assert numbers == list(range(3 * place + 1, 91))


@pytest.mark.parametrize("cursor", ["{epoch}-9", "deadbeef-1", "nonsense", "{epoch}-", ""])
async def test_an_unknown_cursor_gives_a_gap(store: AlertStore, hub: Hub, cursor: str) -> None:
    await raise_alerts(store, 3)
    asked = cursor.format(epoch=store.epoch)
    one = await subscriber(store, hub, asked)
    await one.take()
    await one.take()
    now = store.cursor(3)
    assert one.frames == [
        (now, "cordon.feed.open.v1", {"cursor": now}),
        (now, "cordon.feed.gap.v1", {"from": asked, "to": now}),
    ]
    await raise_alerts(store, 1, 3)
    await one.take_until(4)
    assert one.numbers == [4]


async def test_an_expired_cursor_gives_a_gap(store: AlertStore, hub: Hub) -> None:
    await raise_alerts(store, 10)
    await store.save_outbox_position(10)
    await store.prune(4)
    kept = await subscriber(store, hub, store.cursor(6))
    await kept.take_until(10)
    assert kept.numbers == [7, 8, 9, 10]
    expired = await subscriber(store, hub, store.cursor(5))
    await expired.take()
    await expired.take()
    assert [kind for _, kind, _ in expired.frames] == ["cordon.feed.open.v1", "cordon.feed.gap.v1"]


async def test_a_backlog_that_is_forgotten_meanwhile_gives_a_gap(
    store: AlertStore, hub: Hub
) -> None:
    await raise_alerts(store, 20)
    one = await subscriber(store, hub, store.cursor(0))
    await one.take()
    await store.save_outbox_position(20)
    await store.prune(4)
    await one.take()
    assert one.frames[-1] == (
        store.cursor(20),
        "cordon.feed.gap.v1",
        {"from": store.cursor(0), "to": store.cursor(20)},
    )


async def test_filters_hold_for_backlog_and_live(store: AlertStore, hub: Hub) -> None:
    await raise_alerts(store, 10, severity="low")
    await raise_alerts(store, 10, 10)
    filters = Filters(severities=frozenset({"low"}))
    one = await subscriber(store, hub, store.cursor(4), filters)
    await one.take_until(20)
    await raise_alerts(store, 1, 20)
    await raise_alerts(store, 1, 21, severity="low")
    await one.take_until(22)
    assert one.numbers == [5, 6, 7, 8, 9, 10, 22]


async def test_a_filtered_reader_learns_its_position(store: AlertStore, hub: Hub) -> None:
    one = await subscriber(store, hub, None, Filters(rules=frozenset({"none"})))
    await one.take()
    waiting = asyncio.create_task(one.take())
    await raise_alerts(store, 2)
    hub.tick()
    await waiting
    now = store.cursor(2)
    assert one.frames[1:] == [(now, "cordon.feed.position.v1", {"cursor": now})]


async def test_an_idle_reader_gets_a_comment(store: AlertStore, hub: Hub) -> None:
    one = await subscriber(store, hub)
    await one.take()
    hub.tick()
    await one.take()
    assert (one.comments, len(one.frames)) == (1, 1)


async def test_a_slow_reader_is_cut_off_and_resumes(store: AlertStore, hub: Hub) -> None:
    slow, quick = await subscriber(store, hub), await subscriber(store, hub)
    for one in (slow, quick):
        hub.join(one.reader)
        await one.take()
    await raise_alerts(store, 1)
    await slow.take_until(1)
    for start in range(1, 1 + QUEUE):
        await raise_alerts(store, 1, start)
        await quick.take_until(start + 1)
    assert not slow.reader.cut.is_set()
    await raise_alerts(store, 1, 1 + QUEUE)
    assert slow.reader.cut.is_set()
    assert not quick.reader.cut.is_set()
    assert await slow.ended()
    resumed = await subscriber(store, hub, slow.frames[-1][0])
    await resumed.take_until(store.last_n)
    assert [*slow.numbers, *resumed.numbers] == list(range(1, store.last_n + 1))


async def test_streams_end_when_the_hub_closes(store: AlertStore, hub: Hub) -> None:
    one = await subscriber(store, hub)
    await one.take()
    waiting = asyncio.create_task(one.ended())
    hub.close()
    assert await waiting


async def test_a_commit_that_was_never_handed_on_makes_no_hole(store: AlertStore, hub: Hub) -> None:
    hub.begin(store.epoch, 0)
    other = await AlertStore.open(store._database, lambda published: None, clock_ms)  # noqa: SLF001
    await raise_alerts(store, 1)
    await raise_alerts(other, 1, 1)
    one = await subscriber(store, hub, store.cursor(0))
    await raise_alerts(store, 1, 2)
    await one.take_until(3)
    assert one.numbers == [1, 2, 3]


def test_a_reader_ahead_of_the_hub_is_not_moved_back() -> None:
    """The store shows a commit before the hub is told of it."""
    hub = Hub(10)
    hub.begin("epoch", 5)
    reader = Reader(8, NO_FILTERS, SSE)
    assert hub.take(reader) == b""
    assert reader.position == 8


async def test_the_hub_gives_the_events_that_it_still_has(store: AlertStore, hub: Hub) -> None:
    await raise_alerts(store, 3 * QUEUE)
    newest = await store.events_after(hub.first_n, 2)
    assert hub.events_after(hub.first_n, 2) == newest
    assert hub.events_after(hub.last_n - 1, 10) == await store.events_after(hub.last_n - 1, 10)
    assert hub.events_after(hub.last_n, 10) == []
    # The one after it has left the ring.
    assert hub.events_after(hub.first_n - 2, 10) == []
