"""Which events were accepted in the last 24 hours, across restarts of the process.

One append-only file for each hour, which expiry drops whole. An entry is written after the
broker's acknowledgement and before the answer, so every event that was answered 202 is known after
a restart, also one by kill -9 (what `write` took is the kernel's and not ours to lose).
"""

import fcntl
import os
import struct
from pathlib import Path
from typing import Final, Self

import structlog

from schemas.times import HOUR_MS
from services.ingest.metrics import Metrics

KEPT_HOURS: Final = 24
MAX_IDENTITIES: Final = 4_000_000
_ENTRY: Final = struct.Struct("<16sQ")
# Several dicts instead of one, since a dict of millions stands still while it grows.
_SHARDS: Final = 16
_SUFFIX: Final = ".identities-v1"
_log = structlog.get_logger(__name__)


class WindowProblem(Exception):
    """The folder can't be used; the text says why."""


class Window:
    """The identities of accepted events and the fingerprints of their bodies.

    Memory is bounded by `limit` identities (about 170 bytes each): above it the oldest hour is
    forgotten early, and those repeats are left to the worker.
    """

    def __init__(self, folder: Path, metrics: Metrics, limit: int, lock: int) -> None:
        self._folder = folder
        self._metrics = metrics
        self._limit = limit
        self._lock = lock
        self._shards: list[dict[bytes, int]] = [{} for _ in range(_SHARDS)]
        self._hours: dict[int, list[bytes]] = {}
        self._size = 0
        self._file = -1
        self._file_hour = -1
        self._file_size = 0
        metrics.remembered.set_function(lambda: self._size)

    @classmethod
    def open(cls, folder: Path, metrics: Metrics, limit: int = MAX_IDENTITIES) -> Self:
        """Load what the folder holds. Raises WindowProblem when another process uses it."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise WindowProblem(f"another ingest uses {folder}") from error
        window = cls(folder, metrics, limit, lock)
        window._load()
        return window

    def close(self) -> None:
        """Close the files and release the folder."""
        self._close_file()
        os.close(self._lock)

    def expire(self, now_ms: int) -> None:
        """Forget what was accepted more than 24 hours (and a part of one) before `now_ms`."""
        oldest = now_ms // HOUR_MS - KEPT_HOURS
        if self._hours and min(self._hours) < oldest:
            for hour in [hour for hour in self._hours if hour < oldest]:
                self._drop(hour)

    def get(self, identity: bytes) -> int | None:
        """Return the fingerprint of an accepted event, or None for an unknown one."""
        return self._shards[identity[0] % _SHARDS].get(identity)

    def add(self, recorded_ms: int, accepted: dict[bytes, int]) -> None:
        """Remember accepted events. Raises OSError when the disk does not take them; then they
        are not remembered in memory either, and the caller must not answer that they are."""
        hour = recorded_ms // HOUR_MS
        # What a replay records late lives as long as the hour that is being written.
        hour = max(hour, max(self._hours, default=hour))
        self._write(hour, b"".join([_ENTRY.pack(*entry) for entry in accepted.items()]))
        self._hold(hour, accepted)
        while self._size > self._limit and len(self._hours) > 1:
            self._metrics.forgotten.inc(self._drop(min(self._hours)))

    def _write(self, hour: int, entries: bytes) -> None:
        try:
            if hour != self._file_hour:
                self._close_file()
                self._open_file(hour)
            written = os.write(self._file, entries)
            if written != len(entries):
                # A part of an entry would shift all that follow it.
                os.ftruncate(self._file, self._file_size)
                raise OSError("the disk took only a part")
        except OSError:
            self._metrics.window_errors.inc()
            raise
        self._file_size += len(entries)

    def _open_file(self, hour: int) -> None:
        self._file = os.open(self._path(hour), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._file_hour = hour
        self._file_size = os.fstat(self._file).st_size

    def _drop(self, hour: int) -> int:
        self._path(hour).unlink(missing_ok=True)
        identities = self._hours.pop(hour)
        for identity in identities:
            del self._shards[identity[0] % _SHARDS][identity]
        self._size -= len(identities)
        return len(identities)

    def _hold(self, hour: int, accepted: dict[bytes, int]) -> None:
        for identity, fingerprint in accepted.items():
            self._shards[identity[0] % _SHARDS][identity] = fingerprint
        self._hours.setdefault(hour, []).extend(accepted)
        self._size += len(accepted)

    def _load(self) -> None:
        hours = sorted(
            (int(path.name.removesuffix(_SUFFIX)) for path in self._folder.glob(f"*{_SUFFIX}")),
            reverse=True,
        )
        for hour in hours:
            path = self._path(hour)
            if hour < hours[0] - KEPT_HOURS or self._size >= self._limit:
                path.unlink()
                continue
            content = path.read_bytes()
            whole = len(content) - len(content) % _ENTRY.size
            if whole != len(content):
                _log.warning("identities_torn", path=str(path), bytes=len(content) - whole)
                os.truncate(path, whole)
            entries = dict(_ENTRY.iter_unpack(memoryview(content)[:whole]))
            # An identity belongs to one hour, whatever the files say.
            fresh = {key: value for key, value in entries.items() if self.get(key) is None}
            self._hold(hour, fresh)

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._file_hour = -1

    def _path(self, hour: int) -> Path:
        return self._folder / f"{hour}{_SUFFIX}"
