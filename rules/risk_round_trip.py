"""D22 risk-round-trip, 往返重点地区: somebody went out, stayed in an area at risk, and is back.

A check on the way in at a site of role `boundary` matches when

1. the last check of the person on the way out at such a site was at least `away_h` hours and at
   most 14 days before;
2. a declared stay lies at least partly between the two, and its area was on the risk list at some
   time of that part, as filed by then (D17 has the same list).

- Severity: high, then the ceiling of the check's evidence. The subject is the person.
- One alert per person and trip; quiet gap 7 days.
- What retracts it: a list that is filed anew and does not name the area any more.
- Only what people declare counts; no feed of readings from elsewhere is known to this version.
- Vehicles by themselves are not followed: it would take every vehicle that drove out within the
  fortnight to be remembered, and a scan that declares a stay names its people anyway.

Thresholds:

- `away_h`: hours
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from rules.dossier import Dossier, Dossiers, Raised, fact_of, of_fact
from rules.facts import Check, evidence_class, known_by
from rules.match import Match
from rules.risk_areas import Stay, read_stay, was_listed
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS

NAME: Final = "risk-round-trip"
_LONGEST_MS: Final = 14 * DAY_MS
_LEVELS: Final = {"high": "高风险", "medium": "中风险"}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[str, str, str]]).decode


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    area, level, hours = match.detail.split("/")
    return Reason(
        f"Somebody who went out over the boundary came back at {match.site} after {hours} h and "
        f"declared a stay in area {area} within that time, which was on the risk list ({level}) "
        "then. Where the document is from was not considered.",
        f"该人员出境 {hours} 小时后由 {match.site} 返回，申报其间曾在地区 {area} 停留，"
        f"当时该地区在风险名单上（{_LEVELS[level]}）。未考虑证件归属地。",
    )


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep who goes out over the boundary, and who comes in over it and declares stays."""
    if not check.person or check.site.role != "boundary":
        return
    if check.direction == "out" or (check.direction == "in" and check.stays):
        yield (
            check.person,
            fact_of(
                check,
                check.site.id,
                what=_encode(check.stays).decode() if check.direction == "in" else "",
                proof=evidence_class(check),
            ),
        )


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Raise a return after at least `away_h`, at most 14 days, with a stay at risk in between
    (domain: D22). The list counts as of the part of the stay that lies within the absence.
    """
    person = dossier.key
    left: Fact | None = None
    for fact in dossier.facts:
        if not fact.what:
            left = fact
            continue
        if left is None or fact.time_ms - left.time_ms > _LONGEST_MS:
            continue
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        away_ms = fact.time_ms - left.time_ms
        if away_ms < parameters["away_h"] * HOUR_MS:
            continue
        for stay in _stays(dossier, left, fact):
            known_ms = known_by(fact.time_ms, fact.recorded_ms)
            level, stands = was_listed(stay, dossier, known_ms)
            if level is None:
                continue
            site = dossier.entry("site", fact.site, fact.time_ms)
            match = of_fact(
                fact,
                "high",
                policy,
                grid=site.grid if site else None,
                detail=f"{stay.area}/{level}/{away_ms // HOUR_MS}",
            )
            if not stands:
                match = msgspec.structs.replace(match, withdrawn="area-not-listed")
            yield Raised(f"{person}/{left.time_ms}", "person", person, match)
            break


def _stays(dossier: Dossier, left: Fact, back: Fact) -> Iterator[Stay]:
    """Yield the declared stays, each as far as it lies within the absence."""
    for declared in _decode(back.what):
        stay = read_stay(*declared, dossier.calendar)
        if stay is not None and stay.from_ms <= back.time_ms and stay.to_ms >= left.time_ms:
            yield Stay(stay.area, max(stay.from_ms, left.time_ms), min(stay.to_ms, back.time_ms))


RULE = Rule(
    code="D22",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"away_h": 6},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=_LONGEST_MS, gathers={HEALTH_CHECK.type: gather}),
)
