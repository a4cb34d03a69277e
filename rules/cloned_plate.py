"""D30 cloned-plate, 套牌嫌疑: one plate at two sites sooner than any vehicle can drive.

Two readings with a confidence of at least 0.95 **contradict** each other when less than `share` of
the least time of travel lies between them: the route's `min_s`, else the distance at 120 km/h
where both positions are known and at least 2 km apart, as filed by then. A route that is filed
later and is shorter withdraws. A contradiction matches when

1. there is another one within `window_h` that shares no reading with it, so that one misreading is
   never enough; or
2. its two readings show different plate colours, types or colours of the vehicle.

- Severity: medium, which is the ceiling of a plate.
- One alert per vehicle; quiet gap 7 days.
- What prevents it: the clock of a device was wrong (D33); a look-alike was read `often` within
  `window_h`, at several sites and at this one too: then the reading is taken for a misread.
- While the suspicion holds (from the first reading until seven days after the last), D10 and D18
  of that plate are one severity lower and say so, and D39 says nothing.

Thresholds:

- `share`: of the least time of travel
- `window_h`: hours in which contradictions bear one another out
- `wait_s`: seconds after the acceptance of both, for readings still on their way
- `often`: readings of a look-alike that make it one that is often read
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rules.dossier import Dossier, Dossiers, Kept, Raised, Told, of_fact
from rules.facts import Parameters, known_by
from rules.match import Match
from rules.rule import Rule
from rules.travel import least_s
from schemas.alerts import Reason, Subject
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

NAME: Final = "cloned-plate"
# Told of a plate from its first contradiction until the quiet gap after its last one is over.
SUSPICION: Final = "clone-suspicion"
QUIET_GAP_MS: Final = 7 * DAY_MS
_LOOKS: Final = (
    ("plate colour", "号牌颜色"),
    ("vehicle type", "车型"),
    ("vehicle colour", "车身颜色"),
)

# What rules about the plate say while the suspicion holds (domain: suppression matrix).
DOUBT: Final = Reason(
    "The plate is suspected to be cloned, so that this is one severity lower.",
    "该号牌涉嫌套牌，级别下调一级。",
)

# Two readings of which at most one can be of the vehicle that the plate was issued for.
Pair = tuple[Fact, Fact]


def looks(plate_colour: str | None, type_: str | None, colour: str | None) -> str:
    """Return what was seen of a vehicle, as a fact's `what`."""
    return "\n".join(part or "" for part in (plate_colour, type_, colour))


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    elsewhere, apart, least, unlike = match.detail.split("/")
    en, zh = "", ""
    if unlike:
        name = _LOOKS[int(unlike)]
        en, zh = f" The {name[0]} differs.", f"{name[1]}不一致。"
    return Reason(
        f"Plate {subject.label} was read at {match.site} {apart} min after {elsewhere}, which is "
        f"at least {least} min away.{en} Both readings were sure; look-alike plates that are "
        "often read there and clocks that are known to be wrong were left out.",
        f"号牌 {subject.label} 在 {elsewhere} 之后 {apart} 分钟又在 {match.site} 被识别，"
        f"两地至少需 {least} 分钟。{zh}两次识别置信度均高，已排除相似号牌误读和时钟异常。",
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept | Told]:
    """Raise contradictions that bear one another out (domain: D30).

    Facts are sure readings of the plate that contradict some other one, and those of its
    look-alikes (`who`). Two contradictions count where no reading is part of both, so that one
    misreading is never enough; one alone counts where the vehicles look unlike. One counts from
    `wait_s` after both were accepted, because other readings may still be on their way.
    """
    own: list[Fact] = []
    for fact in dossier.facts:
        if fact.who:
            continue
        kept_by = _kept_by(dossier, fact)
        if kept_by:
            yield Kept(kept_by, fact)
        else:
            own.append(fact)
    raised: list[tuple[Pair, Match]] = []
    pairs = [each for each in _apart(_contradictions(dossier, own)) if _is_ripe(dossier, each[0])]
    for pair, least_ms in pairs:
        before, after = pair
        parameters, policy = dossier.policy(after.time_ms, after.recorded_ms)
        unlike = _unlike(pair)
        if unlike is None and not _borne_out(pair, [each for each, _ in pairs], parameters):
            continue
        site = dossier.entry("site", after.site, after.time_ms)
        apart_ms = after.time_ms - before.time_ms
        detail = "/".join(
            (
                before.site,
                str(apart_ms // MINUTE_MS),
                str(round(least_ms / MINUTE_MS)),
                "" if unlike is None else str(unlike),
            )
        )
        grid = site.grid if site else None
        match = of_fact(after, "medium", policy, proof="vehicle", grid=grid, detail=detail)
        raised.append((pair, match))
    for _, match in raised:
        yield Raised(dossier.name, "vehicle", dossier.name, match)
    if raised:
        first_ms = min(pair[0].time_ms for pair, _ in raised)
        last_ms = max(pair[1].time_ms for pair, _ in raised)
        yield Told(SUSPICION, dossier.name, ((first_ms, last_ms + QUIET_GAP_MS),))


def _kept_by(dossier: Dossier, fact: Fact) -> str | None:
    if dossier.condition("clock-skew", f"source:{fact.source}", fact.time_ms):
        return "clock-skew"
    parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
    near_ms = parameters["window_h"] * HOUR_MS
    often: dict[str, list[str]] = {}
    for other in dossier.facts:
        if other.who and abs(other.time_ms - fact.time_ms) <= near_ms:
            often.setdefault(other.who, []).append(other.site)
    # A reading is taken for one of a look-alike that is often read, and at this very site.
    misread = any(
        len(sites) >= parameters["often"] and len(set(sites)) > 1 and fact.site in sites
        for sites in often.values()
    )
    return "look-alike" if misread else None


def _contradictions(dossier: Dossier, facts: Sequence[Fact]) -> Iterator[tuple[Pair, float]]:
    """Yield the pairs of readings that one vehicle can't have given, and the least way in ms."""
    for place, after in enumerate(facts):
        parameters, _ = dossier.policy(after.time_ms, after.recorded_ms)
        for before in reversed(facts[:place]):
            if after.time_ms - before.time_ms > parameters["window_h"] * HOUR_MS:
                break
            if before.site == after.site:
                continue
            known_ms = known_by(after.time_ms, after.recorded_ms)
            way_s = least_s(dossier, before.site, after.site, after.time_ms, known_ms)
            if way_s is None:
                continue
            way_ms = way_s * SECOND_MS
            if after.time_ms - before.time_ms < way_ms * parameters["share"]:
                yield (before, after), way_ms


def _apart(pairs: Iterator[tuple[Pair, float]]) -> Iterator[tuple[Pair, float]]:
    """Yield pairs of which no two share a reading, in order of time."""
    taken: set[tuple[int, str, str]] = set()
    for pair, way_ms in pairs:
        places = {fact.place for fact in pair}
        if not places & taken:
            taken |= places
            yield pair, way_ms


def _is_ripe(dossier: Dossier, pair: Pair) -> bool:
    before, after = pair
    parameters, _ = dossier.policy(after.time_ms, after.recorded_ms)
    accepted_ms = max(before.recorded_ms, after.recorded_ms)
    return dossier.due(accepted_ms + int(parameters["wait_s"] * SECOND_MS))


def _unlike(pair: Pair) -> int | None:
    """Return in which of _LOOKS the two differ, None = in nothing that both show."""
    before, after = (fact.what.split("\n") for fact in pair)
    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        if one and other and one != other:
            return place
    return None


def _borne_out(pair: Pair, pairs: Sequence[Pair], parameters: Parameters) -> bool:
    within_ms = parameters["window_h"] * HOUR_MS
    return any(
        other is not pair and abs(other[1].time_ms - pair[1].time_ms) <= within_ms
        for other in pairs
    )


RULE = Rule(
    code="D30",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=QUIET_GAP_MS,
    # `share` of the least time of travel; a look-alike is read `often` (domain: D02, established).
    defaults={"share": 0.85, "window_h": 24, "wait_s": 600, "often": 3},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=QUIET_GAP_MS),
)
