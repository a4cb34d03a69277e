"""D17 risk-area-arrival, 重点地区来(返): somebody came from an area that was on the risk list.

What is judged is an **arrival notice**, at its own time, and each check of a person who declares
stays and is not on the way out (the persons of a scan have its stays). It matches when all of this
holds:

1. some stay overlaps with a listing of its area. `330300` in the list covers `330327`; a declared
   `330300` is not a stay in `330327`. What counts is what was filed by then, and the list at the
   time of the stay, not that of today;
2. the arrival lies at most `look_back_d` days after the end of that stay; for a check the arrival
   is the check itself;
3. at least one of the persons is under no order then.

- Severity: high, under the ceiling of the evidence: a notice is digital, a declaration what the
  check proves of the person. Low when the vehicle or all of them are on the whitelist: it shortens
  the severity and excuses nobody. Fleet and green channel change nothing.
- One alert per household and day of arrival; quiet gap 24 hours. The subject is the household:
  that of the residence or the order that was on file; else the vehicle that they came in, or the
  scan.
- Nothing is read from plates or identity numbers.
- Posting a notice again changes nothing. A notice that is corrected withdraws what it does not say
  any more (`notice-changed`), and so does a listing that turns out never to have held then
  (`area-not-listed`). An order that follows is the answer and takes nothing back.
- Who is under order already (`already-under-order`), and a stay whose area or dates nobody can
  read (`stay-unreadable`), are counted as suppressed.

Thresholds:

- `look_back_d`: days from the end of the stay to the arrival
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from rules.dossier import Dossier, Dossiers, Kept, Passed, Raised, fact_of, fact_of_entry, of_fact
from rules.entries import Filed
from rules.facts import ARCHIVE_MS, Check, evidence_class, known_by
from rules.match import Match
from rules.risk_areas import Stay, instant_of, read_stay, was_listed
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.registers import ArrivalNotice
from schemas.times import DAY_MS

NOTICE: Final = "arrival-notice"


class Declared(Struct, frozen=True, array_like=True):
    """What was declared at a check. `party` stands for the household where none is filed: the
    vehicle that they came in, else the scan or the check itself."""

    stays: tuple[tuple[str, str, str], ...]
    party: str
    plate: str
    grid: str


class Arrival(Struct, frozen=True):
    """Who came together and when, ms UTC, and where they say that they were."""

    fact: Fact
    arrival_ms: int
    members: frozenset[str]
    stays: tuple[Stay, ...]
    plate: str = ""
    grid: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Declared).decode


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    count, area, level, listed = match.detail.split("/")
    zh_level = {"high": "高风险", "medium": "中风险"}[level]
    en = (
        f"{count} of this household came from area {area}, which was on the risk list ({level}) "
        "at some time of the stay; nobody of them was under order."
    )
    zh = (
        f"该户 {count} 人来自地区 {area}，停留期间该地区在风险名单上（{zh_level}），"
        "均未处于隔离令下。"
    )
    if listed:
        en += " On the whitelist: a check is enough."
        zh += "在白名单上，只需核查。"
    return Reason(en, zh)


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep the stays that somebody declares who is not on the way out, under the person."""
    if not check.stays or check.direction == "out":
        return
    party = f"vehicle:{check.plate}" if check.plate else f"{check.source}/{check.id.split('#')[0]}"
    declared = Declared(check.stays, party, check.plate or "", check.destination_grid or "")
    yield (
        check.person or f"household:{party}",
        fact_of(
            check,
            check.site.id,
            what=_encode(declared).decode(),
            who=check.person,
            proof=evidence_class(check),
        ),
    )


def opens(notice: ArrivalNotice) -> Iterator[str]:
    """A notice is judged with all that is known of its household."""
    yield f"household:{notice.household}"


def assess(dossier: Dossier) -> Iterator[Raised | Kept | Passed]:
    """Bring a person's declarations to the household; raise what there is about a household.

    A notice, or a declaration at a check, is a match when some stay of it overlaps with the
    listing of its area as filed by then, and the arrival lies at most `look_back_d` days after the
    stay; whoever of them is under order by then does not count (domain: D17).
    """
    if not dossier.key.startswith("household:"):
        for fact in dossier.facts:
            yield Passed(f"household:{_household(dossier, fact)}", fact)
        return
    found: dict[str, list[tuple[Arrival, Match]]] = defaultdict(list)
    for entry_id in dossier.named(NOTICE, dossier.name):
        for arrival, withdrawn in _noticed(dossier, entry_id):
            yield from _file(dossier, arrival, found, withdrawn)
    for fact in dossier.facts:
        yield from _file(dossier, _declared(dossier, fact), found)
    for dedupe, arrivals in found.items():
        # A household that is reported row by row is told as one.
        together = set().union(
            *(_free(dossier, arrival) for arrival, match in arrivals if match.withdrawn is None)
        )
        for arrival, match in arrivals:
            count = len(together | _free(dossier, arrival))
            match = msgspec.structs.replace(match, detail=f"{count}/{match.detail}")
            yield Raised(dedupe, "household", dossier.name, match)


def _household(dossier: Dossier, fact: Fact) -> str:
    """Return the household that was on file for a person, else the party that they came with."""
    for register in ("residence", "order"):
        for _, entry in dossier.about(register, fact.who, fact.time_ms, fact.recorded_ms):
            filed = entry if register == "residence" else entry.entry
            who = filed.person if register == "residence" else filed.subject
            if who.person == fact.who and filed.household:
                return str(filed.household)
    return _decode(fact.what).party


def _declared(dossier: Dossier, fact: Fact) -> Arrival:
    declared = _decode(fact.what)
    stays = (read_stay(*stay, dossier.calendar) for stay in declared.stays)
    return Arrival(
        fact,
        fact.time_ms,
        frozenset((fact.who or f"#{fact.id}",)),
        tuple(stay for stay in stays if stay is not None),
        declared.plate,
        declared.grid or None,
    )


def _noticed(dossier: Dossier, entry_id: str) -> Iterator[tuple[Arrival, str | None]]:
    """Yield what an entry says about this household, each filing at its own time.

    A filing that says the same as the one before is a repeat. What a later one does not say any
    more is withdrawn.
    """
    filings: list[tuple[Filed, ArrivalNotice]] = []
    for filed in dossier.versions(NOTICE, entry_id):
        notice: ArrivalNotice | None = filed.facts
        if notice is not None and (not filings or _said(notice) != _said(filings[-1][1])):
            filings.append((filed, notice))
    arrivals = [_arrival(dossier, *each) for each in filings]
    stands = _risk(dossier, arrivals[-1]) is not None
    standing = (filings[-1][1].household, _group(dossier, arrivals[-1]))
    for (_, notice), arrival in zip(filings, arrivals, strict=True):
        if notice.household == dossier.name:
            same = stands and standing == (dossier.name, _group(dossier, arrival))
            yield arrival, None if same else "notice-changed"


def _said(notice: ArrivalNotice) -> tuple[object, ...]:
    persons = {who.person for who in notice.persons}
    stay = (notice.area, notice.stay_from, notice.stay_to)
    return notice.household, persons, *stay, notice.arrival


def _arrival(dossier: Dossier, filed: Filed, notice: ArrivalNotice) -> Arrival:
    stay = read_stay(notice.area, notice.stay_from, notice.stay_to, dossier.calendar)
    arrival_ms = instant_of(notice.arrival, dossier.calendar)
    fact = fact_of_entry(
        NOTICE, notice.id, filed.time_ms, recorded_ms=filed.recorded_ms, proof="digital"
    )
    assert arrival_ms is not None  # It was checked when it was filed, and so was the stay.
    members = frozenset(who.person or "" for who in notice.persons)
    return Arrival(fact, arrival_ms, members, () if stay is None else (stay,))


def _file(
    dossier: Dossier,
    arrival: Arrival,
    found: dict[str, list[tuple[Arrival, Match]]],
    withdrawn: str | None = None,
) -> Iterator[Kept]:
    """Put the match of an arrival among those of its day; yield what kept it from being one."""
    fact = arrival.fact
    if fact.recorded_ms - fact.time_ms > ARCHIVE_MS:
        return
    if not arrival.stays:
        yield Kept("stay-unreadable", fact)
        return
    risk = _risk(dossier, arrival)
    if risk is None:
        return
    if not _free(dossier, arrival):
        yield Kept("already-under-order", fact)
        return
    area, level, still_listed = risk
    if not still_listed:
        withdrawn = "area-not-listed"
    listed = _whitelisted(dossier, arrival)
    _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
    match = of_fact(
        fact,
        "low" if listed else "high",
        policy,
        grid=_grid(dossier, arrival),
        detail=f"{area}/{level}/{'whitelist' if listed else ''}",
    )
    if withdrawn is not None:
        match = msgspec.structs.replace(match, withdrawn=withdrawn)
    found[f"{dossier.name}/{_group(dossier, arrival)}"].append((arrival, match))


def _group(dossier: Dossier, arrival: Arrival) -> int:
    """Return the day of the arrival: who of a household comes on one day, comes together."""
    return dossier.calendar.day(arrival.arrival_ms)


def _risk(dossier: Dossier, arrival: Arrival) -> tuple[str, str, bool] | None:
    """Return the area, its level, and whether it is still said to have been listed then."""
    fact = arrival.fact
    parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
    since_ms = arrival.arrival_ms - parameters["look_back_d"] * DAY_MS
    worst: tuple[bool, bool, str, str] | None = None
    for stay in arrival.stays:
        if stay.to_ms < since_ms:
            continue
        level, still = was_listed(stay, dossier, known_by(fact.time_ms, fact.recorded_ms))
        if level is not None:
            each = (still, level == "high", stay.area, level)
            worst = each if worst is None else max(worst, each)
    return None if worst is None else (worst[2], worst[3], worst[0])


def _free(dossier: Dossier, arrival: Arrival) -> set[str]:
    """Return who of them was under no order when it was said, nor when it was accepted."""
    fact = arrival.fact
    return {
        person
        for person in arrival.members
        if not any(
            order.facts.person == person
            for at_ms in (fact.time_ms, fact.recorded_ms)
            for _, order in dossier.about("order", person, at_ms, fact.recorded_ms)
        )
    }


def _whitelisted(dossier: Dossier, arrival: Arrival) -> bool:
    """Tell whether their vehicle or all of them are on the whitelist, which excuses nobody."""

    def listed(subject: str) -> bool:
        return any(
            exempt.kind == "whitelist" and exempt.subject == subject and not exempt.places
            for _, exempt in dossier.about("exemption", subject, arrival.fact.time_ms)
        )

    vehicle = bool(arrival.plate) and listed(arrival.plate)
    return vehicle or all(listed(person) for person in _free(dossier, arrival))


def _grid(dossier: Dossier, arrival: Arrival) -> str | None:
    """Return the grid in which one of them lives, else the one that they go to."""
    for person in sorted(arrival.members):
        for _, residence in dossier.about("residence", person, arrival.fact.time_ms):
            if residence.person.person == person and residence.grid:
                return str(residence.grid)
    return arrival.grid


RULE = Rule(
    code="D17",
    name="risk-area-arrival",
    major=1,
    version="1.0",
    quiet_gap_ms=DAY_MS,
    defaults={"look_back_d": 14},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=2 * DAY_MS,
        gathers={HEALTH_CHECK.type: gather},
        opens={NOTICE: opens},
    ),
)
