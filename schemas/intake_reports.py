"""What each ingest process tells of the devices that post to it; the API shows it to people.

Nobody is named in it: of the newest event only its form is told, with everything that may stand for
a person or a vehicle blotted out.
"""

from typing import Any, Final

from msgspec import Struct

from schemas.events import Instant

BLOT: Final = "•••"
# What a value may be told of, wherever in an event it stands; anything else may name somebody, be
# medical or be free text.
_TOLD: Final = frozenset(
    {
        "capture_mode",
        "clock_offset_ms",
        "confidence",
        "crs",
        "direction",
        "frames",
        "is_preview",
        "issuer",
        "kind",
        "lane",
        "mode",
        "open",
        "plate_colour",
        "plate_confidence",
        "queue_length",
        "recordedtime",
        "reporter_role",
        "site",
        "source",
        "specversion",
        "speed_kmh",
        "status",
        "time",
        "type",
        "verified_by",
    }
)


class DeviceReport(Struct, omit_defaults=True, kw_only=True):
    """What one device sent as one source from one site, since it was told of last.

    `device` is the name of its token; `site` None = it named none. `accepted`, `duplicates` and
    `rejected` count its events, `reads` those of a camera and `unread` the ones without a plate;
    `confidence` is the sum over the others (0 to 1 each). `time` and `recorded` are those of its
    newest event and `offset_ms` is their difference, None for one that was buffered;
    `clock_offset_ms` is what its heartbeat said. `refused` says when the newest rejection was, and
    `field` and `title` of what. `preview` is the newest event as it was written, `records` how many
    records it became.
    """

    device: str
    source: str
    site: str | None = None
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reads: int = 0
    unread: int = 0
    confidence: float = 0.0
    type: str | None = None
    time: Instant | None = None
    recorded: Instant | None = None
    offset_ms: int | None = None
    clock_offset_ms: int | None = None
    refused: Instant | None = None
    field: str | None = None
    title: str | None = None
    preview: dict[str, Any] | None = None
    records: int = 0


class IntakeReport(Struct, omit_defaults=True, kw_only=True):
    """What one ingest process took in since its last report, which was a second ago or more.

    `sites` are the accepted events by site; `devices` those that sent something, told every ten
    seconds; None in between.
    """

    process: str
    at: Instant
    accepted: int = 0
    rejected: int = 0
    sites: dict[str, int] = {}
    devices: list[DeviceReport] | None = None


def blotted(value: Any, name: str = "") -> Any:
    """Return a decoded event of which only the form and what names nobody are left."""
    if isinstance(value, dict):
        return {key: blotted(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [blotted(each, name) for each in value]
    return value if value is None or name in _TOLD else BLOT
