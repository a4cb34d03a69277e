"""Which of the versions of one register entry governs: pure, so that its laws can be tested.

The project's bitemporal rule: the version that governs (id, instant t, known k) is the last filed
one with recordedtime ≤ k whose valid_from ≤ t; a deletion counts as a version that is valid from
the time of its filing. It holds only if t < its valid_to and it is no deletion.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from schemas.registers import REGISTERS, Deletion, Entry, RegisterEvent, register_type
from schemas.times import format_ms, parse_ms


class _Dates(Struct):
    id: str
    valid_from: str
    valid_to: str | None = None


_decode_event = msgspec.json.Decoder(RegisterEvent).decode
_decode_dates = msgspec.json.Decoder(_Dates).decode
_decode_deletion = msgspec.json.Decoder(Deletion).decode


class Version(Struct, frozen=True):
    """One filed version of an entry. Times are ms UTC; `body` is the filed data as JSON.

    `place` is its offset in the register's topic: the order of filing within one millisecond.
    """

    id: str
    place: int
    recorded_ms: int
    valid_from_ms: int
    valid_to_ms: int | None
    deleted: bool
    body: str

    @property
    def filed(self) -> tuple[int, int]:
        """The order of filing."""
        return self.recorded_ms, self.place


def newest(versions: Iterable[Version], known_ms: int) -> Version | None:
    """Return the version that was filed last by `known_ms`, a deletion too."""
    known = (version for version in versions if version.recorded_ms <= known_ms)
    return max(known, key=lambda version: version.filed, default=None)


def governing(versions: Iterable[Version], at_ms: int, known_ms: int) -> Version | None:
    """Return the version of one entry that governs an instant, as known at another."""
    begun = (version for version in versions if version.valid_from_ms <= at_ms)
    last = newest(begun, known_ms)
    if last is None or last.deleted:
        return None
    if last.valid_to_ms is not None and at_ms >= last.valid_to_ms:
        return None
    return last


def restates(existing: Version | None, name: str, entry: Entry, filed_ms: int) -> bool:
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
    if entry.valid_from == format_ms(filed_ms) and existing.valid_from_ms <= filed_ms:
        said.valid_from = entry.valid_from
    return bool(said == entry)


def version_of(name: str, value: bytes, place: int) -> Version:
    """Return the version that a record of the register `name` files at `place` of its topic.

    It reads no more than the times: what an older or newer schema filed is kept as it was said.
    Raises msgspec.DecodeError, or ValueError for a record that belongs elsewhere.
    """
    event = _decode_event(value)
    recorded_ms = parse_ms(event.recordedtime or event.time)
    body = bytes(event.data).decode()
    if event.type == register_type(name, "delete"):
        entry_id = _decode_deletion(event.data).id
        return Version(entry_id, place, recorded_ms, recorded_ms, None, True, body)
    if event.type != register_type(name, "put"):
        raise ValueError(f"{event.type!r} does not belong to the register {name}")
    dates = _decode_dates(event.data)
    valid_to_ms = None if dates.valid_to is None else parse_ms(dates.valid_to)
    return Version(
        dates.id, place, recorded_ms, parse_ms(dates.valid_from), valid_to_ms, False, body
    )
