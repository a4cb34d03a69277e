"""The stage of rules about vehicles on their way: which readings become facts in their dossiers.

Nearly every reading is only put into its vehicle's track (tracks.py). It becomes a fact where it
contradicts another one (D30), where a checkpoint on the way is missing (D29), where a register
names its plate (D01b, D02, D15, D39), and where a stranger is read at a community's gate (D20).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from math import ceil
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from rules import (
    checkpoint_bypass,
    cloned_plate,
    downstream_warning,
    fuzzy_plate_hit,
    green_channel_deviation,
    overnight_stay,
    transfer_not_arrived,
)
from rules.facts import NEWEST
from rules.registers import Change, Registers
from rules.travel import FASTEST_M_S, longest_s, place_of
from rules.zone_geometry import metres
from schemas.confusion import neighbours
from schemas.joins import Fact
from schemas.registers import Position
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, parse_ms
from services.alerts.engine.book import Book, DossierId
from services.alerts.engine.decode import Hit, Scan, SeenPlate
from services.alerts.engine.dossiers import Dossiers
from services.alerts.engine.tracks import LONGEST_REACH_MS, Trace

# Readings of less confidence are in no track, but for those at a mandatory checkpoint (domain:
# D30, both confidences).
SURE: Final = 0.95
# Of a longer watch list no look-alikes are looked for (domain: D02).
MOST_WATCHED: Final = 10_000
# A stranger's readings elsewhere are looked for as long as its stay is followed.
FOLLOWED_MS: Final = 72 * HOUR_MS

_BYPASS, _CLONE, _STAY = checkpoint_bypass.NAME, cloned_plate.NAME, overnight_stay.NAME
# What a change of which lets a way between two sites be measured anew.
_WAYS: Final = frozenset(("site", "route", "policy"))


class Point(Struct, frozen=True):
    """What is known of the readings of one source at a site; `camera` None = in no track."""

    site: str
    type: str
    camera: int | None
    mandatory: bool
    community: bool


class Way(Struct, frozen=True):
    """From one site to another: nearer in time is a contradiction, and what lies between."""

    least_ms: float
    gates: frozenset[str]


class Passages:
    """The readings of one partition's vehicles."""

    def __init__(
        self,
        book: Book,
        registers: Registers,
        dossiers: Dossiers,
        counts: Counter[str],
    ) -> None:
        self._book = book
        self._tracks = book.tracks
        self._registers = registers
        self._dossiers = dossiers
        self._counts = counts
        self._points: dict[str, Point] = {}
        self._ways: dict[tuple[str, str], Way] = {}
        # By pair of cameras, how near in time two readings have to be looked at, in ms.
        self._limits: dict[int, int] = {}
        self._tracked: frozenset[str] = frozenset()
        self._mandatory: frozenset[str] = frozenset()
        self._communities: frozenset[str] = frozenset()
        self._reach_ms = 0
        self._share = 1.0
        self._watched: set[str] = set()
        self._look_alikes: set[str] = set()
        self._channelled: set[str] = set()
        self._carrying: set[str] = set()
        # By plate, the dossiers that its readings are of use to.
        self._followed: dict[str, set[DossierId]] = defaultdict(set)
        self._marked: set[str] = set()
        self._measure()
        self._list()
        self._follow_all()

    # Registers.

    def review(self, changes: Iterable[Change]) -> None:
        """Take in changes of the registers."""
        registers = {change.register for change in changes}
        if registers & _WAYS:
            self._measure()
        if registers & {"watch-entry", "exemption", "transfer"}:
            self._list()

    def tracks_at(self, site_id: str) -> bool:
        """Tell whether readings at a site are put into tracks."""
        return site_id in self._tracked

    def _measure(self) -> None:
        """Look which sites lie where, and how far apart in time readings concern one another."""
        self._points.clear()
        self._ways.clear()
        self._limits.clear()
        sites: set[str] = set()
        mandatory: set[str] = set()
        communities: set[str] = set()
        positions: list[Position] = []
        for site in self._all("site"):
            if site.role == overnight_stay.ROLE:
                communities.add(site.id)
            if site.position is not None:
                sites.add(site.id)
                positions.append(site.position)
            if site.mandatory:
                mandatory.add(site.id)
        far_s = _far_s(positions)
        for route in self._all("route"):
            sites |= {route.from_, route.to, *(route.via or ())}
            far_s = max(far_s, route.min_s)
            if not mandatory.isdisjoint(route.via or ()):
                parameters, _ = self._registers.policy(_BYPASS, NEWEST, NEWEST)
                far_s = max(far_s, parameters["window_s"])
        self._tracked, self._mandatory = frozenset(sites), frozenset(mandatory)
        self._communities = frozenset(communities)
        self._reach_ms = min(LONGEST_REACH_MS, int(far_s * SECOND_MS))
        filed = [policy.rules.get(_CLONE, {}) for policy in self._all("policy")]
        share = cloned_plate.RULE.defaults["share"]
        self._share = max([share, *(each.get("share", share) for each in filed)])

    def _list(self) -> None:
        """Look which plates the registers name."""
        before = self._watched
        self._watched = {entry.subject for entry in self._all("watch-entry")}
        if len(self._registers.versions("watch-entry")) > MOST_WATCHED:
            self._look_alikes = set()
        else:
            # A list is filed entry by entry, so that only what is new is looked at.
            known = before if self._look_alikes else set()
            for subject in self._watched - known:
                if not subject.startswith("person:"):
                    self._look_alikes.update(neighbours(subject))
        self._channelled = {
            exempt.subject
            for exempt in self._all("exemption")
            if exempt.kind == "green-channel" and exempt.places
        }
        self._carrying = {span.entry.vehicle for span in self._all("transfer")} - {None}
        self._mark()

    def _all(self, register: str) -> Iterator[Any]:
        """Yield what every version of every entry of a register says."""
        for versions in self._registers.versions(register).values():
            for version in versions:
                if version.facts is not None:
                    yield version.facts

    @property
    def named(self) -> set[str]:
        """The plates of which every reading at any site has to come here."""
        return self._watched | self._look_alikes | self._channelled | self._carrying

    def _mark(self) -> None:
        self._marked = self.named | self._followed.keys()

    def _way(self, start: str, end: str) -> Way:
        """Return the way between two sites as any filing has it. The rules look which of them was
        filed by then, so that what comes in another order is looked at all the same."""
        way = self._ways.get((start, end))
        if way is None:
            both = {start, end}
            routes = [each for each in self._all("route") if {each.from_, each.to} == both]
            sites = {
                each: [v.facts for v in self._registers.versions_of("site", each) if v.facts]
                for each in both
            }
            way = self._ways[start, end] = Way(
                longest_s(routes, sites[start], sites[end]) * SECOND_MS * self._share,
                frozenset(gate for route in routes for gate in route.via or ()) & self._mandatory,
            )
        return way

    def _limit(self, pair: int) -> int:
        """Return how near in time readings of two cameras have to be looked at; note it."""
        before, after = self._tracks.sites(pair)
        way = self._way(before, after) if before != after else None
        limit_ms = 0
        if way is not None:
            limit_ms = self._reach_ms if way.gates else ceil(way.least_ms)
        self._limits[pair] = limit_ms
        return limit_ms

    # What comes in.

    def take(self, events: Iterable[Hit | Scan]) -> None:
        """Take in readings of plates at sites that are filed; one again changes nothing."""
        marked, points, reach_ms = self._marked, self._points, self._reach_ms
        add, limits, limit = self._tracks.add, self._limits, self._limit
        for event in events:
            data = event.data
            plate = data.plate
            assert plate is not None
            point = points.get(event.source)
            if point is None or point.site != data.site or point.type != event.type:
                point = points[event.source] = self._point(event)
            if plate in marked:
                self._take_marked(event, plate, point)
            if point.community:
                self._take_at_home(event, plate)
            if point.camera is None:
                continue
            confidence = data.confidence if isinstance(data, SeenPlate) else data.plate_confidence
            weak = confidence < SURE
            if weak and not point.mandatory:
                continue
            if point.mandatory and (_BYPASS, f"vehicle:{plate}") in self._book.facts:
                fact = _rounded(_fact(event), "weak" if weak else "")
                self._dossiers.file(_BYPASS, f"vehicle:{plate}", fact)
            found = add(event, plate, point.camera, weak, reach_ms, limits, limit)
            if found is not None and not weak:
                self._compare(plate, *found)

    def _point(self, event: Hit | Scan) -> Point:
        site_id = event.data.site
        camera = None
        if site_id in self._tracked:
            camera = self._tracks.camera(event.source, site_id, event.type)
            if camera is None:
                self._counts["cameras-beyond-number"] += 1
        return Point(
            site_id,
            event.type,
            camera,
            site_id in self._mandatory,
            site_id in self._communities,
        )

    # Plates that registers name.

    def _take_marked(self, event: Hit | Scan, plate: str, point: Point) -> None:
        key, fact = f"vehicle:{plate}", _fact(event)
        if plate in self._watched:
            self._dossiers.file(downstream_warning.NAME, key, fact)
        if plate in self._channelled:
            self._dossiers.file(green_channel_deviation.NAME, key, fact)
        if plate in self._carrying:
            self._dossiers.file(transfer_not_arrived.NAME, key, fact)
        if plate in self._look_alikes and not self._is_established(plate):
            doubtful = replace(fact, what=f"{fact.what}\n{_looks(event)}")
            self._dossiers.file(fuzzy_plate_hit.NAME, key, doubtful)
        if point.camera is None or plate not in self._followed:
            return
        for rule, other in sorted(self._followed[plate]):
            if rule == _BYPASS and point.mandatory:
                what = "" if fact.value >= SURE else "weak"
                self._dossiers.file(rule, other, _rounded(fact, what, plate))
            elif fact.value < SURE:
                continue
            elif rule == _CLONE:
                self._dossiers.file(rule, other, _rounded(fact, "", plate))
            elif rule == _STAY and not point.community:
                self._dossiers.file(rule, other, _rounded(fact, ""))

    def _is_established(self, plate: str) -> bool:
        return any(plate in table.days for table in self._book.established.values())

    def _take_at_home(self, event: Hit | Scan, plate: str) -> None:
        """File a reading at a community's gate of a vehicle that is at home nowhere here."""
        fact = _fact(event)
        if self._registers.resident(plate, fact.time_ms, NEWEST):
            return
        key = f"vehicle:{plate}"
        self._dossiers.file(_STAY, key, fact)
        # It may have been read elsewhere by now, though it was there later.
        for trace in self._tracks.of(plate):
            elsewhere = not trace.weak and trace.camera.site not in self._communities
            if elsewhere and 0 < trace.time_ms - fact.time_ms <= FOLLOWED_MS:
                self._dossiers.file(_STAY, key, _of_trace(trace, ""))
        self._follow(plate, (_STAY, key))

    # Tracks.

    def _compare(self, plate: str, read: Trace, near: list[Trace]) -> None:
        """Look at a reading together with those around it, which are in order of time."""
        key = f"vehicle:{plate}"
        for other in near:
            if other.weak or other.camera.site == read.camera.site:
                continue
            before, after = sorted((other, read), key=lambda each: each.time_ms)
            way = self._way(before.camera.site, after.camera.site)
            if after.time_ms - before.time_ms < way.least_ms:
                self._contradiction(plate, key, read, other)
            if way.gates:
                between = [each for each in near if before.time_ms <= each.time_ms <= after.time_ms]
                if not way.gates <= {each.camera.site for each in between}:
                    self._bypass(plate, key, before, after, near)

    def _contradiction(self, plate: str, key: str, *both: Trace) -> None:
        for trace in both:
            self._dossiers.file(_CLONE, key, _of_trace(trace, cloned_plate.looks(*trace.looks)))
        for alike in neighbours(plate):
            for trace in self._tracks.of(alike):
                if not trace.weak:
                    self._dossiers.file(_CLONE, key, _of_trace(trace, "", alike))
            self._follow(alike, (_CLONE, key))

    def _bypass(self, plate: str, key: str, before: Trace, after: Trace, near: list[Trace]) -> None:
        for trace in (before, after):
            self._dossiers.file(_BYPASS, key, _passed(trace))
        for trace in near:
            if trace.camera.site in self._mandatory:
                self._dossiers.file(_BYPASS, key, _passed(trace))
        for alike in neighbours(plate):
            for trace in self._tracks.of(alike):
                if trace.camera.site in self._mandatory:
                    self._dossiers.file(_BYPASS, key, _passed(trace, alike))
            self._follow(alike, (_BYPASS, key))

    # Plates whose readings are of use to a dossier.

    def _follow(self, plate: str, which: DossierId) -> None:
        self._followed[plate].add(which)
        self._marked.add(plate)

    def _follow_all(self) -> None:
        """Follow again what dossiers are there for."""
        self._followed.clear()
        for rule, key in self._book.facts:
            plate = key.partition(":")[2]
            if rule == _STAY:
                self._followed[plate].add((rule, key))
            elif rule in (_CLONE, _BYPASS):
                for alike in neighbours(plate):
                    self._followed[alike].add((rule, key))
        self._mark()

    def forget(self, clock_ms: int) -> list[int]:
        """Forget what nothing to come can be near to; return the numbers of chunks that are gone.

        It is called once an hour, after the dossiers have forgotten.
        """
        self._follow_all()
        # An entry may have begun or ended to hold since, and a source be gone.
        self._points.clear()
        self._ways.clear()
        self._limits.clear()
        return self._tracks.expire(clock_ms, self._reach_ms)


def _far_s(positions: list[Position]) -> float:
    """Return the longest that the way between two of some positions is taken to last, in s."""
    if not positions:
        return 0.0
    places = [place_of(position) for position in positions]
    lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
    return metres((min(lons), min(lats)), (max(lons), max(lats))) / FASTEST_M_S


def _confidence(event: Hit | Scan) -> float:
    data = event.data
    return data.confidence if isinstance(data, SeenPlate) else data.plate_confidence


def _looks(event: Hit | Scan) -> str:
    data = event.data
    body = data.vehicle
    return cloned_plate.looks(
        data.plate_colour, body.type if body else None, body.colour if body else None
    )


def _fact(event: Hit | Scan) -> Fact:
    """Return the fact of a reading as it was accepted; `what` is the direction."""
    return Fact(
        parse_ms(event.time),
        event.source,
        event.id,
        parse_ms(event.recordedtime),
        event.type,
        event.data.site,
        what=event.data.direction,
        value=_confidence(event),
        proof="vehicle",
    )


def _rounded(fact: Fact, what: str, who: str = "") -> Fact:
    """Return a fact as a trace of it would give it, so that it is the same from either."""
    late_min = max(0, -((fact.time_ms - fact.recorded_ms) // MINUTE_MS))
    recorded_ms = fact.time_ms + late_min * MINUTE_MS
    return replace(fact, recorded_ms=recorded_ms, what=what, who=who, value=SURE)


def _of_trace(trace: Trace, what: str, who: str = "") -> Fact:
    camera = trace.camera
    return Fact(
        trace.time_ms,
        camera.source,
        trace.id,
        trace.recorded_ms,
        camera.type,
        camera.site,
        what=what,
        who=who,
        value=SURE,
        proof="vehicle",
    )


def _passed(trace: Trace, who: str = "") -> Fact:
    return _of_trace(trace, "weak" if trace.weak else "", who)
