"""D01r retrospective-hit, 回溯命中: where somebody was before an entry about them was filed.

Informational: nobody broke a rule that was not filed. Of a watch entry it tells where the plate or
the person was seen in the fortnight before; of an order that is dated back, where its person and
the vehicles were from its start on, the exposure trail. The sighting store answers
([how](../sightings.md)): 14 days at most, the newest 200 sightings, and how many there are.

- What happened before a watch entry was filed and is accepted after it is told too: neither D01,
  which asks for an entry that was filed by then, nor the sighting store had it.
- A plate has to be read with the `min_confidence` of D01, for an order's vehicle with that of D10.
- Severity: info, whatever the category.
- One alert of each filing. What an earlier filing of the entry accuses is left to its own rule.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from rules.dossier import Dossier, Dossiers, Kept, Raised, fact_of, of_fact
from rules.entries import Filed
from rules.facts import Check, Read, WatchFacts, evidence_class, known_by
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.joins import LOOK_BACK, Fact, LookBack
from schemas.times import DAY_MS
from schemas.versions import governing

NAME: Final = "retrospective-hit"
_LOOK_BACK_MS: Final = 14 * DAY_MS
# By register, the rule that would have accused: its `min_confidence` holds here too.
_ACCUSES: Final = {"watch-entry": "watch-list-hit", "order": "quarantined-vehicle-moving"}
_DOUBTFUL: Final = "doubtful"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    if match.order is not None:
        return Reason(
            f"Before order {match.order} was filed, its person or a vehicle of theirs was seen "
            f"from its start on, last at {match.site}. This is where others may have been "
            "exposed; it is no breach.",
            f"隔离令 {match.order} 登记之前，自其起始时间起，该人员或其车辆曾被识别，"
            f"最近一次在 {match.site}。此为可能暴露的轨迹，不构成违规。",
        )
    return Reason(
        f"Before watch entry {match.detail} was filed, {subject.label} was seen, last at "
        f"{match.site}. The entry accuses nobody of what was before it.",
        f"布控条目 {match.detail} 登记之前，{subject.label} 曾被识别，最近一次在 {match.site}；"
        "该条目不追溯此前行为。",
    )


def gather(found: LookBack) -> Iterator[tuple[str, Fact]]:
    """Keep the sightings of one look-back, under the entry; `value` of the oldest is how many
    there are before it, `what` the confidence of a plate, `who` whom the entry is about."""
    key = f"entry:{found.register}/{found.entry}/{found.filed_ms}"
    for place, seen in enumerate(found.sightings):
        yield (
            key,
            fact_of(
                seen,
                seen.site,
                what="" if seen.confidence is None else str(seen.confidence),
                who=found.subject,
                value=float(found.count - len(found.sightings)) if place == 0 else 0.0,
                proof=seen.evidence_class,
            ),
        )


def overtaken(
    seen: Check | Read, entry_id: str, versions: Sequence[Filed]
) -> Iterator[tuple[str, Fact]]:
    """Yield what is kept of a reading or check that was on its way when a watch entry about it was
    filed, for each filing that looks back, unless the entry accuses it (D01).

    `versions` are all filings of the entry; the conditions are those of a look-back.
    """
    if isinstance(seen, Read):
        subject, who, site = seen.plate, f"vehicle:{seen.plate}", seen.site
        fact = fact_of(seen, site, what=str(seen.confidence), who=who, proof="vehicle")
    else:
        subject, site = seen.person, seen.site.id
        fact = fact_of(seen, site, who=subject, proof=evidence_class(seen))

    def covers(facts: WatchFacts | None) -> bool:
        return (
            facts is not None
            and facts.subject == subject
            and (not facts.sites or site in facts.sites)
            and facts.direction in (None, seen.direction)
        )

    if covers(governing(versions, seen.time_ms, seen.known_ms)):
        return
    before: Filed | None = None
    for version in versions:
        last, before = before, version
        told = last and last.facts == version.facts and version.recorded_ms < last.to_ms
        oldest_ms = max(version.from_ms, version.recorded_ms) - _LOOK_BACK_MS
        if (
            not told
            and covers(version.facts)
            and oldest_ms <= seen.time_ms < version.recorded_ms <= seen.recorded_ms
            and version.recorded_ms < version.to_ms
        ):
            yield f"entry:watch-entry/{entry_id}/{version.recorded_ms}", fact


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise one grouped alert of what was seen before an entry was filed (domain: D01r).

    What an earlier filing of the entry accuses is told by the entry's own rule, and left out here.
    """
    register, entry_id, _ = dossier.name.rsplit("/", 2)
    for fact in dossier.facts:
        known_ms = known_by(fact.time_ms, fact.recorded_ms)
        if dossier.entry(register, entry_id, fact.time_ms, known_ms) is not None:
            yield Kept("accused-already", fact)
            continue
        accusing, _ = dossier.policy(fact.time_ms, fact.recorded_ms, of=_ACCUSES[register])
        if fact.what and float(fact.what) < accusing["min_confidence"]:
            yield Kept(_DOUBTFUL, fact)
            continue
        _, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        site = dossier.entry("site", fact.site, fact.time_ms)
        match = of_fact(
            fact,
            "info",
            policy,
            grid=site.grid if site else None,
            order=entry_id if register == "order" else None,
            detail=entry_id,
        )
        match = msgspec.structs.replace(match, count=1 + int(fact.value))
        kind, who = ("person", fact.who)
        if fact.who.startswith("vehicle:"):
            kind, who = "vehicle", fact.who.removeprefix("vehicle:")
        yield Raised(dossier.name, kind, who, match)


RULE = Rule(
    code="D01r",
    name=NAME,
    major=1,
    version="1.0",
    # One alert of an entry, however far apart its sightings are.
    quiet_gap_ms=_LOOK_BACK_MS,
    defaults={},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=_LOOK_BACK_MS, gathers={LOOK_BACK: gather}),
)
