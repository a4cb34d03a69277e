"""Where each vehicle was read lately: its sure readings of some days, packed small.

A reading is 14 bytes and its event's id; what cameras and looks repeat stands in tables. A vehicle
is one entry in a packed table, newest reading first, so that the usual reading is put before the
rest without a look at it. What a batch adds leaves as one record of the state; a record is dropped
when all in it is too old to be near any reading that may still come.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from struct import Struct as Layout
from typing import Final

import msgspec
from msgspec import Struct

from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, parse_ms
from services.alerts.engine.decode import Hit, Scan
from services.alerts.engine.packed_table import PackedTable

# Readings accepted later than this after they happened are no part of any track.
LATE_MS: Final = 72 * HOUR_MS
# Two readings further apart than this are never compared (domain: D30, window of 24 h).
LONGEST_REACH_MS: Final = DAY_MS
KEEP_MS: Final = LATE_MS + LONGEST_REACH_MS
# A vehicle's readings beyond this many: the oldest leave.
MOST_READS: Final = 64
# A track of so many bytes is looked through for readings too many.
_LONG: Final = 4096
# A sweep looks at one of so many parts of the vehicles.
_PARTS: Final = 24
# How many different cameras, and looks of vehicles, a partition can tell apart.
MOST_NAMES: Final = 1 << 16

# Time in ms, camera and weakness in one number; looks; lateness in minutes; length of the id.
_LAYOUT: Final = Layout(">QHHH")
_pack_head = _LAYOUT.pack
_unpack_head = _LAYOUT.unpack_from
_HEAD: Final = _LAYOUT.size
_TIME_SHIFT: Final = 17
_CAMERAS: Final = MOST_NAMES - 1
_END_MS: Final = 1 << 64 - _TIME_SHIFT

Looks = tuple[str | None, str | None, str | None]
NO_LOOKS: Final[Looks] = (None, None, None)


class Camera(Struct, frozen=True, array_like=True):
    """What readings of one source at one site have in common."""

    source: str
    site: str
    type: str


class Trace(Struct, frozen=True):
    """One reading in a track. `late_min` are whole minutes, rounded up; `looks` are the colour of
    the plate, the type and the colour of the vehicle. A weak one only says that somebody passed."""

    time_ms: int
    camera: Camera
    looks: Looks
    late_min: int
    id: str
    weak: bool

    @property
    def recorded_ms(self) -> int:
        """When it was accepted, never before it was: up to a minute later."""
        return self.time_ms + self.late_min * MINUTE_MS


class Chunk(Struct, array_like=True):
    """What one batch added, and the events (source, id) that do not count any more since then.

    The names are those of the readings in it, by their numbers.
    """

    clock_ms: int
    cameras: dict[int, Camera]
    looks: dict[int, Looks]
    plates: list[str]
    reads: list[bytes]
    gone: list[tuple[str, str]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Chunk).decode


class Tracks:
    """The tracks of one partition's vehicles, by the hash of the plate."""

    def __init__(self) -> None:
        self._tracks = PackedTable()
        self._cameras: dict[Camera, int] = {}
        self._cameras_by_number: list[Camera] = []
        self._looks: dict[Looks, int] = {NO_LOOKS: 0}
        self._looks_by_number: list[Looks] = [NO_LOOKS]
        self._chunks: deque[tuple[int, int]] = deque()
        self._next_chunk = 0
        self._plates: list[str] = []
        self._reads: list[bytes] = []
        # Events that were corrected, and when: there are few, so that nobody looks for their reads.
        self._gone: dict[tuple[str, str], int] = {}
        self._gone_since: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._tracks)

    # Names.

    def camera(self, source: str, site: str, event_type: str) -> int | None:
        """Return the number of a camera, None where there is no room for another one."""
        camera = Camera(source, site, event_type)
        number = self._cameras.get(camera)
        if number is None and len(self._cameras) < MOST_NAMES:
            number = self._cameras[camera] = len(self._cameras)
            self._cameras_by_number.append(camera)
        return number

    def _look(self, looks: Looks) -> int:
        number = self._looks.get(looks)
        if number is None:
            if len(self._looks) >= MOST_NAMES:
                return 0
            number = self._looks[looks] = len(self._looks)
            self._looks_by_number.append(looks)
        return number

    # What comes in.

    def add(
        self,
        event: Hit | Scan,
        plate: str,
        camera: int,
        weak: bool,
        reach_ms: int,
        limits: dict[int, int],
        limit: Callable[[int], int],
    ) -> tuple[Trace, list[Trace]] | None:
        """Add a reading; return it with those of its vehicle within reach, in order of time, where
        somebody has to look at them: one is nearer in time than its limit, or is later.

        `limits` are ms by the numbers of two cameras (`sites`), the earlier first; `limit`
        puts in what is missing. A reading that is on record already is not added again.
        """
        time, recorded = event.time, event.recordedtime
        time_ms, late_min = parse_ms(time), 0
        if recorded > time:
            late_min = 1
            if recorded[:16] != time[:16]:
                late_min = -((time_ms - parse_ms(recorded)) // MINUTE_MS)
                if late_min * MINUTE_MS > LATE_MS:
                    return None
        if not 0 <= time_ms < _END_MS:
            return None
        data = event.data
        body, colour, looks = data.vehicle, data.plate_colour, 0
        if body is not None or colour is not None:
            seen = (colour, body.type, body.colour) if body is not None else (colour, None, None)
            looks = self._look(seen)
        name = event.id.encode()
        number = time_ms << _TIME_SHIFT | camera << 1 | weak
        read = _pack_head(number, looks, late_min, len(name)) + name
        key = hash(plate)
        track = self._tracks.get(key)
        place, size, near = 0, len(track), False
        while place < size:
            other, _, _, length = _unpack_head(track, place)
            apart_ms = time_ms - (other >> _TIME_SHIFT)
            if apart_ms >= reach_ms:
                break
            other = other >> 1 & _CAMERAS
            if other != camera:
                pair = other << 16 | camera
                least_ms = limits.get(pair)
                if least_ms is None:
                    least_ms = limit(pair)
                near = apart_ms < least_ms
            if near or apart_ms <= 0:
                return self._look_around(key, read, plate, reach_ms)
            place += _HEAD + length
        if size >= _LONG:
            track = b"".join(_split(track)[: MOST_READS - 1])
        self._tracks.put(key, read + track)
        self._plates.append(plate)
        self._reads.append(read)
        return None

    def _look_around(
        self, key: int, read: bytes, plate: str, reach_ms: int
    ) -> tuple[Trace, list[Trace]] | None:
        """Put a reading into its place; return it with those around it."""
        reads = _split(self._tracks.get(key))
        if read in reads:
            return None
        time_ms = _time_ms(read)
        near = [each for each in reads if abs(_time_ms(each) - time_ms) < reach_ms]
        reads.append(read)
        reads.sort(reverse=True)
        self._tracks.put(key, b"".join(reads[:MOST_READS]))
        self._plates.append(plate)
        self._reads.append(read)
        traces = self._traces(near)
        traces.sort(key=lambda trace: (trace.time_ms, trace.camera.source, trace.id))
        return self._trace(read), traces

    def sites(self, pair: int) -> tuple[str, str]:
        """Return the sites of the two cameras of a pair."""
        before, after = divmod(pair, MOST_NAMES)
        return self._cameras_by_number[before].site, self._cameras_by_number[after].site

    def of(self, plate: str) -> list[Trace]:
        """Return a vehicle's readings in order of time."""
        return self._traces(reversed(_split(self._tracks.get(hash(plate)))))

    def take_out(self, source: str, event_id: str, clock_ms: int) -> None:
        """Let an event count no more."""
        self._gone[source, event_id] = clock_ms
        self._gone_since.append((source, event_id))

    def _traces(self, reads: Iterable[bytes]) -> list[Trace]:
        traces = [self._trace(read) for read in reads]
        return [each for each in traces if (each.camera.source, each.id) not in self._gone]

    def _trace(self, read: bytes) -> Trace:
        number, looks, late_min, _ = _unpack_head(read)
        return Trace(
            number >> _TIME_SHIFT,
            self._cameras_by_number[number >> 1 & _CAMERAS],
            self._looks_by_number[looks],
            late_min,
            read[_HEAD:].decode(),
            bool(number & 1),
        )

    # What is kept of it.

    @property
    def unsaved(self) -> bool:
        """Tell whether anything was added since the last batch was closed."""
        return bool(self._reads or self._gone_since)

    def close_batch(self, clock_ms: int) -> tuple[int, bytes] | None:
        """Return the number and the bytes of what was added since the last batch, if anything."""
        if not self.unsaved:
            return None
        cameras: dict[int, Camera] = {}
        looks: dict[int, Looks] = {}
        for read in self._reads:
            number, look, _, _ = _unpack_head(read)
            camera = number >> 1 & _CAMERAS
            cameras[camera] = self._cameras_by_number[camera]
            looks[look] = self._looks_by_number[look]
        chunk = _encode(
            Chunk(clock_ms, cameras, looks, self._plates, self._reads, self._gone_since)
        )
        self._plates, self._reads, self._gone_since = [], [], []
        number = self._next_chunk
        self._next_chunk += 1
        self._chunks.append((clock_ms, number))
        return number, chunk

    def load(self, number: int, value: bytes) -> None:
        """Take a chunk back from the state; chunks may come in any order."""
        chunk = _decode(value)
        self._chunks.append((chunk.clock_ms, number))
        self._next_chunk = max(self._next_chunk, number + 1)
        self._gone.update(dict.fromkeys(chunk.gone, chunk.clock_ms))
        cameras = {
            each: self.camera(*msgspec.structs.astuple(camera))
            for each, camera in chunk.cameras.items()
        }
        looks = {each: self._look(what) for each, what in chunk.looks.items()}
        for plate, read in zip(chunk.plates, chunk.reads, strict=True):
            number, look, late_min, length = _unpack_head(read)
            camera = cameras[number >> 1 & _CAMERAS]
            if camera is None:
                continue
            number = number >> _TIME_SHIFT << _TIME_SHIFT | camera << 1 | number & 1
            read = _pack_head(number, looks[look], late_min, length) + read[_HEAD:]
            key = hash(plate)
            self._tracks.put(key, read + self._tracks.get(key))

    def loaded(self) -> None:
        """Put chunks and readings in order when all are there."""
        self._chunks = deque(sorted(self._chunks))
        self._tracks.rewrite(
            lambda track: b"".join(sorted(_split(track), reverse=True)[:MOST_READS])
        )

    def expire(self, clock_ms: int, reach_ms: int) -> list[int]:
        """Forget what no reading to come can be near to, once a day for each vehicle; return the
        numbers of the chunks that are gone. It is called once an hour."""
        gone: list[int] = []
        while self._chunks and self._chunks[0][0] + KEEP_MS < clock_ms:
            gone.append(self._chunks.popleft()[1])
        for event, since_ms in list(self._gone.items()):
            if since_ms + KEEP_MS < clock_ms:
                del self._gone[event]
        oldest_ms = clock_ms - LATE_MS - reach_ms
        self._tracks.rewrite(
            lambda track: _since(track, oldest_ms), clock_ms // HOUR_MS % _PARTS, _PARTS
        )
        return gone


def _time_ms(read: bytes) -> int:
    return int.from_bytes(read[:8], "big") >> _TIME_SHIFT


def _split(track: bytes) -> list[bytes]:
    """Return the readings of a track one by one, the newest first."""
    return list(_reads(track))


def _since(track: bytes, oldest_ms: int) -> bytes:
    """Return a track without the readings that are older; the newest stand first."""
    end = 0
    for read in _reads(track):
        if _time_ms(read) < oldest_ms:
            break
        end += len(read)
    return track[:end]


def _reads(track: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(track):
        end = place + _HEAD + int.from_bytes(track[place + _HEAD - 2 : place + _HEAD], "big")
        yield track[place:end]
        place = end


def chunk_key(number: int) -> bytes:
    """Return the state key of a chunk."""
    return f"y{number:020d}".encode()
