"""D01 watch-list-hit, 布控命中: a plate or a person that somebody asked to look out for.

A reading of a plate, or a check of a person, matches each **watch entry** that

1. names exactly this plate, after normalisation, or this person;
2. is valid at the event's time and was filed by then;
3. names this site in `sites`, or no site at all;
4. has this direction, or none. An unknown direction is not that of an entry.

- Severity: `quarantined`, `confirmed` and `suspected` are high, the other categories medium; then
  the ceiling of the evidence. So a plate never exceeds medium.
- One alert per entry and site; quiet gap 30 minutes. Sightings by one source within 15 s are one
  match. The subject is the vehicle or the person.
- The reason shows how old the entry is, and says that it has to be verified.
- No exemption speaks against it.
- What retracts it: the entry is filed anew, and no longer covers that time, site, plate or person.
  A deletion ends an entry from then on and retracts nothing.
- An entry names one whole plate or one person. It has an end. Wildcards are refused.

Thresholds:

- `min_confidence`: of a reading, from 0 to 1; a typed plate has 1.0, a preview does not count
"""

from collections.abc import Iterator
from typing import Final

from rules.facts import NEWEST, Check, Parameters, Read, SiteFacts, World, evidence_class
from rules.match import Match, of_check, of_read
from rules.rule import Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS

# By category, before the ceiling of the evidence (domain: Readings that settle the catalogue).
_SEVERITY: Final[dict[str, Severity]] = {
    "quarantined": "high",
    "confirmed": "high",
    "suspected": "high",
}
_IN_CHINESE: Final = {
    "quarantined": "隔离人员",
    "close-contact": "密切接触者",
    "confirmed": "确诊病例",
    "suspected": "疑似病例",
    "risk-return": "重点地区返回",
    "cloned-plate": "套牌",
}


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people: with the age of the entry, because lists grow stale."""
    category, filed, entry = match.detail.split("/", 2)
    age_d = (match.first_ms - int(filed)) // DAY_MS
    days = "day" if age_d == 1 else "days"
    what = ("Vehicle", "车辆") if subject.kind == "vehicle" else ("A person", "人员")
    who = f" {subject.label}" if subject.kind == "vehicle" else ""
    return Reason(
        f"{what[0]}{who} on the watch list ({category}, entry {entry}, filed {age_d} {days} "
        f"before) was seen at {match.site}. Verify before acting: an entry can be stale or wrong.",
        f"布控名单中的{what[1]}{who}（{_IN_CHINESE.get(category, category)}，条目 {entry}，"
        f"登记于 {age_d} 天前）在 {match.site} 出现。请先核实：名单可能过期或有误。",
    )


def detect(
    seen: Check | Read, site: SiteFacts, world: World, parameters: Parameters, policy: str
) -> Iterator[tuple[str, Match]]:
    """Yield (dedupe key, match) for each entry that names exactly this plate or person.

    The entry is valid at the event's time and was filed by `known_ms`, and it covers the site and
    the direction; an unknown direction is covered by an entry for both only. A plate has to be
    read with `min_confidence`. No exemption speaks against it (domain: suppression matrix).
    """
    if isinstance(seen, Read):
        if seen.confidence < parameters["min_confidence"]:
            return
        subject = seen.plate
    else:
        subject = seen.person
    for entry in world.watched(subject, seen.time_ms, seen.known_ms):
        if entry.sites and site.id not in entry.sites:
            continue
        if entry.direction is not None and entry.direction != seen.direction:
            continue
        severity = _SEVERITY.get(entry.category, "medium")
        detail = f"{entry.category}/{entry.filed_ms}/{entry.id}"
        if isinstance(seen, Read):
            match = of_read(seen, severity, policy, detail=detail)
        else:
            match = of_check(seen, severity, evidence_class(seen), policy, detail=detail)
        yield f"{entry.id}/{site.id}", match


def excuse(match: Match, subject: str, world: World) -> str | None:
    """Return what takes the ground away: the entry was filed anew, and does not say so any more."""
    _, _, entry_id = match.detail.split("/", 2)
    entry = world.watch_entry(entry_id, match.first_ms, NEWEST)
    if entry is None or entry.subject != subject:
        return "entry-ended"
    return "entry-ended" if entry.sites and match.site not in entry.sites else None


def _of_check(
    check: Check, world: World, parameters: Parameters, policy: str
) -> Iterator[tuple[str, Match]]:
    return detect(check, check.site, world, parameters, policy)


RULE = Rule(
    code="D01",
    name="watch-list-hit",
    major=1,
    version="1.0",
    quiet_gap_ms=30 * MINUTE_MS,
    defaults={"min_confidence": 0.85},
    describe=describe,
    on_check=_of_check,
    on_read=detect,
    excuse=excuse,
    coalesce_ms=15 * SECOND_MS,
)
