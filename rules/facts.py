"""What a rule sees: the event at hand and the registers as of an instant and a time of filing.

All instants are ms UTC. `at_ms` is when something happened, `known_ms` when it was accepted:
what accuses must have been filed by then (contracts: Registers).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from schemas.alerts import EvidenceClass

Parameters = Mapping[str, Any]
NEWEST = 1 << 62  # As a time of filing: whatever has been filed until now.


class SiteFacts(Struct, frozen=True):
    """A site as of an instant. `region` is its zone of kind region, "" = the deployment."""

    id: str
    role: str
    zones: frozenset[str]
    region: str
    grid: str | None
    warm_until_ms: int


class OrderFacts(Struct, frozen=True):
    """An active order."""

    id: str
    person: str
    class_: str
    zone: str
    start_ms: int


class LinkFacts(Struct, frozen=True):
    """One person who uses a vehicle; `strength` is from 0 to 1."""

    person: str
    role: str
    strength: float


class Cover(Struct, frozen=True):
    """What allows a person under order to be where they are."""

    kind: str
    id: str


class Check(Struct, frozen=True):
    """One person seen at a site."""

    source: str
    id: str
    type: str
    time_ms: int
    recorded_ms: int
    person: str
    verified_by: str
    has_pass: bool
    site: SiteFacts


class Read(Struct, frozen=True, array_like=True):
    """One reading of a plate. A typed plate has confidence 1.0."""

    time_ms: int
    recorded_ms: int
    source: str
    id: str
    type: str
    plate: str
    confidence: float
    direction: str
    site: str
    region: str
    grid: str | None
    role: str
    warming: bool


class World(Protocol):
    """The registers, read with two times."""

    def site(self, site_id: str, at_ms: int, known_ms: int) -> SiteFacts | None:
        """Return a site, or None where none is filed."""

    def orders_of(self, person: str, at_ms: int, known_ms: int) -> Sequence[OrderFacts]:
        """Return the person's active orders."""

    def order(self, order_id: str, at_ms: int, known_ms: int) -> OrderFacts | None:
        """Return an order where it is active."""

    def links_of(self, plate: str, at_ms: int, known_ms: int) -> Sequence[LinkFacts]:
        """Return who uses the vehicle; a vehicle named by an order has strength 1.0."""

    def cover(self, order: OrderFacts, site: SiteFacts, at_ms: int, known_ms: int) -> Cover | None:
        """Return the permit or transfer that allows this place at this time, if any."""

    def resident(self, plate: str, at_ms: int, known_ms: int) -> bool:
        """Tell whether the vehicle is at home here."""


VERIFIED_CLASS: dict[str, EvidenceClass] = {
    "document": "person",
    "officer": "person",
    "code": "digital",
    "video": "digital",
    "none": "tip",
}


def evidence_class(check: Check) -> EvidenceClass:
    """Return how strongly a check proves who was there (contracts: Person, evidence class)."""
    proved = VERIFIED_CLASS.get(check.verified_by, "tip")
    return "digital" if proved == "tip" and check.has_pass else proved
