"""D18 first-seen-vehicle, 初次入城车辆: an unknown plate enters the region and stays about.

Readings become **passages** first: readings of look-alike plates by one source at one site, each
within `passage_s` of the one before. Previews do not count. The most confident reading gives the
plate and the direction.

A **visit** begins with a passage that

1. goes `in` at a site of role `boundary` that is not warming (`warm_until`);
2. has a confidence of at least `min_confidence`;
3. has a plate that is **not known**: neither it nor any plate that differs from it by one
   confusable character is a filed resident vehicle, or was read with `min_confidence` in the same
   region in the `look_back_d` days before. A known neighbour makes it a probable misread;
4. lies at least `look_back_d` days after the beginning of history (`CORDON_HISTORY_SINCE`). Before
   that nobody can say who is new, and the rule stays silent.

It **opens** at the next passage of the same plate, with `min_confidence`, at another site of the
region, unless that passage goes `out` over the boundary. So one IN and one OUT raise nothing. That
passage and later ones are its matches, until the vehicle leaves over the boundary or `visit_h` is
over.

- Severity: low. Medium once `dwell_s` has passed since the entrance without an exit over the
  boundary.
- One severity lower, and the reason says so, while the plate is suspected to be cloned (D30).
- Left over the boundary within `dwell_s`: **transit**. The alert resolves itself with that
  outcome.
- One alert per region and plate; quiet gap 30 days. The subject is the vehicle.
- An **exemption** of kind `green-channel` or `fleet` explains a vehicle where it holds:
  everywhere, or in the zones of its `corridor` and at its `stops`. Such passages do not match;
  filed later, it retracts. A `whitelist` does not explain why a vehicle is here.
- The region is the first zone of kind `region` that the site lists; without one, the deployment.
  The deployment contains all regions: who enters it at a site in no region is known if any region
  knows it, and is followed into every one of them. A region does not contain sites in no region:
  what is read there makes nobody known in the region and continues no visit of it.
- For a vehicle known for longer, days are counted as days of UTC.

Thresholds:

- `look_back_d`: days without a reading that make a vehicle new; at most 90
- `min_confidence`: of a reading that counts
- `dwell_s`: seconds after the entrance until it is lifted
- `visit_h`: hours after which a visit is over; not above 72
- `passage_s`: seconds between two readings of one passage
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from rules.cloned_plate import DOUBT, SUSPICION
from rules.facts import NEWEST, Exempted, Parameters, Read, World
from rules.match import Match, of_read
from rules.rule import Rule
from schemas.alerts import Outcome, Reason, Severity, Subject
from schemas.confusion import neighbours
from schemas.times import DAY_MS, HOUR_MS, SECOND_MS


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    entrance = match.detail
    if match.outcome == "transit":
        return Reason(
            f"Vehicle {subject.label}, not known here, came in at {entrance} and left the region "
            "within two hours: transit.",
            f"本地未知车辆 {subject.label} 由 {entrance} 驶入，两小时内驶离：过境。",
        )
    return Reason(
        f"Vehicle {subject.label}, not known here, came in at {entrance} and was read again at "
        f"{match.site}.",
        f"本地未知车辆 {subject.label} 由 {entrance} 驶入，又在 {match.site} 被识别。",
    )


def is_exempt(plate: str, site_id: str, at_ms: int, known_ms: int, world: World) -> Exempted | None:
    """Return the green channel or fleet that explains the vehicle there (suppression matrix).

    A whitelist does not: it says who is let through, not why a vehicle is here.
    """
    if not world.may_be_exempt(plate):
        return None
    site = world.site(site_id, at_ms, known_ms)
    for exempted in world.exemptions(plate, site, at_ms, known_ms) if site else ():
        if exempted.kind in ("green-channel", "fleet"):
            return exempted
    return None


def excuse(match: Match, plate: str, world: World) -> str | None:
    """Return the exemption, filed later, that takes a match's ground away."""
    exempted = is_exempt(plate, match.site, match.first_ms, NEWEST, world)
    return f"{exempted.kind}:{exempted.id}" if exempted else None


RULE = Rule(
    code="D18",
    name="first-seen-vehicle",
    major=1,
    version="1.0",
    quiet_gap_ms=30 * DAY_MS,
    defaults={
        "look_back_d": 30,
        "min_confidence": 0.9,
        "dwell_s": 7200,
        "visit_h": 72,
        "passage_s": 15,
    },
    describe=describe,
    lowered_by={SUSPICION: DOUBT},
    excuse=excuse,
)


class Passage(Struct, frozen=True):
    """One vehicle before one source: reads no more than 15 s apart, the best of them, and all."""

    first_ms: int
    last_ms: int
    best: Read
    plates: frozenset[str]


class Visit(Struct, frozen=True):
    """What an entrance led to. `due_ms` is when the clock will lift it, None when that is past."""

    region: str
    plate: str
    matches: list[Match]
    due_ms: int | None


class Knowledge(Protocol):
    """What is known of vehicles."""

    def known(self, region: str, plate: str, before_ms: int, look_back_d: int) -> bool:
        """Tell whether the region has an accepted read in the look-back before an instant.

        Which reads are the region's, `lies_in` says.
        """

    def resident(self, plate: str, at_ms: int, known_ms: int) -> bool:
        """Tell whether the vehicle is at home here."""

    def exempt(self, read: Read) -> bool:
        """Tell whether a green channel or a fleet explains the vehicle there, as known then."""

    def warm(self, at_ms: int, look_back_d: int) -> bool:
        """Tell whether history is complete for the look-back before an instant."""


def lies_in(place: str, region: str) -> bool:
    """Tell whether a site whose region is `place` lies in a region; "" is the whole deployment.

    So the deployment contains the sites of every region, and no region those without one (domain:
    Readings, D18).
    """
    return region in ("", place)


def passages(reads: Iterable[Read], gap_ms: int) -> list[Passage]:
    """Return the passages that reads of one confusion group make up, in order of time.

    The best read has the highest confidence (then the earliest) and gives plate and direction.
    """
    by_source: dict[tuple[str, str], list[Read]] = {}
    for read in sorted(reads, key=lambda read: (read.time_ms, read.source, read.id)):
        by_source.setdefault((read.source, read.site), []).append(read)
    found: list[Passage] = []
    for run in by_source.values():
        start = 0
        for end in range(1, len(run) + 1):
            if end == len(run) or run[end].time_ms - run[end - 1].time_ms > gap_ms:
                group = run[start:end]
                best = max(group, key=lambda read: (read.confidence, -read.time_ms))
                found.append(
                    Passage(
                        group[0].time_ms,
                        group[-1].time_ms,
                        best,
                        frozenset(read.plate for read in group),
                    )
                )
                start = end
    found.sort(key=lambda passage: (passage.first_ms, passage.best.source, passage.best.id))
    return found


def assess(
    reads: Sequence[Read], knowledge: Knowledge, parameters: Parameters, policy: str, clock_ms: int
) -> list[Visit]:
    """Return the visits of unknown vehicles among the reads of one confusion group.

    A visit begins with an accepted read inward at a boundary site of a plate that was neither
    seen in the look-back nor is at home here, and of which no confusable neighbour was or is
    (else it is a probable misread). It opens at the next passage at another site of the region
    that does not go outward over the boundary; that passage and later ones match, until the
    vehicle leaves over the boundary or `visit_h` is over. Left within `dwell_s` of the entrance:
    transit. Still there by the clock: medium.
    """
    ordered = passages(reads, int(parameters["passage_s"] * SECOND_MS))
    visits: list[Visit] = []
    until: dict[tuple[str, str], int] = {}
    for place, entrance in enumerate(ordered):
        best = entrance.best
        if best.role != "boundary" or best.direction != "in" or best.warming:
            continue
        if entrance.first_ms < until.get((best.region, best.plate), -1):
            continue
        if not _unknown(entrance, knowledge, parameters):
            continue
        visit, end_ms = _follow(
            entrance, ordered[place + 1 :], knowledge, parameters, policy, clock_ms
        )
        until[best.region, best.plate] = end_ms
        visits.append(visit)
    return visits


def _unknown(entrance: Passage, knowledge: Knowledge, parameters: Parameters) -> bool:
    best, at_ms, look_back_d = entrance.best, entrance.first_ms, parameters["look_back_d"]
    if best.confidence < parameters["min_confidence"] or not knowledge.warm(at_ms, look_back_d):
        return False
    return not any(
        knowledge.known(best.region, plate, at_ms, look_back_d)
        or knowledge.resident(plate, at_ms, best.recorded_ms)
        for plate in (best.plate, *neighbours(best.plate))
    )


def _follow(
    entrance: Passage,
    later: Sequence[Passage],
    knowledge: Knowledge,
    parameters: Parameters,
    policy: str,
    clock_ms: int,
) -> tuple[Visit, int]:
    came, start_ms = entrance.best, entrance.first_ms
    dwell_ms = start_ms + int(parameters["dwell_s"] * SECOND_MS)
    end_ms = start_ms + int(parameters["visit_h"] * HOUR_MS)
    near = {came.plate, *neighbours(came.plate)}
    left_ms: int | None = None
    seen: list[Passage] = []
    for passage in later:
        best = passage.best
        if passage.first_ms > end_ms or not lies_in(best.region, came.region):
            continue
        if best.role == "boundary" and best.direction == "out":
            if near & passage.plates:
                left_ms = end_ms = passage.first_ms
                break
        elif best.plate == came.plate and best.confidence >= parameters["min_confidence"]:
            if (seen or best.site != came.site) and not knowledge.exempt(best):
                seen.append(passage)
    transit = left_ms is not None and left_ms <= dwell_ms
    lifted = not transit and clock_ms >= dwell_ms
    severity: Severity = "medium" if lifted else "low"
    outcome: Outcome | None = "transit" if transit else None
    matches = [_match(passage, came, severity, outcome, policy) for passage in seen]
    waiting = bool(matches) and left_ms is None and clock_ms < dwell_ms
    return Visit(came.region, came.plate, matches, dwell_ms if waiting else None), end_ms


def _match(
    passage: Passage, came: Read, severity: Severity, outcome: Outcome | None, policy: str
) -> Match:
    match = of_read(passage.best, severity, policy, detail=came.site)
    return msgspec.structs.replace(
        match, first_ms=passage.first_ms, last_ms=passage.last_ms, outcome=outcome
    )
