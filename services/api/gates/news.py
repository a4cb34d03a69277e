"""What the ingest processes told of devices, put together: pure, and bounded in size."""

from collections import OrderedDict, deque
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.intake_reports import DeviceReport, IntakeReport
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS, parse_ms

# What a map that was opened anew, or slept for a moment, gets at once.
PULSES_KEPT: Final = 120
MINUTES_KEPT: Final = DAY_MS // MINUTE_MS
# Of each device, the minutes that are shown beside it.
DEVICE_MINUTES: Final = 60
MOST_DEVICES: Final = 10_000
_Key = tuple[str, str, str | None]


class Pulse(Struct, frozen=True):
    """Accepted events by site that one report told of; `n` counts the reports from 1."""

    n: int
    at: str
    sites: dict[str, int]


class Minute(Struct):
    """Events of one minute, which began at `minute_ms` UTC."""

    minute_ms: int
    accepted: int = 0
    rejected: int = 0


class DeviceMinute(Struct):
    """Events of one device in one minute; `confidence` is a sum over reads with a plate."""

    minute_ms: int
    accepted: int = 0
    rejected: int = 0
    reads: int = 0
    unread: int = 0
    confidence: float = 0.0
    least_offset_ms: int | None = None


class Device(Struct):
    """A device as it was told of last, and its last hour; the counts of `newest` are those of ten
    seconds and mean nothing here."""

    newest: DeviceReport
    minutes: deque[DeviceMinute]


class News:
    """The newest of every device, the pulses of two minutes, the minutes of a day."""

    def __init__(self) -> None:
        self.devices: OrderedDict[_Key, Device] = OrderedDict()
        self.minutes: deque[Minute] = deque(maxlen=MINUTES_KEPT)
        self._pulses: deque[Pulse] = deque(maxlen=PULSES_KEPT)
        self._n = 0

    def take(self, report: IntakeReport) -> None:
        """Take in one report. Raises TimeProblem for one whose time cannot be read."""
        at_ms = parse_ms(report.at)
        if report.devices is None:
            self._n += 1
            self._pulses.append(Pulse(self._n, report.at, report.sites))
            minute = self._minute(at_ms)
            minute.accepted += report.accepted
            minute.rejected += report.rejected
            return
        for told in report.devices:
            self._device(told, at_ms)

    def pulses(self, after: int | None) -> tuple[list[Pulse], int]:
        """Return the pulses after a number, None = none of those that are over, and the newest
        number. A number that is not known (of another process) gets all that there are."""
        if after is None:
            return [], self._n
        if after > self._n:
            after = 0
        return [pulse for pulse in self._pulses if pulse.n > after], self._n

    def _minute(self, at_ms: int) -> Minute:
        minute_ms = at_ms - at_ms % MINUTE_MS
        # Clocks of several processes differ by little, so the one meant is among the last.
        for minute in reversed(self.minutes):
            if minute.minute_ms == minute_ms:
                return minute
            if minute.minute_ms < minute_ms - 2 * MINUTE_MS:
                break
        self.minutes.append(Minute(minute_ms))
        return self.minutes[-1]

    def _device(self, told: DeviceReport, at_ms: int) -> None:
        key = (told.device, told.source, told.site)
        known = self.devices.get(key)
        if known is None:
            known = self.devices[key] = Device(told, deque(maxlen=DEVICE_MINUTES))
            if len(self.devices) > MOST_DEVICES:
                self.devices.popitem(last=False)
        else:
            known.newest = _over(known.newest, told)
            self.devices.move_to_end(key)
        minute_ms = at_ms - at_ms % MINUTE_MS
        if not known.minutes or known.minutes[-1].minute_ms < minute_ms:
            known.minutes.append(DeviceMinute(minute_ms))
        minute = known.minutes[-1]
        minute.accepted += told.accepted
        minute.rejected += told.rejected
        minute.reads += told.reads
        minute.unread += told.unread
        minute.confidence += told.confidence
        if told.offset_ms is not None:
            offsets = (told.offset_ms, minute.least_offset_ms)
            minute.least_offset_ms = min(each for each in offsets if each is not None)


def _over(old: DeviceReport, new: DeviceReport) -> DeviceReport:
    """Return what is known by now: what the newer report does not tell, the older one does."""
    changes: dict[str, Any] = {}
    if new.time is None:
        names = ("type", "time", "recorded", "offset_ms", "preview", "records")
        changes |= {name: getattr(old, name) for name in names}
    if new.clock_offset_ms is None:
        changes["clock_offset_ms"] = old.clock_offset_ms
    if new.refused is None:
        changes |= {name: getattr(old, name) for name in ("refused", "field", "title")}
    return replace(new, **changes)


def hour_of(device: Device, now_ms: int) -> DeviceMinute:
    """Return the sums of a device's last hour."""
    since_ms = now_ms - DEVICE_MINUTES * MINUTE_MS
    total = DeviceMinute(since_ms - since_ms % SECOND_MS)
    for minute in device.minutes:
        if minute.minute_ms < since_ms:
            continue
        total.accepted += minute.accepted
        total.rejected += minute.rejected
        total.reads += minute.reads
        total.unread += minute.unread
        total.confidence += minute.confidence
        offsets = (total.least_offset_ms, minute.least_offset_ms)
        total.least_offset_ms = min((each for each in offsets if each is not None), default=None)
    return total
