"""D32 source-silent, 设备/卡口静默: a site or a device that should report every so often does not.

Who has to report says so in the registers: `heartbeat_s` of a **site** is about whatever comes
from it, `heartbeat_s` of a **device** about what the device itself sends. 0 or nothing expects
nothing. Every event and every heartbeat is a sign of life, at the time at which it was accepted. A
heartbeat without a site speaks for the site at which its device is filed.

The rule is armed by a sign of life, if the entry was filed by then. `missed` times `heartbeat_s`
later, without another sign, it raises an alert that has exactly that instant; the worker waits
five seconds more, for what other partitions may know.

- Severity: medium; evidence class system. The subject is the site, or the source.
- One alert per silence, so that its quiet gap 7 days long joins nothing. The next sign of life
  resolves it, outcome `cleared`; `last_seen` is when.
- What speaks against it: the last heartbeat had the status `maintenance` (`maintenance`); the site
  or device is not in force any more when it is due, or need not report (`not-expected`).
- A site that was never heard raises nothing.
- From the last sign of life to the next, rules that conclude something from an absence conclude
  nothing at that site (D08, D12, D15, D20, D21, D36). The silence of a device counts for its site.

Thresholds:

- `missed`: heartbeats that must be missing; from 2 to 60
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from rules.dossier import Dossier, Dossiers, Kept, Passed, Raised, Said, Told, of_entry
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.joins import Fact
from schemas.registers import Device, Site
from schemas.times import DAY_MS, SECOND_MS, format_ms
from schemas.versions import FOREVER

CONDITION: Final = "source-silent"
# Fewer heartbeats can't be minded (schemas/policy.py); lives are told with this tolerance.
LEAST_MISSED: Final = 2
# Signs of life reach the owner of a site within this; they are told long before they are missed.
_PATIENCE_MS: Final = 5 * SECOND_MS
_MAINTENANCE: Final = "maintenance"
# Dossiers under this key hold the silences of a site and of the devices that stand there.
_SILENCES: Final = "silences:"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    last, every, missed = match.detail.split("/")
    en = (
        f"{subject.label} has not been heard since {last}; it should report every {every} s, and "
        f"{missed} reports are missing. Nothing is concluded from its silence meanwhile."
    )
    zh = (
        f"{subject.label} 自 {last} 起无信号（应每 {every} 秒上报，已缺 {missed} 次），"
        "期间不作缺失判断。"
    )
    if match.outcome is not None:
        en += f" It was heard again at {format_ms(match.last_ms)}."
        zh += f"已于 {format_ms(match.last_ms)} 恢复。"
    return Reason(en, zh)


def life(key: str, site: str, first_ms: int, last_ms: int, least_ms: int, status: str) -> Fact:
    """Return the fact of a time of life of a site or a device (`site:gate-3`, `source:cam-1`).

    `status` is "" or what was last reported, behind its instant: `2020-02-10T02:00:00.000Z/ok`.
    """
    return Fact(
        last_ms,
        key,
        "",
        last_ms,
        "",
        site,
        what=status,
        who=str(least_ms),
        value=float(first_ms),
    )


def join_lives(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Yield the times of life with no break that may be minded between any two; others stand."""
    others: dict[tuple[int, str, str], Fact] = {}
    lives: list[Fact] = []
    for fact in facts:
        if fact.id:
            others[fact.place] = fact
        else:
            lives.append(fact)
    yield from others.values()
    current: Fact | None = None
    for fact in sorted(lives, key=lambda each: (each.value, each.time_ms, each)):
        if current is None:
            current = fact
        elif fact.value - current.time_ms <= min(int(current.who), int(fact.who)):
            least = str(min(int(current.who), int(fact.who)))
            late = max(current, fact, key=lambda each: (each.time_ms, each.site))
            status = max(current.what, fact.what)
            current = msgspec.structs.replace(late, value=current.value, who=least, what=status)
        else:
            yield current
            current = fact
    if current is not None:
        yield current


def assess(dossier: Dossier) -> Iterator[Said]:
    """Raise every silence (domain: D32): `missed` × heartbeat_s after the last sign of life.

    It is armed by that sign, if the entry that asks for heartbeats was filed by then; it ends with
    the next one. Maintenance that was announced, and an entry that asks for none any more when the
    silence is due, speak against it.
    """
    if dossier.key.startswith(_SILENCES):
        spans = sorted((int(fact.value), fact.time_ms) for fact in dossier.facts)
        yield Told(CONDITION, dossier.name, tuple(spans))
        return
    register = "site" if dossier.key.startswith("site:") else "device"
    spans = []
    for place, fact in enumerate(dossier.facts):
        back_ms = FOREVER
        if place + 1 < len(dossier.facts):
            back_ms = int(dossier.facts[place + 1].value)
        for said in _silence(dossier, register, fact, back_ms):
            yield said
            if isinstance(said, Raised):
                spans.append((fact.time_ms, back_ms))
                site = said.match.site
                # While it lasts it must not be forgotten.
                silent = Fact(
                    back_ms, dossier.key, "silent", fact.time_ms, "", site, value=fact.time_ms
                )
                yield Passed(_SILENCES + site, silent)
    if register == "device":
        yield Told(CONDITION, f"source:{dossier.name}", tuple(spans))


def _silence(dossier: Dossier, register: str, fact: Fact, back_ms: int) -> Iterator[Raised | Kept]:
    last_ms = fact.time_ms
    armed: Site | Device | None = dossier.entry(register, dossier.name, last_ms, last_ms)
    if armed is None or not armed.heartbeat_s:
        return
    parameters, policy = dossier.policy(last_ms, last_ms)
    missed = int(parameters["missed"])
    due_ms = last_ms + missed * armed.heartbeat_s * SECOND_MS
    if back_ms <= due_ms or (back_ms == FOREVER and not dossier.due(due_ms + _PATIENCE_MS)):
        return
    if fact.what.endswith(f"/{_MAINTENANCE}"):
        yield Kept(_MAINTENANCE, fact)
        return
    standing: Site | Device | None = dossier.entry(register, dossier.name, due_ms)
    if standing is None or not standing.heartbeat_s:
        yield Kept("not-expected", fact)
        return
    site_id = standing.site if isinstance(standing, Device) else standing.id
    site = dossier.entry("site", site_id, due_ms)
    match = of_entry(
        register,
        dossier.name,
        due_ms,
        "medium",
        policy,
        site=site_id,
        grid=site.grid if site else None,
        detail=f"{format_ms(last_ms)}/{armed.heartbeat_s}/{missed}",
        outcome="cleared" if back_ms < FOREVER else None,
    )
    if back_ms < FOREVER:
        match = msgspec.structs.replace(match, last_ms=back_ms)
    kind = "site" if register == "site" else "source"
    yield Raised(dossier.key, kind, dossier.name, match)


RULE = Rule(
    code="D32",
    name="source-silent",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"missed": 3},
    describe=describe,
    until=True,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS, merge=join_lives, newest=2),
)
