"""What the units of the workers tell one another: the records of cordon.joins.v1.

A rule that joins the records of several subjects declares its join key; the unit that has a fact
writes it under that key, in the transaction in which it came about, and the partition of the key
takes it up. Nobody but the workers reads these records, and each is read exactly once.
"""

from msgspec import Struct

TEMPERATURE_READ = "cordon.temperature-read.v1"
DEVICE_BIAS = "cordon.device-bias.v1"


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


JOINS_BY_TYPE: dict[str, type[Join]] = {
    TEMPERATURE_READ: TemperatureRead,
    DEVICE_BIAS: DeviceBias,
}


def source_key(source: str) -> str:
    """Return the join key of a device or system, which is also its subject."""
    return f"source:{source}"
