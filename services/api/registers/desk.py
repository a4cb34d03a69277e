"""The desk: checks what is filed, leaves out what changes nothing, files the rest in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import msgspec
from msgspec import Struct

from schemas.access import Grant
from schemas.filing import Filed, Filing, filed_deletion
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.problems import Problem, Rejected, rejected
from schemas.registers import Deletion, EntryId
from schemas.settings import Settings
from schemas.versions import in_force, insert, newest
from services.api.audit import chain
from services.api.people.areas import Areas
from services.api.people.limit import Limit
from services.api.people.personal import files_entry
from services.api.registers.keys import keys_of
from services.api.registers.ledger import EVERYTHING, Ledger, Wanted
from services.api.registers.link import Link, Unavailable
from services.api.registers.metrics import FILED
from services.api.registers.stored import StoredVersion, restates, version_of
from services.api.registers.writers import check_writer
from services.api.store.database import Database

SOURCE = "cordon/api"
# Filing in bulk lets other filings and writers come in between after so many rows.
ROWS_A_SLICE = 500
_STRIPES = 64


class Answer(Struct, frozen=True):
    """What became of one PUT, and the version that now stands."""

    outcome: Literal["created", "changed", "unchanged"]
    version: StoredVersion


class Stale(Exception):
    """Somebody else has changed the entry; `current` is the place of the version that stands."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the version that stands is {current}")
        self.current = current


class Row(Struct, frozen=True):
    """A row to file: a JSON object with its `id`, or why it is none."""

    body: bytes
    problem: Problem | None = None


class RowProblem(Struct, frozen=True):
    """A row that was not filed: its place in the request, from 0, and why."""

    index: int
    problem: Problem


class Outcome(Struct, frozen=True):
    """What became of one row; its `id` is None where it names none."""

    outcome: Literal["created", "changed", "unchanged", "rejected"]
    id: str | None
    problem: Problem | None = None


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
        self.intake = Intake(key, settings.plate_grammar)
        self._filing = Filing(self.intake)
        self._database = database
        self._ledger = Ledger(database)
        self._areas = Areas(database, clock_ms)
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

    async def put(
        self,
        name: str,
        entry_id: str,
        body: bytes,
        grant: Grant,
        place: int | None = None,
        *,
        action: str = "register.put",
        detail: dict[str, Any] | None = None,
        settled: bool = False,
    ) -> Answer:
        """File an entry; raises Rejected for a bad one and Unavailable while nothing can be.

        With a `place`, the newest version must be the one filed there; raises Stale. The audit log
        tells the change as `action`. Raises Rejected (403) where the register is not theirs to
        file; with `settled` the caller has seen to it that they may file this entry.
        """
        if not settled:
            check_writer(grant, name)
        self._require_ready()
        self._check_id(entry_id)
        async with self._alone(name, entry_id):
            filed_ms = self._stamp()
            entry = self._filing.put(name, entry_id, body, grant.name, filed_ms)
            limit = await self._areas.limit_of(grant)
            _check_within(limit, name, entry_id, msgspec.to_builtins(entry))
            existing = await self._newest(name, entry_id, filed_ms, place)
            if existing is not None and not existing.deleted:
                _check_within(limit, name, entry_id, msgspec.json.decode(existing.body))
            if existing is not None and restates(existing, name, entry, filed_ms):
                FILED.labels(name, "unchanged").inc()
                return Answer("unchanged", existing)
            change = self._filing.filed_put(name, entry, filed_ms, _event_id(name), SOURCE)
            await self.note(grant, action, f"{name}/{entry_id}", detail)
            ends = await self._link.file([change])
            gone = existing is None or existing.deleted
            outcome: Literal["created", "changed"] = "created" if gone else "changed"
            FILED.labels(name, outcome).inc()
            return Answer(outcome, version_of(name, change.value, ends[name] - 1))

    async def delete(
        self, name: str, entry_id: str, grant: Grant, reason: str | None, place: int | None = None
    ) -> bool:
        """End an entry's validity now; return False when there is none to end.

        With a `place`, the newest version must be the one filed there; raises Stale. Raises
        Rejected (403) where it is not theirs to end.
        """
        check_writer(grant, name)
        self._require_ready()
        async with self._alone(name, entry_id):
            filed_ms = self._stamp()
            existing = await self._newest(name, entry_id, filed_ms, place)
            if existing is None or existing.deleted:
                return False
            limit = await self._areas.limit_of(grant)
            _check_within(limit, name, entry_id, msgspec.json.decode(existing.body))
            deletion = Deletion(id=entry_id, author=grant.name, reason=reason)
            await self.note(grant, "register.delete", f"{name}/{entry_id}")
            await self._link.file(
                [filed_deletion(name, deletion, filed_ms, _event_id(name), SOURCE)]
            )
            FILED.labels(name, "deleted").inc()
            return True

    async def bring_in(
        self, name: str, rows: Sequence[Row], grant: Grant, *, dry_run: bool = False
    ) -> list[Outcome]:
        """File entries of one register; return what became of each row, in their order.

        With `dry_run` nothing is filed, and what is told is what would become of them. Raises
        Unavailable; some of the rows may be filed then, and are unchanged at the next try. Raises
        Rejected (403) where the register is not theirs to file.
        """
        check_writer(grant, name)
        self._require_ready()
        outcomes: list[Outcome] = []
        for first in range(0, len(rows), ROWS_A_SLICE):
            async with self._all_alone():
                part = rows[first : first + ROWS_A_SLICE]
                outcomes += await self._bring_in(name, part, grant, dry_run)
        if not dry_run:
            for outcome in outcomes:
                FILED.labels(name, outcome.outcome).inc()
        return outcomes

    async def _bring_in(
        self, name: str, rows: Sequence[Row], grant: Grant, dry_run: bool
    ) -> list[Outcome]:
        ids = [_row_id(row.body) if row.problem is None else None for row in rows]
        known = await self._ledger.versions_of(name, [i for i in ids if i is not None])
        limit = await self._areas.limit_of(grant)
        filed_ms = self._stamp()
        # In a thread: the feed and other requests go on meanwhile.
        outcomes, changes = await asyncio.to_thread(
            self._judged, name, rows, ids, known, grant.name, limit, filed_ms
        )
        if not dry_run:
            await self._link.file(changes)
        return outcomes

    def _judged(
        self,
        name: str,
        rows: Sequence[Row],
        ids: Sequence[str | None],
        known: dict[str, list[StoredVersion]],
        author: str,
        limit: Limit | None,
        filed_ms: int,
    ) -> tuple[list[Outcome], list[Filed]]:
        """Return what becomes of rows, and the changes to file; `known` is changed."""
        outcomes: list[Outcome] = []
        changes: list[Filed] = []
        for row, entry_id in zip(rows, ids, strict=True):
            try:
                if row.problem is not None:
                    raise Rejected(row.problem)
                if entry_id is None:
                    raise rejected("must be an object with an id", "id")
                self._check_id(entry_id)
                entry = self._filing.put(name, entry_id, row.body, author, filed_ms)
                if limit is not None:
                    _check_within(limit, name, entry_id, msgspec.to_builtins(entry))
            except Rejected as error:
                outcomes.append(Outcome("rejected", entry_id, error.problem))
                continue
            versions = known.setdefault(entry_id, [])
            existing = newest(versions, filed_ms)
            if restates(existing, name, entry, filed_ms):
                outcomes.append(Outcome("unchanged", entry_id))
                continue
            change = self._filing.filed_put(name, entry, filed_ms, _event_id(name), SOURCE)
            insert(versions, version_of(name, change.value, 0))
            changes.append(change)
            gone = existing is None or existing.deleted
            outcomes.append(Outcome("created" if gone else "changed", entry_id))
        return outcomes, changes

    async def replay(self, lines: Sequence[bytes]) -> Tally:
        """File register events with the times of filing that they carry (a timeline's lines)."""
        self._require_ready()
        tally = Tally()
        async with self._all_alone():
            for first in range(0, len(lines), ROWS_A_SLICE):
                changes: list[Filed] = []
                for index, line in enumerate(lines[first : first + ROWS_A_SLICE], first):
                    try:
                        changes.append(self._filing.event(line))
                    except Rejected as error:
                        tally.rejected.append(RowProblem(index, error.problem))
                fresh = await self._not_filed_yet(changes)
                tally.unchanged += len(changes) - len(fresh)
                await self._link.file(fresh)
                tally.accepted += len(fresh)
        FILED.labels("replay", "accepted").inc(tally.accepted)
        FILED.labels("replay", "unchanged").inc(tally.unchanged)
        FILED.labels("replay", "rejected").inc(len(tally.rejected))
        return tally

    async def get(self, name: str, entry_id: str, as_of_ms: int | None) -> StoredVersion | None:
        """Return the version that governs at an instant as known then, None = now."""
        self._require_ready()
        at_ms = self._now_ms() if as_of_ms is None else as_of_ms
        return in_force(await self._versions(name, entry_id), at_ms, at_ms)

    async def newest(self, name: str, entry_id: str) -> StoredVersion | None:
        """Return the version of an entry that was filed last, a deletion too."""
        self._require_ready()
        return newest(await self._versions(name, entry_id), self._now_ms())

    async def page(
        self,
        name: str,
        as_of_ms: int | None,
        limit: int,
        after_id: str,
        wanted: Wanted = EVERYTHING,
    ) -> tuple[list[StoredVersion], str | None]:
        """Return entries that govern, by id, and the id after which the next page begins."""
        self._require_ready()
        at_ms = self._now_ms() if as_of_ms is None else as_of_ms
        items: list[StoredVersion] = []
        while True:
            ids = await self._ledger.ids_after(name, after_id, limit + 1, wanted)
            versions = await self._ledger.versions_of(name, ids)
            for entry_id in ids:
                version = in_force(versions.get(entry_id, []), at_ms, at_ms)
                if version is not None and wanted.fits(name, version):
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

    async def naming(
        self, values: Sequence[str], names: Sequence[str]
    ) -> dict[str, list[tuple[str, StoredVersion]]]:
        """Return for persons and plates what governs now in some registers and names them."""
        self._require_ready()
        now_ms = self._now_ms()
        named = await self._ledger.naming(values, names)
        ids: dict[str, set[str]] = {}
        for name, entry_id in {each for entries in named.values() for each in entries}:
            ids.setdefault(name, set()).add(entry_id)
        known = {name: await self._ledger.versions_of(name, sorted(ids[name])) for name in ids}
        found: dict[str, list[tuple[str, StoredVersion]]] = {}
        for value, entries in named.items():
            for name, entry_id in sorted(entries):
                version = in_force(known[name].get(entry_id, []), now_ms, now_ms)
                if version is None:
                    continue
                keys = keys_of(name, msgspec.json.decode(version.body))
                if any(key == value for _, key in keys):
                    found.setdefault(value, []).append((name, version))
        return found

    async def note(
        self, grant: Grant, action: str, about: str, detail: dict[str, Any] | None = None
    ) -> None:
        """Enter in the audit log what is about to be filed.

        The topics are not part of the database's transaction. So the log comes first: it may name
        an attempt that the broker did not take, but no change is missing from it.
        """
        entry = chain.Entry.by(grant, self._clock_ms(), action, about, detail or {})
        await self._database.write(lambda connection: chain.record(connection, entry))

    async def _newest(
        self, name: str, entry_id: str, at_ms: int, place: int | None
    ) -> StoredVersion | None:
        existing = newest(await self._versions(name, entry_id), at_ms)
        if place is not None and existing is not None and existing.place != place:
            raise Stale(existing.place)
        return existing

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

    def _check_id(self, entry_id: str) -> None:
        """Refuse an id that says who somebody is: it would stand in the topics as it is."""
        if self.intake.person_named(entry_id) not in (None, entry_id):
            raise rejected("must not be a person's number", "id")

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


def _check_within(limit: Limit | None, name: str, entry_id: str, data: Any) -> None:
    """Raise Rejected (403) for an entry that lies outside of somebody's areas."""
    if not files_entry(limit, name, entry_id, data):
        raise rejected("lies outside of your areas", "id", status=403)


def _event_id(name: str) -> str:
    # The entry's id is the record's key; inside the event's id it could make it too long.
    return f"{name}/{uuid.uuid4().hex}"


def _row_id(row: bytes) -> str | None:
    try:
        return _decode_row_id(row).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
