"""Which files are live, and up to where every partition has been read: one file, one truth.

A flush or a merge is done when the manifest that names its files is in place, and not before. Files
that no manifest names are what a crash left over; `Store` removes them when it opens.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

# Spark, Trino and Hive pass over names that begin with an underscore or a dot.
NAME: Final = "_manifest.json"


class ManifestProblem(OSError):
    """The manifest cannot be read, or is not there while files are; the text names it."""


class File(Struct, frozen=True):
    """A live Parquet file. `path` is relative to the store's folder.

    `level` is how often its rows have been merged, FINAL for the one file of a closed day;
    `corrections` how many rows correct another event; `written_ms` the store's clock when it was
    written.
    """

    path: str
    day: str
    rows: int
    bytes: int
    corrections: int
    level: int
    written_ms: int


class Manifest(Struct, frozen=True):
    """The state of a store.

    `positions` are the next offsets of the event topics by topic and partition number, `filings`
    those of the register topics up to which was looked back. `clock_ms` is the newest
    `recordedtime` that was stored.
    """

    version: int = 1
    sequence: int = 0
    clock_ms: int = 0
    positions: dict[str, dict[int, int]] = {}
    filings: dict[str, int] = {}
    files: tuple[File, ...] = ()


def load(folder: Path) -> Manifest:
    """Return the manifest of a folder, an empty one for a new folder. Raises ManifestProblem."""
    path = folder / NAME
    if not path.exists():
        if any(folder.glob("day=*/[!.]*.parquet")):
            # To begin anew would delete them all.
            raise ManifestProblem(
                f"{folder} has files and no {NAME}: move them away, or put it back"
            )
        return Manifest()
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise ManifestProblem(f"{path} cannot be read: {error}") from error
    if manifest.version != 1:
        raise ManifestProblem(f"{path} is of version {manifest.version}; this Cordon reads 1")
    return manifest


def save(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one before: all of it or, after a crash, none."""
    draft = folder / f".{NAME}.tmp"
    with draft.open("wb") as stream:
        stream.write(msgspec.json.encode(manifest))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(folder / NAME)
    sync(folder)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file of a day, and the day's folder with the last one."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # There are others in it, or somebody else removed it.
        path.parent.rmdir()
