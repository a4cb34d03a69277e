"""What the units of the workers tell one another: the records of cordon.joins.v1.

A rule that joins the records of several subjects declares its join key; the unit that has a fact
writes it under that key, in the transaction in which it came about, and the partition of the key
takes it up. Nobody but the workers reads these records, and each is read exactly once.
"""

from msgspec import Struct

from schemas.alerts import EvidenceClass

TEMPERATURE_READ = "cordon.temperature-read.v1"
DEVICE_BIAS = "cordon.device-bias.v1"
FACT_TOLD = "cordon.fact.v1"
CONDITION_TOLD = "cordon.condition.v1"
CORRECTED = "cordon.corrected.v1"
CLOCK_TOLD = "cordon.clock-told.v1"
# No scan has more (schemas/events.py).
MOST_PERSONS = 100
LOOK_BACK = "cordon.look-back.v1"


class Fact(Struct, frozen=True, array_like=True, order=True):
    """One thing that happened, as far as some rule keeps it. Facts sort as they happened.

    (time_ms, source, id) is its place: a fact told again at the same place replaces the first.
    What the fields from `what` on mean, the rule says that gathers them.
    """

    time_ms: int
    source: str
    id: str
    recorded_ms: int
    type: str
    site: str = ""
    what: str = ""
    who: str = ""
    value: float = 0.0
    proof: EvidenceClass = "system"

    @property
    def place(self) -> tuple[int, str, str]:
        """Where it stands among others."""
        return self.time_ms, self.source, self.id


class Join(Struct, kw_only=True, gc=False):
    """What every join has. It has no place in the order of acceptance: it is taken up at once."""

    type: str

    @property
    def recordedtime(self) -> str:
        """Before everything: what a join tells holds from when it is read."""
        return ""


class TemperatureRead(Join, kw_only=True, gc=False):
    """A temperature in °C that a device measured. Join key: the device."""

    type: str = TEMPERATURE_READ
    source: str
    id: str
    of: str
    time_ms: int
    recorded_ms: int
    site: str
    temperature: float


class DeviceBias(Join, kw_only=True, gc=False):
    """When a device's thermometer was biased, from `since_ms` on; for every partition.

    `spans` are pairs of a first and a last instant, ms UTC. What was told before of the time
    before `since_ms` stands.
    """

    type: str = DEVICE_BIAS
    source: str
    since_ms: int
    spans: list[tuple[int, int]]


class FactTold(Join, kw_only=True, gc=False):
    """A fact for a rule's dossier. Join key: the dossier's (`order:o1`, `site:gate-3`).

    `gone` takes back what was told before.
    """

    type: str = FACT_TOLD
    rule: str
    key: str
    fact: Fact
    gone: bool = False


class ConditionTold(Join, kw_only=True, gc=False):
    """When a condition held, as a rule found it: a silent site, a clock that is wrong.

    For every partition. `spans` are all that are known, pairs of a first and a last instant.
    """

    type: str = CONDITION_TOLD
    kind: str
    subject: str
    spans: list[tuple[int, int]]


class SeenBefore(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A sighting of a look-back.

    `subject` is a vehicle of the order that is looked back for; unset, it is the look-back's own.
    `confidence` (0 to 1) is that of the plate; who was checked has none.
    """

    source: str
    id: str
    type: str
    time_ms: int
    recorded_ms: int
    site: str
    direction: str
    evidence_class: EvidenceClass
    confidence: float | None = None
    subject: str | None = None


class LookBack(Join, kw_only=True, gc=False):
    """What the sighting store held of a subject when an entry was filed. Join key: the subject.

    `register` is `watch-entry` or `order`, `entry` its id, `filed_ms` the filing of the version
    that was looked back for; `id` is made of the three, so that one that is written again is known
    again. `subject` is `vehicle:<plate>` or a person key. All sightings were accepted before the
    filing and happened from `from_ms` on; `count` is how many there are, `first_ms` and `last_ms`
    the first and the last of them, `sightings` the newest 200, by time. Instants are ms UTC.
    """

    type: str = LOOK_BACK
    id: str
    register: str
    entry: str
    filed_ms: int
    subject: str
    from_ms: int
    count: int
    first_ms: int
    last_ms: int
    sightings: list[SeenBefore]


class Corrected(Join, kw_only=True, gc=False):
    """An event that another one of its source replaces (`corrects`): it counts no more.

    For every partition, since what it was about may be in any. A scan has so many `persons` at
    most, whose checks are numbered. `recorded_ms` is when the other one was accepted, ms UTC.
    """

    type: str = CORRECTED
    source: str
    id: str
    persons: int = 0
    recorded_ms: int = 0

    @property
    def ids(self) -> frozenset[str]:
        """The event's id, and those of the checks that were split from it."""
        return frozenset((self.id, *(f"{self.id}#{n}" for n in range(1, self.persons + 1))))


class ClockTold(Join, kw_only=True, gc=False):
    """How far a partition has come, for every other one.

    `rounds_ms` are instants, ms UTC, none later than the one before: the partition's own clock,
    before which it has told all that it had to tell; up to when it has heard that of all others;
    up to when it has heard this of all others, and so on.
    """

    type: str = CLOCK_TOLD
    partition: int
    rounds_ms: list[int]


JOINS_BY_TYPE: dict[str, type[Join]] = {
    TEMPERATURE_READ: TemperatureRead,
    DEVICE_BIAS: DeviceBias,
    FACT_TOLD: FactTold,
    CONDITION_TOLD: ConditionTold,
    CORRECTED: Corrected,
    LOOK_BACK: LookBack,
    CLOCK_TOLD: ClockTold,
}


def source_key(source: str) -> str:
    """Return the join key of a device or system, which is also its subject."""
    return f"source:{source}"
