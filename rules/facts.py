"""What a rule sees: the event at hand and the registers as of an instant and a time of filing.

All instants are ms UTC. `at_ms` is when something happened, `known_ms` the time of filing up to
which the registers are read: for what accuses that is `known_ms` of the check or the read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from schemas.alerts import EvidenceClass
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS

Parameters = Mapping[str, Any]
# No policy may ask for checks further apart (schemas/policy.py).
NEAR_MS = HOUR_MS
# An event accepted later than this after it happened is late (contracts: Lateness).
ON_TIME_MS = 2 * MINUTE_MS
# Events that were accepted later than this are history and judged no more.
ARCHIVE_MS = 14 * DAY_MS
NEWEST = 1 << 62  # As a time of filing: whatever has been filed until now.


def known_by(time_ms: int, recorded_ms: int) -> int:
    """Return by when an order, link or watch entry must be filed to accuse (decision 0004).

    For an event that is on time that is its acceptance, which sees whatever was answered before
    it; for a late one its own time, so that an outage accuses nobody (contracts: Registers).
    """
    return recorded_ms if recorded_ms - time_ms <= ON_TIME_MS else time_ms


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


class WatchFacts(Struct, frozen=True):
    """An entry of the watch list; `subject` is a plate or a person, `filed_ms` when it was filed.

    No `sites` = everywhere, no `direction` = either way.
    """

    id: str
    subject: str
    category: str
    sites: frozenset[str]
    direction: str | None
    filed_ms: int = 0


class Exempted(Struct, frozen=True):
    """What lets a vehicle or a person through without a stop."""

    kind: str
    id: str


class Code(Struct, frozen=True):
    """A health code as it was shown."""

    issuer: str
    colour: str
    issued_ms: int
    expires_ms: int


class Check(Struct, frozen=True):
    """One person seen at a site, `temperature` in °C.

    `around` are the other checks of this person at most `NEAR_MS` before or after, in order of
    time, themselves without their own; at the barrier there are none. `biased` says that the
    device's thermometer can't be believed at this time (read-quality). From `pass_id` on only the
    check at hand has them, not those around it. `person` is "" where no identifier was given.
    `stays` are (area, from, to) as declared, the ends as posted. `partof` is the scan in which it
    was made.
    """

    source: str
    id: str
    type: str
    time_ms: int
    recorded_ms: int
    person: str
    verified_by: str
    has_pass: bool
    site: SiteFacts
    direction: str = "unknown"
    temperature: float | None = None
    code: Code | None = None
    biased: bool = False
    around: "tuple[Check, ...]" = ()
    pass_id: str | None = None
    refusal: bool = False
    plate: str | None = None
    guarded: bool = False
    is_online: bool = True
    stays: tuple[tuple[str, str, str], ...] = ()
    destination_grid: str | None = None
    id_type: str | None = None
    partof: str | None = None

    @property
    def known_ms(self) -> int:
        """By when must be filed what accuses this person (`known_by`)."""
        return known_by(self.time_ms, self.recorded_ms)


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

    @property
    def known_ms(self) -> int:
        """By when must be filed what accuses this vehicle (`known_by`)."""
        return known_by(self.time_ms, self.recorded_ms)


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

    def watched(self, subject: str, at_ms: int, known_ms: int) -> Sequence[WatchFacts]:
        """Return the entries of the watch list about a plate or a person."""

    def watch_entry(self, entry_id: str, at_ms: int, known_ms: int) -> WatchFacts | None:
        """Return an entry of the watch list where it is in force."""

    def may_be_exempt(self, subject: str) -> bool:
        """Tell whether an exemption was ever filed for a plate or a person."""

    def exemptions(
        self, subject: str, site: SiteFacts, at_ms: int, known_ms: int
    ) -> Sequence[Exempted]:
        """Return what exempts a plate or a person there and then."""


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
