"""Imports at work: rows are read in threads, filed in parts, and recorded with each part."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from schemas.access import Grant
from schemas.problems import Problem
from services.api.audit import chain
from services.api.imports import reading, record
from services.api.imports.entries import CellNote, Read
from services.api.imports.metrics import FAILED, LEFT_BEHIND, ROWS
from services.api.imports.reading import Table
from services.api.imports.record import Import, RowTold
from services.api.imports.wording import worded
from services.api.registers.desk import ROWS_A_SLICE, Desk, Outcome, Row
from services.api.registers.link import Unavailable
from services.api.store.database import Database
from services.api.vault.vault import Vault

# Up to so many rows are answered at once; more become a job.
AT_ONCE: Final = 5_000
_WAITING: Final = 8
_STOP_S: Final = 3.0
_log = structlog.get_logger(__name__)


class Imports:
    """All imports of this process: one files at a time, so that others are not kept waiting."""

    def __init__(
        self,
        desk: Desk,
        database: Database,
        vault: Vault,
        clock_ms: Callable[[], int],
        zone: ZoneInfo,
    ) -> None:
        """`zone` is where local times in tables are told."""
        self._desk = desk
        self._database = database
        self._vault = vault
        self._clock_ms = clock_ms
        self._zone = zone
        self._turn = asyncio.Lock()
        self._jobs: set[asyncio.Task[None]] = set()

    async def take(
        self, table: Table, grant: Grant, *, later: bool
    ) -> tuple[Import, list[Outcome]]:
        """Import a table, or begin to where it is long or `later` is wished.

        Return the import and what became of its rows; none yet where it only begins. Raises
        Rejected for what is no such table, Unavailable while nothing can be filed.
        """
        if not self._desk.ready:
            raise Unavailable("the registers are still being read")
        rows, unused = await asyncio.to_thread(reading.read, table, self._desk.intake, self._zone)
        now_ms = self._clock_ms()
        work = Import(
            id=secrets.token_hex(12),
            register=table.register,
            batch=table.batch,
            actor=grant.name,
            dry_run=table.dry_run,
            unused=unused,
            total=len(rows),
            started_ms=now_ms,
            touched_ms=now_ms,
        )
        if len(rows) <= AT_ONCE and not later:
            async with self._turn:
                return work, await self._file(work, rows, grant)
        if len(self._jobs) >= _WAITING:
            raise Unavailable(f"{_WAITING} imports are under way")
        await self._database.write(lambda connection: record.save(connection, work, ()))
        job = asyncio.create_task(self._job(work, rows, grant), name=f"import {work.id}")
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return work, []

    async def run(self) -> None:
        """Keep imports going until cancelled, and end them then."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End what is under way; its records say how far it came."""
        for job in self._jobs:
            job.cancel()
        if self._jobs:
            LEFT_BEHIND.inc(len(self._jobs))
            await asyncio.wait(self._jobs, timeout=_STOP_S)

    async def _job(self, work: Import, rows: Sequence[Read], grant: Grant) -> None:
        try:
            async with self._turn:
                await self._file(work, rows, grant)
        except (Unavailable, SQLAlchemyError) as error:
            # Those who ask for it read this; a repeat files what is missing.
            FAILED.labels(work.register).inc()
            _log.error("import_failed", id=work.id, register=work.register, error=repr(error))
            work.state, work.problem = "failed", "the broker or the store did not answer"
        except asyncio.CancelledError:
            work.state, work.problem = "failed", "the service was stopped"
            await self._end(work)
            raise
        except Exception as error:
            FAILED.labels(work.register).inc()
            _log.exception("import_failed", id=work.id, register=work.register)
            work.state, work.problem = "failed", f"a fault of the service: {type(error).__name__}"
        if work.state == "failed":
            await self._end(work)

    async def _end(self, work: Import) -> None:
        """Record a failure, as far as there is a store to record it in."""
        work.touched_ms = self._clock_ms()
        try:
            await self._database.write(lambda connection: record.save(connection, work, ()))
        except SQLAlchemyError as error:
            FAILED.labels(work.register).inc()
            _log.error("import_unrecorded", id=work.id, error=repr(error))

    async def _file(self, work: Import, rows: Sequence[Read], grant: Grant) -> list[Outcome]:
        """File rows part by part; the last part ends the import.

        Identity is kept before its rows are filed: nobody is in a register whom the vault does not
        know, and a repeat changes neither.
        """
        outcomes: list[Outcome] = []
        for first in range(0, max(len(rows), 1), ROWS_A_SLICE):
            part = rows[first : first + ROWS_A_SLICE]
            bodies = [Row(read.body, read.problem) for read in part]
            kept = part
            if grant.areas is not None:
                # Whoever lies outside of their areas is not theirs to describe either.
                judged = await self._desk.bring_in(work.register, bodies, grant, dry_run=True)
                pairs = zip(part, judged, strict=True)
                kept = [read for read, outcome in pairs if outcome.problem is None]
            await self._keep(work, kept)
            filed = await self._desk.bring_in(work.register, bodies, grant, dry_run=work.dry_run)
            work.count(filed)
            outcomes += filed
            work.touched_ms = self._clock_ms()
            if first + ROWS_A_SLICE >= len(rows):
                work.state = "done"
            became = enumerate(zip(part, filed, strict=True), first)
            told = [_told(place, read, outcome) for place, (read, outcome) in became]
            await self._database.write(partial(self._save, work=work, told=told, grant=grant))
            for outcome in filed:
                ROWS.labels(work.register, outcome.outcome).inc()
        return outcomes

    async def _keep(self, work: Import, part: Sequence[Read]) -> None:
        identity: dict[str, dict[str, str]] = {}
        for read in part:
            if not read.problems:
                for person, fields in read.identity.items():
                    identity.setdefault(person, {}).update(fields)
        if identity and not work.dry_run:
            now_ms = self._clock_ms()
            await self._database.write(
                lambda connection: self._vault.keep_all(connection, identity, now_ms)
            )

    def _save(
        self, connection: Connection, work: Import, told: Sequence[RowTold], grant: Grant
    ) -> None:
        record.save(connection, work, told)
        if work.state != "done" or work.dry_run:
            return
        record.forget_old(connection, work.touched_ms)
        counts = {
            name: getattr(work, name)
            for name in ("total", "created", "changed", "unchanged", "rejected")
        }
        chain.record(
            connection,
            chain.Entry.by(
                grant,
                work.touched_ms,
                "register.import",
                f"{work.register}/{work.id}",
                {**counts, "batch": work.batch},
            ),
        )


def _told(place: int, read: Read, outcome: Outcome) -> RowTold:
    problems = read.problems
    if outcome.problem is not None and not problems:
        problems = (_note(outcome.problem),)
    return RowTold(place, read.number, outcome.outcome, outcome.id, problems, read.repairs)


def _note(problem: Problem) -> CellNote:
    wording = worded(problem)
    return CellNote(field=problem.field, en=wording.en, zh=wording.zh)
