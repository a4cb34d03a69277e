"""D08 check-incomplete, 拒检: a vehicle came in at a checkpoint and nobody was checked there.

A plate hit or a scan matches when all of this holds:

1. the site's role is `checkpoint`, the direction is `in`, and a plate was read;
2. no check of anybody is on record at the site within `within_min` minutes before or after. A
   check of somebody unknown counts, and so does a scan with people in it. Where the scan and the
   vehicle both name a lane, it must be the same one;
3. that time is over; for a reading that came late it begins when it was accepted.

A check with `refusal` matches as well, whatever else is on record.

- Severity: medium; one lower when the reading came more than 30 minutes late. The match of a
  missing check has the instant at which it was due.
- One alert per plate and site (for a refusal without a plate, per person and site); quiet gap 2
  hours. The subject is the site.
- A gate that is forced there within half an hour (D07) is of one incident with it: the two alerts
  name each other in `related`.
- What speaks against it, each counted by name: an **exemption** of any kind that holds there
  (`whitelist`, `green-channel`, `fleet`); the site or one of its devices was silent meanwhile
  (`source-silent`, D32); the reading was kept back or written down on paper (`offline`). A site
  that is not filed raises nothing.
- What retracts it: a check that arrives late, an exemption that is filed late.

Thresholds:

- `within_min`: minutes before and after; from 5 to 30
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from rules.dossier import Dossier, Dossiers, Kept, Passed, Passing, Raised, Said, fact_of, of_fact
from rules.entries import Exempt
from rules.facts import Check, evidence_class
from rules.match import Match
from rules.rule import Rule
from rules.source_silent import CONDITION as SILENT
from schemas.alerts import Reason, Subject
from schemas.events import CHECKPOINT_SCAN, HEALTH_CHECK, PLATE_HIT
from schemas.joins import Fact
from schemas.persons import plate_label
from schemas.registers import Site
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

_ROLE: Final = "checkpoint"
_CAME: Final = "in"
_OFFLINE: Final = "offline"
_CHECKED: Final = "check"
_REFUSED: Final = "refusal"
_MISSED: Final = "missed"
_CHECKS: Final = "checks:"
# Between these lies what a policy may ask for (schemas/policy.py).
_SHORTEST_MS: Final = 5 * MINUTE_MS
_LONGEST_MS: Final = 30 * MINUTE_MS
# Readings of a plate by one camera within this are one passage (domain: section 2, duplicates).
_PASSAGE_MS: Final = 15 * SECOND_MS


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    minutes, _, plate = match.detail.partition("/")
    vehicle = plate_label(plate) if plate else ""
    if not minutes:
        return Reason(
            f"A check was refused at {match.site}" + (f" (vehicle {vehicle})." if plate else "."),
            f"{match.site} 有人拒绝检查" + (f"（车辆 {vehicle}）。" if plate else "。"),
        )
    return Reason(
        f"Vehicle {vehicle} came in at {match.site}; no check of anybody is on record there within "
        f"{minutes} minutes before or after. No exemption covers it, and the site was online.",
        f"车辆 {vehicle} 由 {match.site} 驶入，前后 {minutes} 分钟内无任何查验记录；"
        "无豁免，且该卡口在线。",
    )


def _key(site: str, hour: int) -> str:
    return f"{_CHECKS}{site}@{hour}"


def gather_vehicle(passing: Passing) -> Iterator[tuple[str, Fact]]:
    """Keep whoever came in at a checkpoint; a scan with people in it is their check as well."""
    read, lane = passing.read, passing.lane or ""
    if passing.site.role != _ROLE:
        return
    fact = fact_of(
        read,
        read.site,
        what=f"{_CAME if passing.is_online else _OFFLINE}/{lane}",
        who=read.plate,
        value=1.0,
        proof="vehicle",
    )
    if passing.occupants:
        yield from _checked(fact, lane)
    elif read.plate and read.direction == "in":
        yield _key(read.site, read.time_ms // HOUR_MS), fact


def gather_check(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep that somebody was checked at a checkpoint, and that somebody refused it."""
    if check.site.role != _ROLE:
        return
    fact = fact_of(
        check,
        check.site.id,
        who=check.plate or check.person,
        value=1.0 if check.plate else 0.0,
        proof=evidence_class(check),
    )
    if check.refusal:
        refused = msgspec.structs.replace(fact, what=f"{_REFUSED}/")
        yield _key(fact.site, fact.time_ms // HOUR_MS), refused
    elif check.partof is None:
        yield from _checked(fact, "")


def _checked(fact: Fact, lane: str) -> Iterator[tuple[str, Fact]]:
    checked = msgspec.structs.replace(fact, what=f"{_CHECKED}/{lane}", who="", value=0.0)
    first, last = (fact.time_ms - _LONGEST_MS, fact.time_ms + _LONGEST_MS)
    for hour in range(first // HOUR_MS, last // HOUR_MS + 1):
        yield _key(fact.site, hour), checked


def _lane(fact: Fact) -> str:
    return fact.what.partition("/")[2]


class _Checks:
    """The times of checks by lane, "" = no lane is named."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._times: dict[str, list[int]] = {}
        for fact in sorted(facts):
            if fact.what.startswith(_CHECKED):
                self._times.setdefault(_lane(fact), []).append(fact.time_ms)

    def near(self, fact: Fact, within_ms: int) -> bool:
        """Tell whether there is a check at most so long before or after, in a lane that fits."""
        mine = _lane(fact)
        for lane, times in self._times.items():
            if mine and lane and mine != lane:
                continue
            at = bisect_left(times, fact.time_ms - within_ms)
            if at < len(times) and times[at] <= fact.time_ms + within_ms:
                return True
        return False


def merge(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Keep of the checks of each lane the first and the last in every five minutes, and no vehicle
    that has a check so near that no policy can ask for less.

    So the checks that are left answer every question as all of them would.
    """
    cells: dict[tuple[str, int], list[Fact]] = {}
    others: dict[tuple[int, str, str], Fact] = {}
    for fact in facts:
        if fact.what.startswith(_CHECKED):
            cells.setdefault((_lane(fact), fact.time_ms // _SHORTEST_MS), []).append(fact)
        else:
            others[fact.place] = fact
    kept = [fact for cell in cells.values() for fact in {min(cell), max(cell)}]
    checks = _Checks(kept)
    yield from kept
    for fact in others.values():
        if fact.what.startswith(_REFUSED) or not checks.near(fact, _SHORTEST_MS):
            yield fact


def assess(dossier: Dossier) -> Iterator[Said]:
    """Raise every refusal, and whoever came in without any check within `within_min` (domain: D08).

    Any check at the site counts, in the same lane where both name one. An exemption, a site that is
    closed, silent (D32) or works without a connection speak against it.
    """
    if dossier.key.startswith(_CHECKS):
        yield from _pass_on(dossier)
        return
    for fact in dossier.facts:
        kind, _, minutes = fact.what.partition("/")
        site: Site | None = dossier.entry("site", fact.site, fact.time_ms)
        _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        detail = f"{minutes}/{fact.who if fact.value else ''}"
        match = of_fact(fact, "medium", policy, grid=site.grid if site else None, detail=detail)
        if kind == _MISSED:
            due_ms = fact.time_ms + int(minutes) * MINUTE_MS
            match = msgspec.structs.replace(match, first_ms=due_ms, last_ms=due_ms)
        yield Raised(f"{fact.who}/{fact.site}", "site", fact.site, match)


def _pass_on(dossier: Dossier) -> Iterator[Passed | Kept]:
    checks = _Checks(dossier.facts)
    before: dict[tuple[str, str], int] = {}
    for fact in dossier.facts:
        kind = fact.what.partition("/")[0]
        if kind == _CHECKED:
            continue
        if kind == _REFUSED:
            yield Passed(_whose(fact), fact)
            continue
        last_ms = before.get((fact.who, fact.source))
        before[fact.who, fact.source] = fact.time_ms
        parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
        minutes = int(parameters["within_min"])
        within_ms = minutes * MINUTE_MS
        site: Site | None = dossier.entry("site", fact.site, fact.time_ms)
        again = last_ms is not None and fact.time_ms - last_ms <= _PASSAGE_MS
        if again or site is None or checks.near(fact, within_ms):
            continue
        # What was kept back for long may be followed by its check as late.
        if not dossier.due(max(fact.time_ms, fact.recorded_ms) + within_ms):
            continue
        kept_by = _excuse(dossier, fact, site, kind, within_ms)
        if kept_by is not None:
            yield Kept(kept_by, fact)
        else:
            missed = msgspec.structs.replace(fact, what=f"{_MISSED}/{minutes}")
            yield Passed(_whose(fact), missed)


def _whose(fact: Fact) -> str:
    if fact.value:
        return f"vehicle:{fact.who}"
    return fact.who or f"site:{fact.site}"


def _excuse(dossier: Dossier, fact: Fact, site: Site, kind: str, within_ms: int) -> str | None:
    if dossier.condition(SILENT, fact.site, fact.time_ms, fact.time_ms + within_ms):
        return SILENT
    if kind == _OFFLINE:
        return _OFFLINE
    exempt: Exempt
    for _, exempt in dossier.about("exemption", fact.who, fact.time_ms):
        if exempt.subject == fact.who and (
            not exempt.places or site.id in exempt.places or exempt.places.intersection(site.zones)
        ):
            return exempt.kind
    return None


RULE = Rule(
    code="D08",
    name="check-incomplete",
    major=1,
    version="1.0",
    quiet_gap_ms=2 * HOUR_MS,
    defaults={"within_min": 15},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=HOUR_MS,
        gathers={
            PLATE_HIT.type: gather_vehicle,
            CHECKPOINT_SCAN.type: gather_vehicle,
            HEALTH_CHECK.type: gather_check,
        },
        roles=frozenset({_ROLE}),
        merge=merge,
    ),
)
