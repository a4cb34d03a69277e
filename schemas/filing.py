"""From what is filed over the API to what a register topic carries."""

from typing import Any

import msgspec
from msgspec import Struct

from schemas.intake import Intake
from schemas.normalising import Normaliser
from schemas.problems import instant, invalid, rejected
from schemas.registers import (
    REGISTERS,
    Deletion,
    Entry,
    RegisterEvent,
    parse_register_type,
    register_topic,
    register_type,
)
from schemas.times import format_ms

_encode = msgspec.json.Encoder().encode
_event_decoder = msgspec.json.Decoder(RegisterEvent)

# The field that an entry's validity begins with where its filing does not say.
_BEGINS = {"order": "start", "permit": "from", "transfer": "window_from", "duty-shift": "start"}

# What is judged at the time when it was said (contracts: arrival-notice), not when it was filed.
_KEEPS_ITS_TIME = frozenset({"arrival-notice"})


class Filed(Struct, frozen=True):
    """A change to write: `value` is the CloudEvents event for `topic`, keyed by `id`."""

    topic: str
    name: str
    id: str
    value: bytes
    entry: Entry | Deletion


class Filing:
    """Checks and normalises register changes with the same intake as events."""

    def __init__(self, intake: Intake) -> None:
        self._normaliser = Normaliser(intake)

    def put(self, name: str, entry_id: str, body: bytes, author: str, recorded_ms: int) -> Entry:
        """Return the checked, normalised entry of a PUT body; raises Rejected.

        `id` may be absent from the body and must be `entry_id` where it is given; the author is
        whoever holds the token; an absent `valid_from` means from now on.
        """
        try:
            raw = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise rejected(f"not JSON: {error}", status=400) from error
        if not isinstance(raw, dict):
            raise rejected("must be a JSON object", status=400)
        if raw.setdefault("id", entry_id) != entry_id:
            raise rejected(f"must be {entry_id!r}, as in the path", "id")
        raw["author"] = author
        # A permit that names its hours is meant for them, also when it is filed afterwards.
        begins = raw.get(_BEGINS.get(name, ""))
        raw.setdefault("valid_from", begins if begins else format_ms(recorded_ms))
        return self.entry(name, raw)

    def entry(self, name: str, raw: dict[str, Any]) -> Entry:
        """Return the checked, normalised entry of a register; raises Rejected."""
        try:
            entry = msgspec.convert(raw, REGISTERS[name])
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        self._normaliser.normalise(entry)
        return entry

    def event(self, line: bytes) -> Filed:
        """Return the change that a register event (a timeline's line) makes; raises Rejected."""
        try:
            event = _event_decoder.decode(line)
            # Raw data was skipped so far, not decoded: it can still be malformed.
            body = msgspec.json.decode(event.data)
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise rejected(f"not JSON: {error}", status=400) from error
        what = parse_register_type(event.type)
        if what is None:
            raise rejected(f"no register has events of type {event.type!r}", "type")
        name, verb = what
        recorded_ms = instant(event.recordedtime or event.time, "recordedtime")
        if verb == "put":
            if not isinstance(body, dict):
                raise rejected("must be a JSON object", "data")
            # Over the API the author is whoever holds the token; a timeline may leave it out.
            body.setdefault("author", event.source)
            happened_ms = instant(event.time, "time") if name in _KEEPS_ITS_TIME else recorded_ms
            return self.filed_put(
                name, self.entry(name, body), recorded_ms, event.id, event.source, happened_ms
            )
        if isinstance(body, dict):
            body.setdefault("author", event.source)
        try:
            deletion = msgspec.convert(body, Deletion)
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        return filed_deletion(name, deletion, recorded_ms, event.id, event.source)

    def filed_put(
        self,
        name: str,
        entry: Entry,
        recorded_ms: int,
        event_id: str,
        source: str,
        happened_ms: int | None = None,
    ) -> Filed:
        """Return the change that files a checked entry; it happened when it is filed, or before."""
        event_type = register_type(name, "put")
        value = _envelope(event_type, entry, recorded_ms, event_id, source, happened_ms)
        return Filed(register_topic(name), name, entry.id, value, entry)


def filed_deletion(
    name: str, deletion: Deletion, recorded_ms: int, event_id: str, source: str
) -> Filed:
    """Return the change that ends an entry's validity at the time of filing."""
    value = _envelope(register_type(name, "delete"), deletion, recorded_ms, event_id, source)
    return Filed(register_topic(name), name, deletion.id, value, deletion)


def _envelope(
    event_type: str,
    data: Entry | Deletion,
    recorded_ms: int,
    event_id: str,
    source: str,
    happened_ms: int | None = None,
) -> bytes:
    recorded = format_ms(recorded_ms)
    return _encode(
        RegisterEvent(
            specversion="1.0",
            id=event_id,
            source=source,
            type=event_type,
            time=recorded if happened_ms is None else format_ms(happened_ms),
            recordedtime=recorded,
            data=msgspec.Raw(_encode(data)),
        )
    )
