"""The file of a backup: a ZIP with a manifest, one member for each table, and what is beside.

A table is NDJSON, a list of values for each row in the order of the manifest's columns; bytes are
base64. So it goes from SQLite to PostgreSQL and back. The manifest has the SHA-256 of each member.
"""

import hashlib
from collections.abc import Iterator
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import msgspec
from msgspec import Struct

FORM: Final = 1
MANIFEST: Final = "manifest.json"
_CHUNK: Final = 1 << 20


class BadArchive(Exception):
    """A file is no backup, or not as it was written; the text says what is wrong."""


class TableEntry(Struct, frozen=True):
    """A table: its columns in order, how many rows it has, and the digest of its member."""

    name: str
    columns: list[str]
    rows: int
    sha256: str

    @property
    def member(self) -> str:
        """The member of the archive that holds it."""
        return f"tables/{self.name}.ndjson"


class FileEntry(Struct, frozen=True):
    """A file of the deployment, by what it is (`deployment`, `tokens`, …)."""

    name: str
    sha256: str

    @property
    def member(self) -> str:
        """The member of the archive that holds it."""
        return f"files/{self.name}"


class Manifest(Struct, frozen=True):
    """What a backup holds; `revision` is that of the store's schema, `feed` the last event's n."""

    form: int
    made: str
    cordon: str
    database: str
    revision: str
    epoch: str
    feed: int
    tables: list[TableEntry]
    files: list[FileEntry]


class Digested:
    """Writes on, and keeps the digest of what went through."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Write bytes."""
        self._digest.update(data)
        self._stream.write(data)

    @property
    def sha256(self) -> str:
        """The digest so far, in hex."""
        return self._digest.hexdigest()


def new_archive(stream: IO[bytes]) -> ZipFile:
    """Return an archive to be written."""
    return ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=3)


def open_archive(stream: IO[bytes]) -> tuple[ZipFile, Manifest]:
    """Return an archive and its manifest, after every digest was compared; raises BadArchive."""
    try:
        archive = ZipFile(stream)
        manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    except (BadZipFile, KeyError, msgspec.DecodeError, OSError) as error:
        raise BadArchive(f"it is no backup of Cordon: {error}") from error
    if manifest.form != FORM:
        raise BadArchive(f"its form is {manifest.form}; this version of Cordon reads {FORM}")
    entries: list[TableEntry | FileEntry] = [*manifest.tables, *manifest.files]
    for entry in entries:
        try:
            found = _sha256_of(archive, entry.member)
        except (BadZipFile, KeyError, OSError, ValueError) as error:
            raise BadArchive(f"{entry.member} cannot be read: {error}") from error
        if found != entry.sha256:
            raise BadArchive(f"{entry.member} is not what was written: its digest differs")
    return archive, manifest


def rows_of(archive: ZipFile, table: TableEntry) -> Iterator[list[Any]]:
    """Yield the rows of a table."""
    decode = msgspec.json.Decoder(list[Any]).decode
    with archive.open(table.member) as lines:
        for line in lines:
            yield decode(line)


def _sha256_of(archive: ZipFile, member: str) -> str:
    digest = hashlib.sha256()
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
