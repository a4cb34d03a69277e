"""Arrivals by transfer: on arrival the zone of a person's order becomes the transfer's to_zone.

The rule transfer-not-arrived finds who arrived and tells every partition; from then on the
registers give the order with its new zone, to whoever asks (contracts: register transfer).
"""

from collections.abc import Iterator
from typing import Final

from rules.dossier import Told
from schemas.versions import FOREVER

# When somebody arrived, and by when it was known: what accuses rests on both.
ARRIVED: Final = "arrived"
KNOWN: Final = "arrived-known"


def tell(transfer: str, person: str, arrived_ms: int, recorded_ms: int) -> Iterator[Told]:
    """Yield what every partition is told of somebody's arrival."""
    subject = f"{transfer}/{person}"
    yield Told(ARRIVED, subject, ((arrived_ms, FOREVER),))
    yield Told(KNOWN, subject, ((recorded_ms, FOREVER),))


def told(subject: str) -> tuple[str, str]:
    """Return (transfer, person) of what was told."""
    transfer, _, person = subject.partition("/")
    return transfer, person
