"""The stage of D34's temperatures: one device's readings, which come from every partition."""

from bisect import bisect_left

from rules import read_quality
from rules.facts import NEWEST
from rules.read_quality import LONGEST_WINDOW, Reading, Span, Window
from rules.registers import Registers
from schemas.joins import DeviceBias, TemperatureRead
from schemas.times import HOUR_MS
from services.alerts.engine.book import Book
from services.alerts.engine.findings import LATE_MS, Findings

_RULE = read_quality.RULE


class _Device:
    """A device's readings in order, and for each of them the biased window that it ends."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.windows: list[Window | None] = []


class Thermometers:
    """The devices of one partition. Readings are kept as long as late ones may change windows."""

    def __init__(self, book: Book, registers: Registers, findings: Findings) -> None:
        self._book = book
        self._registers = registers
        self._findings = findings
        self._devices: dict[str, _Device] = {}

    def take(self, read: TemperatureRead) -> DeviceBias | None:
        """Take a reading in; return what every partition has to know, if that changed."""
        device = self._device(read.source)
        reading = Reading(
            read.time_ms, read.id, read.temperature, read.recorded_ms, read.site, read.of
        )
        kept = self._book.readings.setdefault(read.source, {})
        place = f"{reading.time_ms}/{reading.id}"
        if place in kept:
            return None
        kept[place] = reading
        self._book.changed.add(("t", read.source, place))
        before = self._spans(read.source, device)
        at = bisect_left(device.readings, reading)
        device.readings.insert(at, reading)
        device.windows.insert(at, None)
        for last in range(at, min(at + LONGEST_WINDOW, len(device.readings))):
            device.windows[last] = self._window(device, last)
        after = self._spans(read.source, device)
        if not before and not after:
            return None
        self._tell_operators(read.source, device)
        if after == before:
            return None
        return DeviceBias(source=read.source, since_ms=self._since_ms(read.source), spans=after)

    def take_out(self, source: str, ids: frozenset[str]) -> DeviceBias | None:
        """Take out the reading that an event was; return what every partition has to know."""
        kept = self._book.readings.get(source, {})
        gone = [place for place, reading in kept.items() if reading.id in ids]
        if not gone:
            return None
        before = self._spans(source, self._device(source))
        for place in gone:
            del kept[place]
            self._book.changed.add(("t", source, place))
        del self._devices[source]
        device = self._device(source)
        after = self._spans(source, device)
        self._tell_operators(source, device)
        if after == before:
            return None
        return DeviceBias(source=source, since_ms=self._since_ms(source), spans=after)

    def _device(self, source: str) -> _Device:
        device = self._devices.get(source)
        if device is None:
            device = self._devices[source] = _Device()
            device.readings = sorted(self._book.readings.get(source, {}).values())
            for last in range(len(device.readings)):
                device.windows.append(self._window(device, last))
        return device

    def _window(self, device: _Device, last: int) -> Window | None:
        reading = device.readings[last]
        parameters, policy = self._registers.policy(
            _RULE.name, reading.time_ms, reading.recorded_ms
        )
        return read_quality.window(device.readings, last, parameters, policy)

    def _since_ms(self, source: str) -> int:
        return self._book.horizons.get(source, -NEWEST)

    def _spans(self, source: str, device: _Device) -> list[Span]:
        if not any(device.windows):
            return []
        since_ms = self._since_ms(source)
        return [
            (max(first_ms, since_ms), last_ms)
            for first_ms, last_ms in read_quality.spans(device.readings, device.windows)
            if last_ms >= since_ms
        ]

    def _tell_operators(self, source: str, device: _Device) -> None:
        since_ms = self._since_ms(source)
        first = bisect_left(device.readings, since_ms, key=lambda reading: reading.time_ms)
        matches = read_quality.matches(source, device.readings[first:], device.windows[first:])
        self._findings.replace(_RULE, source, "source", source, matches, since_ms)

    def forget(self, clock_ms: int) -> None:
        """Drop readings that no window of a reading in time can reach."""
        oldest_ms = clock_ms - LATE_MS
        # Where one hour of a biased device is cut in two, its alert would get a second match.
        oldest_ms -= oldest_ms % HOUR_MS
        for source in sorted(self._book.readings):
            device = self._device(source)
            old = bisect_left(device.readings, oldest_ms, key=lambda reading: reading.time_ms)
            # A whole window stays, which tells whether the device still is biased.
            gone = old - LONGEST_WINDOW
            if gone <= 0:
                continue
            for reading in device.readings[:gone]:
                place = f"{reading.time_ms}/{reading.id}"
                del self._book.readings[source][place]
                self._book.changed.add(("t", source, place))
            del device.readings[:gone], device.windows[:gone]
            self._book.horizons[source] = oldest_ms
            self._book.changed.add(("p", source))
