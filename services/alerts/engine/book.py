"""All state of one partition, and the records in which it is kept.

Each piece of state is one record of the compacted state topic (and of the local store): a key
with a one-letter prefix and packed bytes, None for a piece that is gone. The marker of the next
offsets travels with them in one transaction, so state and position never part.
"""

from collections import defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush

import msgspec
from msgspec import Struct

from rules.read_quality import Reading, Span
from schemas.alerts import Subject
from schemas.joins import Fact
from schemas.persons import label, plate_label
from schemas.times import parse_ms
from services.alerts.engine.counted import Counted, Shard
from services.alerts.engine.decode import Hit, PersonSeen, Scan
from services.alerts.engine.episodes import History
from services.alerts.engine.identities import Identities
from services.alerts.engine.sightings import Established, Group
from services.alerts.engine.tracks import Tracks

Change = tuple[bytes, bytes | None]
Waiting = Hit | Scan | PersonSeen

MARKER = b"!next"
NO_TIME = "0000-00-00T00:00:00.000Z"
_pack = msgspec.msgpack.Encoder().encode
_unpack_history = msgspec.msgpack.Decoder(History).decode
_unpack_group = msgspec.msgpack.Decoder(Group).decode
_unpack_reading = msgspec.msgpack.Decoder(Reading).decode
_unpack_spans = msgspec.msgpack.Decoder(list[Span]).decode
_unpack_fact = msgspec.msgpack.Decoder(Fact).decode
_BY_TYPE: dict[str, type[Waiting]] = {
    "cordon.plate-hit.v1": Hit,
    "cordon.checkpoint-scan.v1": Scan,
    "cordon.health-check.v1": PersonSeen,
}


# A rule's name, and the key of one of its dossiers.
DossierId = tuple[str, str]


class Held(Struct):
    """What came of a dossier: the alerts by dedupe key as (kind, who), what was kept from being
    one and by what, and the conditions that were told. From `settled_ms` on it may change.
    `passed` are facts for other dossiers, with their rules and keys."""

    alerts: dict[str, tuple[str, str]]
    kept: list[tuple[str, Fact]]
    told: dict[str, list[tuple[int, int]]]
    settled_ms: int = -(1 << 62)
    passed: list[tuple[str, str, Fact]] = []


_unpack_shard = msgspec.msgpack.Decoder(Shard).decode
_unpack_held = msgspec.msgpack.Decoder(Held).decode


class Marker(Struct):
    """Where a partition stands: the next offset of each topic, the clock, and the joint clock, ms
    UTC (None = it was written by a version that had none)."""

    next_offsets: dict[str, int]
    clock: str
    joint_ms: int | None = None


class Book:
    """The state of one partition. Whoever changes a piece names its key in `changed`."""

    def __init__(self) -> None:
        # Before any event it stands at no instant.
        self.clock = NO_TIME
        # How far all partitions have come, and what each other one told of it (clocks.py).
        self.joint_ms = 0
        self.clocks: dict[int, list[int]] = {}
        self.identities = Identities()
        self.tracks = Tracks()
        self.established: dict[str, Established] = {}
        self.groups: dict[str, Group] = {}
        self.histories: dict[tuple[str, str], History] = {}
        self.by_order: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.by_subject: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.waiting: dict[str, dict[str, Waiting]] = {}
        # By person, packed: most of them are seen once and never looked at again.
        self.checks: dict[str, bytes] = {}
        self.readings: dict[str, dict[str, Reading]] = {}
        self.horizons: dict[str, int] = {}
        self.biased: dict[str, list[Span]] = {}
        self.facts: dict[DossierId, dict[tuple[int, str, str], Fact]] = {}
        self.held: dict[DossierId, Held] = {}
        self.conditions: dict[tuple[str, str], list[Span]] = {}
        self.counted = Counted()
        self.deadlines: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self.changed: set[tuple[str, ...]] = set()

    @property
    def clock_ms(self) -> int:
        """The clock in ms UTC, 0 before any event."""
        return 0 if self.clock == NO_TIME else parse_ms(self.clock)

    def region(self, region: str) -> Established:
        """Return the table of a region, made on first use."""
        return self.established.setdefault(region, Established())

    def history(self, rule: str, dedupe: str, kind: str, who: str) -> History:
        """Return the history of a dedupe key, made on first use for a plate, person or source."""
        history = self.histories.get((rule, dedupe))
        if history is None:
            history = History(rule, dedupe, _subject(kind, who), [], {}, {}, 0)
            self.histories[rule, dedupe] = history
            self.by_subject[who].add((rule, dedupe))
        return history

    def forget_history(self, key: tuple[str, str]) -> None:
        """Drop a history whose alerts no event can change any more."""
        history = self.histories.pop(key)
        for match in history.matches:
            if match.order is not None:
                self.by_order[match.order].discard(key)
        self.by_subject[who_of(history)].discard(key)
        self.changed.add(("h", *key))

    def schedule(self, key: str, due_ms: int | None) -> None:
        """Set, move or cancel a deadline."""
        if self.deadlines.get(key) == due_ms:
            return
        self.changed.add(("d", key))
        if due_ms is None:
            self.deadlines.pop(key, None)
            return
        self.deadlines[key] = due_ms
        heappush(self._heap, (due_ms, key))

    def next_due_ms(self) -> int | None:
        """Return when the next deadline is due."""
        while self._heap and self.deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self) -> str:
        """Take the next deadline off; `next_due_ms` has said that there is one."""
        _, key = heappop(self._heap)
        del self.deadlines[key]
        self.changed.add(("d", key))
        return key

    def wait(self, site: str, identity: str, event: Waiting) -> None:
        """Keep an event of a site that is not filed."""
        self.waiting.setdefault(site, {})[identity] = event
        self.changed.add(("w", site, identity))

    def mark(self, at_ms: int, *marks: bytes) -> None:
        """Remember marks until a day after an instant, which all partitions have to reach."""
        self.changed.add(("m", self.identities.mark(b"".join(marks), at_ms).hex()))

    def forget_marks(self, joint_ms: int) -> None:
        """Drop the marks of what nobody can tell of any more."""
        self.changed |= {("m", name.hex()) for name in self.identities.expire_marks(joint_ms)}

    def stop_waiting(self, site: str, identity: str) -> Waiting:
        """Take an event back."""
        events = self.waiting[site]
        event = events.pop(identity)
        if not events:
            del self.waiting[site]
        self.changed.add(("w", site, identity))
        return event

    @property
    def has_changed(self) -> bool:
        """Tell whether anything changed since the last dump."""
        return (
            bool(self.changed)
            or self.tracks.unsaved
            or any(table.changed for table in self.established.values())
        )

    def dump(self, next_offsets: dict[str, int]) -> list[Change]:
        """Return the records of all that changed since the last dump, the marker last."""
        changes = [(self._key(each), self._value(each)) for each in sorted(self.changed)]
        for region, table in self.established.items():
            changes += table.dump(region)
        changes.append((MARKER, _pack(Marker(next_offsets, self.clock, self.joint_ms))))
        self.changed.clear()
        return changes

    @staticmethod
    def _key(name: tuple[str, ...]) -> bytes:
        return (name[0] + "\0".join(name[1:])).encode()

    def _value(self, name: tuple[str, ...]) -> bytes | None:
        match name:
            case ("g", fold):
                group = self.groups.get(fold)
                return None if group is None else _pack(group)
            case ("h", rule, dedupe):
                history = self.histories.get((rule, dedupe))
                return None if history is None else _pack(history)
            case ("d", key):
                due_ms = self.deadlines.get(key)
                return None if due_ms is None else due_ms.to_bytes(8, "big")
            case ("w", site, identity):
                event = self.waiting.get(site, {}).get(identity)
                return None if event is None else _pack(event)
            case ("c", person):
                return self.checks.get(person)
            case ("t", source, place):
                reading = self.readings.get(source, {}).get(place)
                return None if reading is None else _pack(reading)
            case ("p", source):
                return self.horizons[source].to_bytes(8, "big", signed=True)
            case ("b", source):
                return _pack(self.biased[source])
            case ("f", rule, key, time_ms, source, event_id):
                facts = self.facts.get((rule, key), {})
                fact = facts.get((int(time_ms), source, event_id))
                return None if fact is None else _pack(fact)
            case ("o", rule, key):
                held = self.held.get((rule, key))
                return None if held is None else _pack(held)
            case ("k", kind, subject):
                spans = self.conditions.get((kind, subject))
                return None if spans is None else _pack(spans)
            case ("n", number):
                return _pack(self.counted.shards[int(number)])
            case ("m", mark):
                marked = self.identities.marked(bytes.fromhex(mark))
                return None if marked is None else marked[0].to_bytes(8, "big") + marked[1]
            case ("q", partition):
                return _pack(self.clocks[int(partition)])
        raise AssertionError(f"no such piece of state: {name}")

    def load(self, records: Iterable[tuple[bytes, bytes]]) -> Marker | None:
        """Take the state back from its newest records, in any order; return the marker."""
        marker: Marker | None = None
        for key, value in records:
            if key == MARKER:
                marker = msgspec.msgpack.decode(value, type=Marker)
                self.clock = marker.clock
                self.joint_ms = self.clock_ms if marker.joint_ms is None else marker.joint_ms
                continue
            prefix, parts = key[:1], key[1:].decode().split("\0")
            if prefix == b"s":
                self.region(parts[0]).load(parts[1], int.from_bytes(value, "big"))
            elif prefix == b"i":
                self.identities.load(int(parts[0]), value)
            elif prefix == b"y":
                self.tracks.load(int(parts[0]), value)
            elif prefix == b"g":
                self.groups[parts[0]] = _unpack_group(value)
            elif prefix == b"h":
                history = _unpack_history(value)
                self.histories[history.rule, history.dedupe] = history
                self.by_subject[who_of(history)].add((history.rule, history.dedupe))
                for match in history.matches:
                    if match.order is not None:
                        self.by_order[match.order].add((history.rule, history.dedupe))
            elif prefix == b"d":
                due_ms = int.from_bytes(value, "big")
                self.deadlines[parts[0]] = due_ms
                self._heap.append((due_ms, parts[0]))
            elif prefix == b"w":
                kind = _BY_TYPE[msgspec.msgpack.decode(value)["type"]]
                event = msgspec.msgpack.decode(value, type=kind)
                self.waiting.setdefault(parts[0], {})[parts[1]] = event
            elif prefix == b"c":
                self.checks[parts[0]] = value
            elif prefix == b"t":
                self.readings.setdefault(parts[0], {})[parts[1]] = _unpack_reading(value)
            elif prefix == b"p":
                self.horizons[parts[0]] = int.from_bytes(value, "big", signed=True)
            elif prefix == b"b":
                self.biased[parts[0]] = _unpack_spans(value)
            elif prefix == b"f":
                fact = _unpack_fact(value)
                self.facts.setdefault((parts[0], parts[1]), {})[fact.place] = fact
            elif prefix == b"o":
                self.held[parts[0], parts[1]] = _unpack_held(value)
            elif prefix == b"n":
                self.counted.load(int(parts[0]), _unpack_shard(value))
            elif prefix == b"m":
                self.identities.mark(value[8:], int.from_bytes(value[:8], "big"))
            elif prefix == b"q":
                self.clocks[int(parts[0])] = msgspec.msgpack.decode(value, type=list[int])
            elif prefix == b"k":
                self.conditions[parts[0], parts[1]] = _unpack_spans(value)
        heapify(self._heap)
        self.identities.loaded()
        self.tracks.loaded()
        return marker


def who_of(history: History) -> str:
    """Return the plate, person or source that a history is about."""
    kind = history.subject.kind
    return history.subject.key.removeprefix(f"{kind}:" if kind != "person" else "")


def _subject(kind: str, who: str) -> Subject:
    if kind == "person":
        return Subject(kind, who, label(who))
    # A household that nobody filed is known by the vehicle that it came in: household:vehicle:….
    plate = who if kind == "vehicle" else who.partition("vehicle:")[2]
    # A vehicle of which no plate was read goes by its looks, `type/colour`: nothing to mask.
    masked = plate and "/" not in plate
    return Subject(kind, f"{kind}:{who}", plate_label(plate) if masked else who)


def identity_key(number: int) -> bytes:
    """Return the state key of a chunk of identities."""
    return f"i{number:020d}".encode()
