"""D01b downstream-warning, 预判: where a vehicle on the watch list may be seen next, and when.

A reading of a plate that is a hit of D01 warns each site that a filed **route** joins to the site
of the reading. A route that passes other sites (`via`) warns none; one holds both ways unless the
reverse is filed.

- Severity: info. The alert's site is the one that is warned.
- One alert per entry and next site; quiet gap 2 hours. Readings at one site in a row, each at most
  ten minutes after the last, are one passage, whose first warns.
- It ends cleared when any reading of the plate comes there, else expired when the time is over.
- Nobody is warned by a reading that was accepted when that time was over.

Thresholds:

- `min_confidence`: of the reading, as for D01
- `slowest`: times the route's `p50_s` until when it may come; from `min_s` on
- `within_s`: seconds beyond which nobody is warned
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from rules.dossier import Dossier, Dossiers, Raised, of_fact
from rules.facts import known_by
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Outcome, Reason, Subject
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

NAME: Final = "downstream-warning"
# A vehicle that is read again at a site so soon has not left it.
PASSAGE_MS: Final = 10 * MINUTE_MS


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    seen, earliest, latest, entry = match.detail.split("/", 3)
    en, zh = "", ""
    if match.outcome == "cleared":
        en, zh = " It was seen there.", "已在该处出现。"
    elif match.outcome == "expired":
        en, zh = " That time is over.", "预计时间已过。"
    return Reason(
        f"Vehicle {subject.label}, on the watch list (entry {entry}), was read at {seen} and may "
        f"reach {match.site} from {earliest} to {latest} min after that.{en} It may take another "
        "way or stop.",
        f"布控名单中的车辆 {subject.label}（条目 {entry}）在 {seen} 被识别，预计 {earliest} 至 "
        f"{latest} 分钟后到达 {match.site}。{zh}车辆也可能改道或停留。",
    )


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Warn the sites that a filed route joins to where a watched plate was read (domain: D01b).

    It may come from the route's `min_s` on, until `slowest` times its `p50_s`, within `within_s`.
    The warning ends when any reading there comes, or when the time is over; a reading that was
    accepted after that warns nobody, and of readings at one site in a row the first one warns.
    """
    plate = dossier.name
    for place, fact in enumerate(dossier.facts):
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        if fact.value < parameters["min_confidence"] or _goes_on(dossier.facts[:place], fact):
            continue
        entries = sorted(_watching(dossier, plate, fact))
        for next_site, route in _next(dossier, fact) if entries else ():
            longest_s = min(route.p50_s * parameters["slowest"], parameters["within_s"])
            end_ms = fact.time_ms + int(longest_s * SECOND_MS)
            if route.min_s > longest_s or fact.recorded_ms > end_ms:
                continue
            arrived = any(
                each.site == next_site and each.time_ms <= end_ms
                for each in dossier.facts[place + 1 :]
            )
            outcome: Outcome | None = "cleared" if arrived else None
            if not arrived and dossier.due(end_ms):
                outcome = "expired"
            site = dossier.entry("site", next_site, fact.time_ms)
            earliest, latest = round(route.min_s / 60), round(longest_s / 60)
            for entry_id in entries:
                match = of_fact(
                    fact,
                    "info",
                    policy,
                    proof="vehicle",
                    grid=site.grid if site else None,
                    detail=f"{fact.site}/{earliest}/{latest}/{entry_id}",
                    outcome=outcome,
                )
                match = msgspec.structs.replace(match, site=next_site)
                yield Raised(f"{entry_id}/{next_site}", "vehicle", plate, match)


def _goes_on(before: Sequence[Fact], fact: Fact) -> bool:
    """Tell whether a reading belongs to a passage that began with one before it."""
    last = before[-1] if before else None
    return last is not None and last.site == fact.site and fact.time_ms - last.time_ms <= PASSAGE_MS


def _watching(dossier: Dossier, plate: str, fact: Fact) -> Iterator[str]:
    """Yield the entries that the reading is a hit of (D01), as they stand by now too."""
    known_ms = known_by(fact.time_ms, fact.recorded_ms)
    for entry_id, entry in dossier.about("watch-entry", plate, fact.time_ms, known_ms):
        now = dossier.entry("watch-entry", entry_id, fact.time_ms)
        if all(
            each is not None
            and each.subject == plate
            and (not each.sites or fact.site in each.sites)
            and each.direction in (None, fact.what)
            for each in (entry, now)
        ):
            yield entry_id


def _next(dossier: Dossier, fact: Fact) -> Iterator[tuple[str, Any]]:
    """Yield the sites next to one with the way there: routes that pass no other site between."""
    routes = [
        route for _, route in dossier.about("route", fact.site, fact.time_ms) if not route.via
    ]
    there = {route.to: route for route in routes if route.from_ == fact.site}
    for route in routes:
        if route.to == fact.site:
            there.setdefault(route.from_, route)
    yield from sorted(there.items())


RULE = Rule(
    code="D01b",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=2 * HOUR_MS,
    defaults={"min_confidence": 0.85, "slowest": 2, "within_s": 7200},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS),
    until=True,
)
