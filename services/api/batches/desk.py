"""Batches at work: rows come in and are looked up, the rest goes to the field as tasks."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row

from schemas.access import Grant
from schemas.alerts import Reason
from schemas.intake import Intake
from schemas.persons import label
from schemas.plates import PlateProblem
from schemas.problems import rejected
from schemas.times import DAY_MS
from services.api.audit import chain
from services.api.batches import transactions
from services.api.batches.match import REGISTERS, Name, State, judge
from services.api.batches.transactions import Judged, Viewer
from services.api.imports import reading
from services.api.imports.entries import CellNote, Read
from services.api.imports.reading import Table
from services.api.registers.desk import Desk
from services.api.revisions import require_revision
from services.api.routing.route import territory_of
from services.api.store.database import Database
from services.api.tasks.desk import TaskDesk
from services.api.tasks.making import Wish, made_of
from services.api.tasks.task import Task
from services.api.tasks.transactions import task_id
from services.api.vault.vault import Vault

# An alert of that age still says that somebody is here.
_RECENT_MS: Final = 14 * DAY_MS
_ROWS_AT_ONCE: Final = 1_000
MOST_ROWS: Final = 5_000


class Given(Struct, frozen=True):
    """What a row of the table becomes: who, and what is said of them."""

    person: dict[str, str]
    row: int
    household: str | None = None
    grid: str | None = None
    plate: str | None = None


class RowRefused(Struct, frozen=True):
    """A row that was not taken: its number in the table, and why."""

    row: int
    problems: tuple[CellNote, ...]


class Taken(Struct):
    """What became of the rows of one request."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: list[RowRefused] = msgspec.field(default_factory=list)


class UnknownBatch(Exception):
    """There is no such batch, or no such row in it."""


_decode_given = msgspec.json.Decoder(Given).decode


class BatchDesk:
    """Everything about verification batches that the API does."""

    def __init__(
        self,
        desk: Desk,
        database: Database,
        vault: Vault,
        tasks: TaskDesk,
        clock_ms: Callable[[], int],
        zone: ZoneInfo,
    ) -> None:
        """`zone` is the one of local times in tables."""
        self.database = database
        self._desk = desk
        self._vault = vault
        self._tasks = tasks
        self._clock_ms = clock_ms
        self._zone = zone

    async def create(self, batch: str, title: str, source: str, grant: Grant) -> bool:
        """Create a batch; return False where there is one already."""
        now_ms = self._clock_ms()
        values = {
            "id": batch,
            "title": title,
            "source": source,
            "actor": grant.name,
            "created_ms": now_ms,
        }

        def work(connection: Connection) -> bool:
            made = transactions.create(connection, values)
            if made:
                chain.record(connection, _entry(grant, "batch.create", batch, now_ms))
            return made

        return await self.database.write(work)

    async def take(self, batch: str, table: Table, grant: Grant, viewer: Viewer | None) -> Taken:
        """Take the rows of a table and look each up; a row that comes again changes nothing.

        A row that the caller does not see stays as it is, and is told as rejected. Raises
        UnknownBatch, Rejected for what is no such table, and Unavailable.
        """
        known = await self._known(batch, viewer)
        reads, _ = await asyncio.to_thread(reading.read, table, self._desk.intake, self._zone)
        if len(reads) > MOST_ROWS:
            raise rejected(f"at most {MOST_ROWS} rows a request", status=413)
        taken = Taken()
        for first in range(0, len(reads), _ROWS_AT_ONCE):
            await self._take(known, reads[first : first + _ROWS_AT_ONCE], grant, viewer, taken)
        return taken

    async def _take(
        self,
        known: Row[Any],
        reads: Sequence[Read],
        grant: Grant,
        viewer: Viewer | None,
        taken: Taken,
    ) -> None:
        batch: str = known.id
        names: dict[int, Name] = {}
        identity: dict[str, dict[str, str]] = {}
        for read in reads:
            problems = read.problems
            if not problems:
                try:
                    given = _decode_given(read.body)
                except msgspec.ValidationError:
                    # Nobody is identified in the row: there is nothing else that it must have.
                    problems = (_NOBODY,)
                else:
                    names[given.row] = _name(given, self._desk.intake)
                    for person, fields in read.identity.items():
                        identity.setdefault(person, {}).update(fields)
            if problems:
                taken.rejected.append(RowRefused(read.number, problems))
        judged = await self._judged(batch, names, grant)
        now_ms = self._clock_ms()

        def work(connection: Connection) -> None:
            standing = transactions.standing(connection, batch, sorted(names))
            hidden = {
                row
                for row, stood in standing.items()
                if viewer is not None and not viewer.sees(known, stood.name)
            }
            taken.rejected += [RowRefused(row, (_ELSEWHERE,)) for row in sorted(hidden)]
            new = [each for each in judged if each.row not in standing]
            again = [each for each in judged if each.row in standing and each.row not in hidden]
            changed = [
                msgspec.structs.replace(each, revision=standing[each.row].revision + 1)
                for each in again
                if standing[each.row].name != each.name
            ]
            taken.created += len(new)
            taken.changed += len(changed)
            taken.unchanged += len(again) - len(changed)
            self._vault.keep_all(connection, identity, now_ms)
            transactions.put(connection, batch, new, changed)
            if new or changed:
                entry = _entry(
                    grant, "batch.import", batch, now_ms, created=len(new), changed=len(changed)
                )
                chain.record(connection, entry)

        await self.database.write(work)

    async def _judged(self, batch: str, names: dict[int, Name], grant: Grant) -> list[Judged]:
        persons = sorted({name.person for name in names.values()})
        plates = sorted({name.plate for name in names.values() if name.plate})
        now_ms = self._clock_ms()
        named = await self._desk.naming([*persons, *plates], REGISTERS)
        seen = await self.database.read(
            lambda connection: transactions.recent_alerts(connection, persons, now_ms - _RECENT_MS)
        )
        judged = []
        for row, name in sorted(names.items()):
            about = [*named.get(name.person, ()), *named.get(name.plate or "", ())]
            entries = {
                (register, version.id): msgspec.json.decode(version.body)
                for register, version in about
            }
            state, found = judge(
                name,
                batch,
                [(register, data) for (register, _), data in entries.items()],
                seen.get(name.person, ()),
            )
            judged.append(
                Judged(
                    row=row,
                    name=name,
                    state=state,
                    channel=None if state == "PENDING" else "ONLINE",
                    found=found,
                    actor=grant.name,
                    at_ms=now_ms,
                )
            )
        return judged

    async def match_again(self, batch: str, grant: Grant, viewer: Viewer | None) -> int:
        """Look up again the rows that are pending without a task; return how many were found."""
        await self._known(batch, viewer)
        pending = await self._pending(batch, viewer)
        judged = await self._judged(batch, {each.row: each.name for each in pending}, grant)
        found = [each for each in judged if each.state != "PENDING"]
        known = {each.row: each for each in pending}
        anew = [
            msgspec.structs.replace(each, revision=known[each.row].revision + 1) for each in found
        ]
        await self.database.write(lambda c: transactions.put(c, batch, (), anew))
        return len(anew)

    async def assign(
        self, batch: str, unit: str | None, within_s: float, grant: Grant, viewer: Viewer | None
    ) -> int:
        """Make a task of every pending row that has none; return how many.

        They go to whoever answers for the row's household or grid, or to `unit`.
        """
        await self._known(batch, viewer)
        pending = await self._pending(batch, viewer)
        directory, now_ms = await self._tasks.directory(), self._clock_ms()
        limits = await self._tasks.limits()
        made: list[Task] = []
        for each in pending:
            to = territory_of(directory, now_ms, household=each.name.household, grid=each.name.grid)
            wish = Wish(
                kind="trace",
                text=_TEXT,
                unit=unit,
                subject=each.name.person,
                label=label(each.name.person),
                household=each.name.household,
                grid=each.name.grid,
                facts={"batch": batch, "row": each.row},
                within_s=within_s,
            )
            id_ = task_id("batch", batch, str(each.row))
            made.append(made_of(wish, id_, to, None, limits, grant.name, now_ms))
        await self._tasks.add(made, grant.role, "hand")

        def work(connection: Connection) -> None:
            anew = [
                msgspec.structs.replace(each, task=task.id, revision=each.revision + 1)
                for each, task in zip(pending, made, strict=True)
            ]
            transactions.put(connection, batch, (), anew)
            chain.record(connection, _entry(grant, "batch.assign", batch, now_ms, tasks=len(made)))

        if made:
            await self.database.write(work)
        return len(made)

    async def result(
        self,
        batch: str,
        row: int,
        revision: int,
        state: State,
        note: str | None,
        grant: Grant,
        viewer: Viewer | None,
    ) -> Judged:
        """Record what somebody found out by other means; raises UnknownBatch, and 409."""
        known = await self._known(batch, viewer)
        now_ms = self._clock_ms()

        def work(connection: Connection) -> Judged:
            standing = transactions.standing(connection, batch, [row]).get(row)
            if standing is None or (viewer is not None and not viewer.sees(known, standing.name)):
                raise UnknownBatch
            require_revision(standing.revision, revision)
            anew = msgspec.structs.replace(
                standing,
                state=state,
                channel="OFFLINE",
                note=note or standing.note,
                actor=grant.name,
                at_ms=now_ms,
                revision=revision + 1,
            )
            transactions.put(connection, batch, (), [anew])
            entry = _entry(grant, "batch.result", batch, now_ms, row=row, result=state)
            chain.record(connection, entry)
            return anew

        return await self.database.write(work)

    async def refresh(self) -> None:
        """Let rows have what came back from the field."""
        await self.database.write(transactions.take_results)

    async def _pending(self, batch: str, viewer: Viewer | None) -> list[Judged]:
        await self.refresh()
        found = await self.database.read(
            lambda c: transactions.rows_of(c, batch, "PENDING", -1, _ALL, viewer)
        )
        return [each for each in found if each.task is None]

    async def _known(self, batch: str, viewer: Viewer | None) -> Row[Any]:
        found = await self.database.read(lambda c: transactions.get(c, batch, viewer))
        if found is None:
            raise UnknownBatch
        return found


_ALL: Final = 1_000_000
_TEXT: Final = Reason(
    "Find out whether this person is here; the registers do not know them.",
    "请核实此人是否在本地；登记信息中未查到。",
)
_ELSEWHERE: Final = CellNote(
    field="row", en="is a row that lies outside of your areas", zh="该行不在您的辖区内"
)
_NOBODY: Final = CellNote(field="id_number", en="identifies nobody", zh="没有可识别的人员")


def _name(given: Given, intake: Intake) -> Name:
    plate = given.plate
    if plate is not None:
        try:
            plate = intake.plate(plate)
        except PlateProblem:
            # It is in no register as it is; who goes and looks sees it as it was written.
            plate = given.plate
    return Name(given.person["person"], given.household, given.grid, plate)


def _entry(grant: Grant, action: str, batch: str, at_ms: int, **detail: Any) -> chain.Entry:
    return chain.Entry.by(grant, at_ms, action, f"batch/{batch}", detail)
