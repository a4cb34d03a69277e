"""Who arrived by a transfer: from then on the zone of their order is another (decision 0022).

Ingest writes every report of an arrival a second time, into a topic of its own that holds little
else, so that each of its processes knows of all of them, and after a restart too. Here they take
effect on the registers that decisions rest on, as the worker lets them.
"""

from collections import defaultdict
from typing import Final

import msgspec
from msgspec import Struct

from rules.facts import ARCHIVE_MS
from rules.registers import Registers
from schemas.events import TRANSFER_ARRIVAL, EventKind, TransferArrival
from schemas.times import MINUTE_MS, parse_ms

# What lies further ahead the worker holds aside (contracts: Lateness).
_AHEAD_MS: Final = 5 * MINUTE_MS
# A report: its source and id.
_Report = tuple[str, str]
# When somebody arrived and when that was recorded, ms UTC.
_When = tuple[int, int]


class _Copy(Struct):
    """What has to be known of a report; of a correction the data may be anything."""

    source: str
    id: str
    type: str
    time: str
    data: msgspec.Raw
    recordedtime: str | None = None
    corrects: str | None = None


_decode = msgspec.json.Decoder(_Copy).decode
_decode_arrival = msgspec.json.Decoder(TransferArrival).decode


def concerns(kind: EventKind, corrects: str | None) -> bool:
    """Tell whether an event is copied: an arrival, or a report that may take one back."""
    return kind == TRANSFER_ARRIVAL or (
        corrects is not None and kind.topic == TRANSFER_ARRIVAL.topic
    )


class Arrivals:
    """The arrivals by transfer that were reported, and the registers on which they act."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._reports: dict[_Report, tuple[str, list[str], _When]] = {}
        self._corrected: set[_Report] = set()
        # By person and transfer, the reports.
        self._arrived: dict[tuple[str, str], set[_Report]] = defaultdict(set)

    def apply(self, value: bytes) -> None:
        """Take in one record. Raises one of rules.registers.UNREADABLE for what is no event."""
        event = _decode(value)
        recorded_ms, time_ms = parse_ms(event.recordedtime or event.time), parse_ms(event.time)
        report = (event.source, event.id)
        if event.corrects is not None and event.corrects != event.id:
            replaced = (event.source, event.corrects)
            self._corrected.add(replaced)
            self._take_back(replaced)
        is_sound = -_AHEAD_MS <= recorded_ms - time_ms <= ARCHIVE_MS
        if event.type != TRANSFER_ARRIVAL.type or report in self._corrected or not is_sound:
            return
        said = _decode_arrival(event.data)
        persons = [who.person for who in said.persons if who.person]
        self._reports[report] = (said.transfer, persons, (time_ms, recorded_ms))
        # A decision knows what was read before it, whichever clock is ahead.
        self._registers.newest_ms = max(self._registers.newest_ms, recorded_ms)
        for person in persons:
            self._arrived[person, said.transfer].add(report)
            self._move(person, said.transfer)

    def _take_back(self, report: _Report) -> None:
        gone = self._reports.pop(report, None)
        if gone is not None:
            transfer, persons, _ = gone
            for person in persons:
                self._arrived[person, transfer].discard(report)
                self._move(person, transfer)

    def _move(self, person: str, transfer: str) -> None:
        whens = [self._reports[each][2] for each in self._arrived[person, transfer]]
        when = None
        if whens:
            when = min(time_ms for time_ms, _ in whens), min(known_ms for _, known_ms in whens)
        self._registers.arrive(person, transfer, when)
