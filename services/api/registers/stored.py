"""A version of a register entry as the API keeps it: from the record that filed it, to compare."""

import msgspec
from msgspec import Struct

from schemas.registers import REGISTERS, Deletion, Entry, RegisterEvent, register_type
from schemas.times import format_ms, parse_ms
from schemas.versions import FOREVER, Version


class _Dates(Struct):
    id: str
    valid_from: str
    valid_to: str | None = None


_decode_event = msgspec.json.Decoder(RegisterEvent).decode
_decode_dates = msgspec.json.Decoder(_Dates).decode
_decode_deletion = msgspec.json.Decoder(Deletion).decode


class StoredVersion(Version[str], frozen=True):
    """One filed version of an entry; its facts are the filed data as JSON.

    `body` is the same, but a deletion has one too: who ended the entry and why. `place` is the
    offset in the register's topic.
    """

    id: str
    place: int
    body: str

    @property
    def deleted(self) -> bool:
        """Whether this version ends the entry."""
        return self.facts is None


def restates(existing: StoredVersion | None, name: str, entry: Entry, filed_ms: int) -> bool:
    """Return whether filing `entry` of the register `name` now would change nothing.

    The author is not part of what is said. An entry that is valid from its own filing (a PUT
    without valid_from) restates one that already is valid, whenever that began.
    """
    if existing is None or existing.deleted:
        return False
    try:
        said = msgspec.json.decode(existing.body, type=REGISTERS[name])
    except msgspec.ValidationError:
        # An older schema filed it; what cannot be said any more cannot be restated.
        return False
    said.author = entry.author
    if entry.valid_from == format_ms(filed_ms) and existing.from_ms <= filed_ms:
        said.valid_from = entry.valid_from
    return bool(said == entry)


def version_of(name: str, value: bytes, place: int) -> StoredVersion:
    """Return the version that a record of the register `name` files at `place` of its topic.

    It reads no more than the times: what an older or newer schema filed is kept as it was said.
    Raises msgspec.DecodeError, or ValueError for a record that belongs elsewhere.
    """
    event = _decode_event(value)
    recorded_ms = parse_ms(event.recordedtime or event.time)
    body = bytes(event.data).decode()
    if event.type == register_type(name, "delete"):
        entry_id = _decode_deletion(event.data).id
        return StoredVersion(recorded_ms, recorded_ms, FOREVER, None, entry_id, place, body)
    if event.type != register_type(name, "put"):
        raise ValueError(f"{event.type!r} does not belong to the register {name}")
    dates = _decode_dates(event.data)
    from_ms = parse_ms(dates.valid_from)
    to_ms = FOREVER if dates.valid_to is None else parse_ms(dates.valid_to)
    return StoredVersion(recorded_ms, from_ms, to_ms, body, dates.id, place, body)
