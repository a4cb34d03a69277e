"""D24 foreign-resident-unregistered, 境外人员未登记: somebody from abroad who did not register.

A person who is checked inward at a site of role `boundary` or `checkpoint` with a passport, a
foreigner's permit, or a travel permit of Hong Kong, Macau or Taiwan, matches `within_h` later,
unless by then a residence of the person is valid (a hotel's too), the person was checked by video,
or left again. Checks inward within 24 hours of each other are one arrival.

- The document says that a registration is due; it says nothing about a risk, and no other rule
  reads it.
- Severity: medium, under the ceiling of the evidence.
- One alert per person and arrival; quiet gap 7 days. The subject is the person.
- A residence from later on resolves the alert, outcome `cleared`. One for that time that is filed
  late, or a video that is told late, withdraws it, reason `registered`.

Thresholds:

- `within_h`: hours in which the law asks for a registration
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from rules import comings
from rules.dossier import Dossier, Dossiers, Raised, fact_of, of_fact
from rules.facts import NEWEST, Check
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import HEALTH_CHECK
from schemas.joins import Fact
from schemas.times import DAY_MS, HOUR_MS

# Documents of people from abroad and from Hong Kong, Macau and Taiwan.
_ABROAD: Final = frozenset({"passport", "foreign_permit", "hk_macau_permit", "tw_permit"})
# What `who` of a fact says.
ABROAD, VIDEO = "abroad", "video"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    if match.outcome is not None:
        return Reason(
            f"{subject.label}, who came in at {match.detail} with a document from abroad, has "
            "registered.",
            f"于 {match.detail} 持境外证件入境的 {subject.label} 已登记。",
        )
    return Reason(
        f"{subject.label} came in at {match.detail} with a document from abroad and was in no "
        "register of residences a day later. No registration by video and no departure was seen.",
        f"{subject.label} 于 {match.detail} 持境外证件进入，一天后仍无住宿登记，"
        "亦无视频登记或离开记录。",
    )


def gather(check: Check) -> Iterator[tuple[str, Fact]]:
    """Keep how somebody came in and left, and registrations by video."""
    if check.verified_by == "video" and check.person:
        video = fact_of(
check, check.site.id,
            what=comings.RECEIVED, who=VIDEO,
        )  # fmt: skip
        yield check.person, video
    elif check.id_type in _ABROAD:
        yield from comings.gather(check, ABROAD)


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Raise whoever came in with a document from abroad and is in no register `within_h` later.

    A residence excuses that is valid by then, a hotel's too, or a check by video; so does leaving
    again. A residence from later on clears (domain: D24). The document says that a registration is
    due, and nothing else.
    """
    person = dossier.key
    videos = [fact for fact in dossier.facts if fact.who == VIDEO]
    for coming in comings.comings(dossier.facts, DAY_MS):
        first = coming.first
        parameters, policy = dossier.policy(first.time_ms, first.recorded_ms)
        due_ms = first.time_ms + parameters["within_h"] * HOUR_MS
        left = coming.end_ms is not None and coming.end_ms <= due_ms
        if left or not dossier.due(due_ms):
            continue
        by_video = [each for each in videos if first.time_ms <= each.time_ms <= due_ms]
        withdrawn = None
        if comings.registered(dossier, person, due_ms, due_ms):
            continue
        if by_video and min(each.recorded_ms for each in by_video) <= due_ms:
            continue
        if by_video or comings.registered(dossier, person, due_ms, NEWEST):
            withdrawn = "registered"
        match = of_fact(first, "medium", policy, detail=first.site)
        match = msgspec.structs.replace(match, first_ms=due_ms, last_ms=due_ms, withdrawn=withdrawn)
        dedupe = f"{person}/{first.time_ms}"
        yield Raised(dedupe, "person", person, match)
        residence = comings.filed_after(dossier, person, due_ms)
        if withdrawn is None and residence is not None:
            cleared = of_fact(residence, "medium", policy, detail=first.site, outcome="cleared")
            yield Raised(dedupe, "person", person, cleared)


RULE = Rule(
    code="D24",
    name="foreign-resident-unregistered",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"within_h": 24},
    describe=describe,
    until=True,
    dossiers=Dossiers(assess=assess, keep_ms=5 * DAY_MS, gathers={HEALTH_CHECK.type: gather}),
)
