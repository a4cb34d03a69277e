"""D19 unregistered-resident, 新增入住未登记: somebody stays here who is in no register.

What is judged is

1. a vehicle whose nights D20 found: it has stayed when `stay_h` have passed since it went in and
   it was not seen to leave, or with the second night within three days; and
2. a tip about a **new face** at an address, who is taken to have stayed `stay_h` after it.

It matches `lag_h` after that, because registers lag, unless a registration is valid by then: a
resident vehicle, or the residence of a person who is linked to the vehicle; for a tip a residence
at the address (written with or without spaces, wide or narrow) that was filed no earlier than
`lag_h` before it, since whoever lived there before is no new face.

- Severity: medium, under the ceiling of the evidence: vehicle or tip.
- One alert per vehicle and community, or per address; quiet gap 7 days. The subject is the vehicle
  or the address.
- A registration from later on resolves the alert, outcome `authorised`. One for that time that is
  filed late withdraws it, reason `registered`; so does whatever takes the nights of D20 back.

Thresholds:

- `stay_h`: hours that make a stay
- `lag_h`: hours in which a registration may be filed
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from rules.dossier import Dossier, Dossiers, Raised, Report, fact_of, fact_of_entry, of_fact
from rules.entries import folded
from rules.facts import NEWEST
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import TIP
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS

NAME: Final = "unregistered-resident"
NEW_FACE: Final = "new-face"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    if match.outcome is not None:
        return Reason(f"A registration was filed for {subject.label}.", f"{subject.label} 已登记。")
    if subject.kind == "vehicle":
        return Reason(
            f"Whoever came with {subject.label} has stayed in {match.detail} for a day or two "
            "nights. Neither the vehicle nor a person linked to it is registered here.",
            f"车辆 {subject.label} 的人员已在 {match.detail} 停留一天或两夜，"
            "车辆及关联人员均未登记。",
        )
    return Reason(
        f"A tip told of a new face at {subject.label}; a day later no residence had been filed "
        "there. Nobody has verified it.",
        f"举报称 {subject.label} 有新面孔，一天后该处仍无新的住所登记，未经核实。",
    )


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep where a new face was seen, under the address."""
    tip = report.data
    if tip.kind == NEW_FACE and tip.address and folded(tip.address):
        yield (
            f"address:{folded(tip.address)}",
            fact_of(
                report,
                what=NEW_FACE,
                who=tip.grid or "",
                proof="tip",
            ),
        )


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Raise a stay of `stay_h`, or of two nights, without any registration `lag_h` later.

    Stays are the nights of a vehicle that overnight-stay found, and tips about a new face, which
    is taken to stay. A registration that is valid by then excuses; one from later on resolves the
    alert as authorised (domain: D19).
    """
    cleared: dict[str, Raised] = {}
    for place, fact in enumerate(dossier.facts):
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        since_ms = _since_ms(dossier.facts[:place], fact, parameters["stay_h"] * HOUR_MS)
        if since_ms is None:
            continue
        due_ms = since_ms + parameters["lag_h"] * HOUR_MS
        if not dossier.due(due_ms) or _filed(dossier, fact, due_ms, due_ms):
            continue
        detail = "" if fact.what == NEW_FACE else fact.what
        kind = dossier.key.partition(":")[0]
        match = of_fact(fact, "medium", policy, grid=_grid(dossier, fact), detail=detail)
        filed = _filed(dossier, fact, due_ms, NEWEST)
        match = msgspec.structs.replace(
            match, first_ms=due_ms, last_ms=due_ms, withdrawn="registered" if filed else None
        )
        dedupe = f"{dossier.key}/{detail}"
        yield Raised(dedupe, kind, dossier.name, match)
        later = None if filed else _filed(dossier, fact, due_ms + 7 * DAY_MS, NEWEST)
        if later is not None:
            told = fact_of_entry(*later, proof="system")
            match = of_fact(told, "medium", policy, detail=detail, outcome="authorised")
            cleared[dedupe] = Raised(dedupe, kind, dossier.name, match)
    yield from cleared.values()


def _since_ms(before: Sequence[Fact], fact: Fact, stay_ms: int) -> int | None:
    """Return when a stay had lasted long enough, None = it has not."""
    if fact.what == NEW_FACE:
        return fact.time_ms + stay_ms
    if any(fact.time_ms - 3 * DAY_MS < each.time_ms and each.what == fact.what for each in before):
        return fact.time_ms
    long_ms = int(fact.value) + stay_ms
    return None if fact.who and int(fact.who) < long_ms else long_ms


def _filed(dossier: Dossier, fact: Fact, at_ms: int, known_ms: int) -> tuple[str, str, int] | None:
    """Return (register, id, when it was filed) of a registration that holds by an instant."""
    if fact.what == NEW_FACE:
        return _residence(dossier, fact, at_ms, known_ms)
    plate = dossier.name
    for entry_id, vehicle in dossier.about("resident-vehicle", plate, at_ms, known_ms):
        if vehicle.plate == plate:
            return _when(dossier, "resident-vehicle", entry_id)
    for _, link in dossier.about("vehicle-link", plate, at_ms, known_ms):
        person = link.facts.person
        for entry_id, residence in dossier.about("residence", person, at_ms, known_ms):
            if residence.person.person == person:
                return _when(dossier, "residence", entry_id)
    return None


def _residence(
    dossier: Dossier, fact: Fact, at_ms: int, known_ms: int
) -> tuple[str, str, int] | None:
    """Return a residence at an address that was filed for somebody new."""
    parameters, _ = dossier.policy(fact.time_ms, fact.recorded_ms)
    since_ms = fact.time_ms - parameters["lag_h"] * HOUR_MS
    for entry_id, residence in dossier.about("residence", dossier.name, at_ms, known_ms):
        found = _when(dossier, "residence", entry_id)
        if folded(residence.address) == dossier.name and found[2] >= since_ms:
            return found
    return None


def _when(dossier: Dossier, register: str, entry_id: str) -> tuple[str, str, int]:
    return register, entry_id, dossier.versions(register, entry_id)[0].recorded_ms


def _grid(dossier: Dossier, fact: Fact) -> str | None:
    site = dossier.entry("site", fact.site, fact.time_ms) if fact.site else None
    return site.grid if site else fact.who or None


RULE = Rule(
    code="D19",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"stay_h": 24, "lag_h": 12},
    describe=describe,
    until=True,
    dossiers=Dossiers(assess=assess, keep_ms=10 * DAY_MS, gathers={TIP.type: gather}),
)
