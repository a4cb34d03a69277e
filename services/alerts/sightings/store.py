"""The sighting store: Parquet files by day, sorted by subject and time, and what is asked of them.

    <folder>/_manifest.json
    <folder>/day=2020-02-10/000000000123.parquet

What has been read from Kafka and what is on disk are one: the positions stand in the manifest that
names the files, and it is replaced at once. So a process that is killed anywhere goes on where the
last manifest says; the files of an unfinished step are in none, and are removed.
"""

import fcntl
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import duckdb
import numpy
from msgspec import Struct
from msgspec.structs import replace

from schemas.times import DAY_MS
from schemas.versions import FOREVER
from services.alerts.sightings import manifest as manifests
from services.alerts.sightings.manifest import File, Manifest
from services.alerts.sightings.merging import day_of, expired, next_merge
from services.alerts.sightings.sighting import Columns, Sighting, joined, sort_out
from services.alerts.sightings.tables import FIRST, Asked, ask, connect, register

Positions = Mapping[str, Mapping[int, int]]

_WRITE: Final = "TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384)"
# Only what says the same is dropped: which of two that differ counts depends on what is asked.
_SAME: Final = "seen.subject, seen.time, seen.site, seen.direction, seen.corrects,"
# How often a query of another process begins anew because files were merged under it.
_TRIES: Final = 5
_OURS: Final = re.compile(r"\.?\d{12}(-merged)?\.parquet(\.tmp)?")
_LOCK: Final = "_lock"
_QUOTE: Final = "'"


class InUse(OSError):
    """Another process writes to the folder."""


class Written(Struct, frozen=True):
    """What came of a flush: rows and files written, and what became of the records."""

    rows: int
    files: int
    counts: Counter[str]


class Swept(Struct, frozen=True):
    """What a round of housekeeping did: files that were merged into others, days that went."""

    merged: int
    days: int


class Reader:
    """Asks a store that this or another process writes. Raises ManifestProblem."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking = threading.Lock()
        self._connection = connect(folder / ".spill")

    def of(
        self, subject: str, from_ms: int, to_ms: int = FOREVER, known_ms: int = FOREVER
    ) -> list[Sighting]:
        """Return the sightings of a subject (tables.Sightings)."""
        return self.of_all([Asked(subject, from_ms, to_ms, known_ms)])[0]

    def of_all(self, asked: Sequence[Asked]) -> list[list[Sighting]]:
        """Return what `of` returns for each."""
        with self._asking:
            for _ in range(_TRIES):
                state = self._state()
                try:
                    return self._ask(state, asked)
                except duckdb.IOException:
                    # The process that writes has merged or dropped a file meanwhile; then there is
                    # a new manifest.
                    if self._state().sequence == state.sequence:
                        raise
            return self._ask(self._state(), asked)

    def close(self) -> None:
        """Let go of the memory."""
        with self._asking:
            self._connection.close()

    def _state(self) -> Manifest:
        return manifests.load(self._folder)

    def _ask(self, state: Manifest, asked: Sequence[Asked]) -> list[list[Sighting]]:
        first = day_of(max(0, min((each.from_ms for each in asked), default=0)))
        last = max((each.to_ms for each in asked), default=0)
        files = [
            file
            for file in state.files
            if file.day >= first and (last >= FOREVER or file.day <= day_of(max(0, last)))
        ]
        if not files:
            return [[] for _ in asked]
        corrections = [file for file in state.files if file.corrections]
        parameters: dict[str, object] = {"files": self._paths(files)}
        if corrections:
            parameters["corrections"] = self._paths(corrections)
        return ask(
            self._connection.cursor(),
            "read_parquet($files)",
            "read_parquet($corrections)" if corrections else None,
            asked,
            parameters,
        )

    def _paths(self, files: Iterable[File]) -> list[str]:
        return [str(self._folder / file.path) for file in files]


class Store(Reader):
    """The one writer of a folder. Its methods may be called from several threads.

    `now_ms` tells the time that retention and merging go by, besides the newest record's.
    """

    def __init__(
        self, folder: Path, *, retention_d: int, now_ms: Callable[[], int] = lambda: 0
    ) -> None:
        """Open the folder, made if it is not there. Raises InUse or ManifestProblem."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._retention_ms = retention_d * DAY_MS
        self._now_ms = now_ms
        self._lock = _locked(folder / _LOCK)
        try:
            self._manifest = manifests.load(folder)
            # Before the first file: files without a manifest are never a crash's leftovers.
            manifests.save(folder, self._manifest)
            self._remove_leftovers(folder)
        except BaseException:
            self._lock.close()
            raise
        super().__init__(folder)
        self._writing = threading.Lock()
        self._sweeping = threading.Lock()
        self._merging: duckdb.DuckDBPyConnection | None = None

    @property
    def manifest(self) -> Manifest:
        """The state; it is replaced, never changed."""
        return self._manifest

    @property
    def now_ms(self) -> int:
        """The store's clock: the newest acceptance, or the wall clock where that is given."""
        return max(self._now_ms(), self._manifest.clock_ms)

    def close(self) -> None:
        """Close the store; another process may open it then."""
        if self._merging is not None:
            self._merging.interrupt()  # It is begun anew at the next start.
        with self._sweeping, self._writing:
            super().close()
            self._lock.close()

    def write(self, records: Mapping[str, Sequence[bytes | None]], positions: Positions) -> Written:
        """Store the sightings among records by topic; the partitions go on at `positions`.

        All of it or none. Raises OSError or duckdb.Error; the same may then be tried again.
        """
        with self._writing:
            batches = [sort_out(topic, values) for topic, values in records.items()]
            counts = sum((counted for _, counted in batches), Counter[str]())
            columns = joined([batch for batch, _ in batches])
            clock_ms = max(self._manifest.clock_ms, columns.newest_ms)
            oldest_ms = max(clock_ms, self._now_ms()) - self._retention_ms
            sequence, files = self._manifest.sequence, []
            days = columns.time_ms // DAY_MS
            for day in numpy.unique(days).tolist():
                part = columns.where(days == day)
                if (day + 1) * DAY_MS <= oldest_ms:
                    counts["kept"] -= len(part)
                    counts["expired"] += len(part)
                    continue
                sequence += 1
                # One file for a day and flush, of all topics and partitions together. One that is
                # left over when a later one fails is written anew, or removed at the next start.
                files.append(self._write_day(day_of(day * DAY_MS), sequence, part, clock_ms))
            self._commit(
                sequence=sequence + 1,
                clock_ms=clock_ms,
                positions=_advanced(self._manifest.positions, positions),
                files=(*self._manifest.files, *files),
            )
            return Written(sum(file.rows for file in files), len(files), counts)

    def note_filings(self, filings: Mapping[str, int]) -> None:
        """Note up to which offsets of the register topics was looked back."""
        with self._writing:
            self._commit(
                sequence=self._manifest.sequence + 1,
                filings={**self._manifest.filings, **filings},
            )

    def sweep(self) -> Swept:
        """Drop the days behind the retention and do the merge that is due next, if any.

        A merge does not hold up what is written meanwhile. Raises OSError or duckdb.Error; the same
        is tried again by the next sweep.
        """
        with self._sweeping:
            now_ms = self.now_ms
            gone = expired(self._manifest.files, now_ms, self._retention_ms)
            if gone:
                self._replace(gone, [])
            due = next_merge(self._manifest.files, now_ms)
            if due is not None:
                files, level = due
                self._replace(files, [self._merge(files, level)])
            return Swept(len(due[0]) if due else 0, len({file.day for file in gone}))

    def _state(self) -> Manifest:
        return self._manifest

    def _write_day(self, day: str, sequence: int, columns: Columns, written_ms: int) -> File:
        connection = self._connection.cursor()
        batch = register(connection, columns)
        return self._copy(
            connection.execute,
            f"SELECT * FROM ({batch}) ORDER BY subject, time",
            File(
                path=f"day={day}/{sequence:012d}.parquet",
                day=day,
                rows=len(columns),
                bytes=0,
                corrections=columns.corrections,
                level=0,
                written_ms=written_ms,
            ),
        )

    def _merge(self, files: Sequence[File], level: int) -> File:
        """Write the rows of files of one day into one, repeats left out."""
        day = files[0].day
        paths = {"files": self._paths(files)}
        connection = self._merging = self._connection.cursor()
        merged = self._copy(
            lambda statement: connection.execute(statement, paths),
            f"SELECT seen.* FROM read_parquet($files, hive_partitioning = false) AS seen "
            f"QUALIFY {FIRST.format(within=_SAME)} = 1 "
            "ORDER BY seen.subject, seen.time",
            File(
                # Whatever is written meanwhile has no such ending.
                path=f"day={day}/{self._manifest.sequence + 1:012d}-merged.parquet",
                day=day,
                rows=0,
                bytes=0,
                corrections=0,
                level=level,
                written_ms=max(file.written_ms for file in files),
            ),
        )
        found = connection.execute(
            "SELECT count(*), count(corrects) FROM read_parquet($path)",
            {"path": str(self._folder / merged.path)},
        )
        rows, corrections = found.fetchall()[0]
        self._merging = None
        return replace(merged, rows=rows, corrections=corrections)

    def _copy(self, execute: Callable[[str], object], query: str, file: File) -> File:
        """Write what a query gives; the file has its name when all of it is on the disk."""
        path = self._folder / file.path
        draft = path.with_name(f".{path.name}.tmp")
        path.parent.mkdir(mode=0o700, exist_ok=True)
        execute(f"COPY ({query}) {_WRITE.format(path=str(draft).replace(_QUOTE, 2 * _QUOTE))}")
        manifests.sync(draft)
        draft.replace(path)
        manifests.sync(path.parent)
        manifests.sync(self._folder)
        return replace(file, bytes=path.stat().st_size)

    def _replace(self, old: Sequence[File], new: Sequence[File]) -> None:
        gone = {file.path for file in old}
        with self._writing:
            kept = [file for file in self._manifest.files if file.path not in gone]
            self._commit(sequence=self._manifest.sequence + 1, files=(*kept, *new))
        # Nobody of this process reads them now; another process finds the new manifest.
        with self._asking:
            for file in old:
                manifests.remove(self._folder / file.path)

    def _commit(self, **changed: object) -> None:
        state = replace(self._manifest, **changed)
        manifests.save(self._folder, state)
        self._manifest = state

    def _remove_leftovers(self, folder: Path) -> None:
        live = {folder / file.path for file in self._manifest.files}
        for path in folder.glob("day=*/*"):
            # Whatever others have put beside them stays.
            if path not in live and _OURS.fullmatch(path.name):
                manifests.remove(path)


def _locked(path: Path) -> IO[str]:
    """Return the lock of a folder, held until it is closed or the process ends. Raises InUse."""
    stream = path.open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise InUse(f"another process writes sightings to {path.parent}") from error
    return stream


def _advanced(before: Positions, after: Positions) -> dict[str, dict[int, int]]:
    topics = {*before, *after}
    return {topic: {**before.get(topic, {}), **after.get(topic, {})} for topic in sorted(topics)}
