"""The desk: checks what is filed, leaves out what changes nothing, files the rest in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import msgspec
from msgspec import Struct

from schemas.filing import Filed, Filing, filed_deletion
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.problems import Problem, Rejected, rejected
from schemas.registers import Deletion, EntryId
from schemas.settings import Settings
from schemas.versions import in_force, insert, newest
from services.api.registers.ledger import Ledger
from services.api.registers.link import Link, Unavailable
from services.api.registers.metrics import FILED
from services.api.registers.stored import StoredVersion, restates, version_of
from services.api.store.database import Database

SOURCE = "cordon/api"
# Filing in bulk yields to the feed and to other requests after so many rows.
_ROWS_A_SLICE = 200
_STRIPES = 64


class Answer(Struct, frozen=True):
    """What became of one PUT, and the version that now stands."""

    outcome: Literal["created", "changed", "unchanged"]
    version: StoredVersion


class RowProblem(Struct, frozen=True):
    """A row that was not filed: its place in the request, from 0, and why."""

    index: int
    problem: Problem


class Tally(Struct):
    """What became of the rows of one request."""

    accepted: int = 0
    unchanged: int = 0
    rejected: list[RowProblem] = msgspec.field(default_factory=list)


class _RowId(Struct):
    id: EntryId


_decode_row_id = msgspec.json.Decoder(_RowId).decode


class Desk:
    """Everything about registers that the API does; the topics are the truth (see Link)."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock_ms: Callable[[], int],
        key: PseudonymKey,
    ) -> None:
        """`clock_ms` is the wall clock in ms UTC; `key` makes the pseudonyms."""
        self.takes_replays = settings.clock == "events"
        self._clock_ms = clock_ms
        self._latest_ms = 0
        self._filing = Filing(Intake(key, settings.plate_grammar))
        self._ledger = Ledger(database)
        self._link = Link(settings.kafka, self._ledger, self._see)
        self._locks = [asyncio.Lock() for _ in range(_STRIPES)]

    async def start(self) -> None:
        """Begin to read the registers; returns at once, `ready` tells when they are read."""
        self._see(await self._ledger.last_recorded_ms())
        self._link.start()

    async def stop(self) -> None:
        """Let go of the broker."""
        await self._link.stop()

    @property
    def ready(self) -> bool:
        """Whether the registers have been read once to their ends since the start."""
        return self._link.caught_up

    @property
    def connected(self) -> bool:
        """Whether the broker takes what is filed."""
        return self._link.connected

    async def wait_ready(self) -> None:
        """Return once the registers have been read to their ends."""
        await self._link.wait_caught_up()

    async def put(self, name: str, entry_id: str, body: bytes, author: str) -> Answer:
        """File an entry; raises Rejected for a bad one and Unavailable while nothing can be."""
        self._require_ready()
        async with self._alone(name, entry_id):
            filed_ms = self._stamp()
            entry = self._filing.put(name, entry_id, body, author, filed_ms)
            existing = newest(await self._versions(name, entry_id), filed_ms)
            if existing is not None and restates(existing, name, entry, filed_ms):
                FILED.labels(name, "unchanged").inc()
                return Answer("unchanged", existing)
            change = self._filing.filed_put(name, entry, filed_ms, _event_id(name), SOURCE)
            await self._link.file([change])
            gone = existing is None or existing.deleted
            outcome: Literal["created", "changed"] = "created" if gone else "changed"
            FILED.labels(name, outcome).inc()
            return Answer(outcome, version_of(name, change.value, 0))

    async def delete(self, name: str, entry_id: str, author: str, reason: str | None) -> bool:
        """End an entry's validity now; return False when there is none to end."""
        self._require_ready()
        async with self._alone(name, entry_id):
            filed_ms = self._stamp()
            existing = newest(await self._versions(name, entry_id), filed_ms)
            if existing is None or existing.deleted:
                return False
            deletion = Deletion(id=entry_id, author=author, reason=reason)
            await self._link.file(
                [filed_deletion(name, deletion, filed_ms, _event_id(name), SOURCE)]
            )
            FILED.labels(name, "deleted").inc()
            return True

    async def bring_in(self, name: str, rows: Sequence[bytes], author: str) -> Tally:
        """File many entries of one register, each a JSON object with its `id`."""
        self._require_ready()
        tally = Tally()
        async with self._all_alone():
            for first in range(0, len(rows), _ROWS_A_SLICE):
                part = rows[first : first + _ROWS_A_SLICE]
                ids = [_row_id(row) for row in part]
                known = await self._ledger.versions_of(name, [i for i in ids if i is not None])
                changes: list[Filed] = []
                for index, (row, entry_id) in enumerate(zip(part, ids, strict=True), first):
                    filed_ms = self._stamp()
                    try:
                        if entry_id is None:
                            raise rejected("must be an object with an id", "id")
                        entry = self._filing.put(name, entry_id, row, author, filed_ms)
                    except Rejected as error:
                        tally.rejected.append(RowProblem(index, error.problem))
                        continue
                    versions = known.setdefault(entry_id, [])
                    if restates(newest(versions, filed_ms), name, entry, filed_ms):
                        tally.unchanged += 1
                        continue
                    change = self._filing.filed_put(name, entry, filed_ms, _event_id(name), SOURCE)
                    insert(versions, version_of(name, change.value, 0))
                    changes.append(change)
                await self._link.file(changes)
                tally.accepted += len(changes)
        _count(name, tally)
        return tally

    async def replay(self, lines: Sequence[bytes]) -> Tally:
        """File register events with the times of filing that they carry (a timeline's lines)."""
        self._require_ready()
        tally = Tally()
        async with self._all_alone():
            for first in range(0, len(lines), _ROWS_A_SLICE):
                changes: list[Filed] = []
                for index, line in enumerate(lines[first : first + _ROWS_A_SLICE], first):
                    try:
                        changes.append(self._filing.event(line))
                    except Rejected as error:
                        tally.rejected.append(RowProblem(index, error.problem))
                fresh = await self._not_filed_yet(changes)
                tally.unchanged += len(changes) - len(fresh)
                await self._link.file(fresh)
                tally.accepted += len(fresh)
        _count("replay", tally)
        return tally

    async def get(self, name: str, entry_id: str, as_of_ms: int | None) -> StoredVersion | None:
        """Return the version that governs at an instant as known then, None = now."""
        self._require_ready()
        at_ms = self._now_ms() if as_of_ms is None else as_of_ms
        return in_force(await self._versions(name, entry_id), at_ms, at_ms)

    async def page(
        self, name: str, as_of_ms: int | None, limit: int, after_id: str
    ) -> tuple[list[StoredVersion], str | None]:
        """Return entries that govern, by id, and the id after which the next page begins."""
        self._require_ready()
        at_ms = self._now_ms() if as_of_ms is None else as_of_ms
        items: list[StoredVersion] = []
        while True:
            ids = await self._ledger.ids_after(name, after_id, limit + 1)
            versions = await self._ledger.versions_of(name, ids)
            for entry_id in ids:
                version = in_force(versions.get(entry_id, []), at_ms, at_ms)
                if version is not None:
                    items.append(version)
                if len(items) > limit:
                    return items[:limit], items[limit - 1].id
            if len(ids) <= limit:
                return items, None
            after_id = ids[-1]

    async def history(self, name: str, entry_id: str, limit: int) -> list[StoredVersion]:
        """Return the newest versions of an entry, the last filed first, deletions too."""
        self._require_ready()
        versions = await self._versions(name, entry_id)
        return versions[::-1][:limit]

    async def _versions(self, name: str, entry_id: str) -> list[StoredVersion]:
        return (await self._ledger.versions_of(name, [entry_id])).get(entry_id, [])

    async def _not_filed_yet(self, changes: Sequence[Filed]) -> list[Filed]:
        """Return the changes that say something new at the time of filing that they carry."""
        ids: dict[str, list[str]] = {}
        for change in changes:
            ids.setdefault(change.name, []).append(change.id)
        known = {name: await self._ledger.versions_of(name, ids[name]) for name in ids}
        fresh = []
        for change in changes:
            versions = known[change.name].setdefault(change.id, [])
            version = version_of(change.name, change.value, 0)
            before = newest(versions, version.recorded_ms)
            if isinstance(change.entry, Deletion):
                says_nothing = before is None or before.deleted
            else:
                says_nothing = restates(before, change.name, change.entry, version.recorded_ms)
            if not says_nothing:
                insert(versions, version)
                fresh.append(change)
        return fresh

    def _require_ready(self) -> None:
        if not self.ready:
            raise Unavailable("the registers are still being read")

    def _see(self, recorded_ms: int) -> None:
        self._latest_ms = max(self._latest_ms, recorded_ms)

    def _now_ms(self) -> int:
        """The clock, which never runs behind what has been filed."""
        return max(self._clock_ms(), self._latest_ms)

    def _stamp(self) -> int:
        self._latest_ms = self._now_ms()
        return self._latest_ms

    @asynccontextmanager
    async def _alone(self, name: str, entry_id: str) -> AsyncIterator[None]:
        """Keep others from filing this entry between the look at it and its change."""
        async with self._locks[hash((name, entry_id)) % _STRIPES]:
            yield

    @asynccontextmanager
    async def _all_alone(self) -> AsyncIterator[None]:
        """Keep others from filing anything; always in the same order, so nobody waits in a ring."""
        async with AsyncExitStack() as stack:
            for lock in self._locks:
                await stack.enter_async_context(lock)
            yield


def _event_id(name: str) -> str:
    # The entry's id is the record's key; inside the event's id it could make it too long.
    return f"{name}/{uuid.uuid4().hex}"


def _row_id(row: bytes) -> str | None:
    try:
        return _decode_row_id(row).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _count(name: str, tally: Tally) -> None:
    FILED.labels(name, "accepted").inc(tally.accepted)
    FILED.labels(name, "unchanged").inc(tally.unchanged)
    FILED.labels(name, "rejected").inc(len(tally.rejected))
