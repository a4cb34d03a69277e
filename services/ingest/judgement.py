"""One scan's verdict from registers and the scan alone, by the rules that the worker uses.

It judges the very records that are written, so the worker sees nothing else. Only rules that need
no history are asked here (decision 0013). What a rule finds becomes a reason; the most serious
reason is the verdict. Nothing reads where a plate or a number comes from.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules import (
    adverse_health_code,
    fever,
    quarantine_breach,
    quarantined_vehicle_moving,
    watch_list_hit,
)
from rules.entries import Span
from rules.facts import Check, Code, Cover, Read, SiteFacts
from rules.match import is_historical
from rules.registers import Registers
from rules.rule import Found as RuleFound
from rules.rule import Rule
from schemas.decisions import VERDICTS, Decision, ReasonKind, Verdict
from schemas.events import CHECKPOINT_SCAN, CheckpointScan, Event, HealthCheck, Person
from schemas.intake import Accepted
from schemas.times import MINUTE_MS, SECOND_MS, format_ms, parse_ms
from schemas.versions import FOREVER, in_force
from services.ingest.reasons import TEXTS, reason

# The registers that a verdict rests on: ingest reads no others.
JUDGED_BY: Final = (
    "site", "zone", "order", "permit", "transfer", "vehicle-link", "watch-entry", "exemption",
    "policy",
)  # fmt: skip
# How long a verdict may be relied on where nothing that it rests on ends before.
RELIED_ON_MS: Final = 10 * MINUTE_MS
# What could not be known may be known at the next attempt.
UNKNOWN_MS: Final = MINUTE_MS
# What lies further ahead the worker holds aside (contracts: Lateness).
AHEAD_MS: Final = 5 * MINUTE_MS
_ENDS: Final[dict[ReasonKind, int]] = {
    "registers-stale": UNKNOWN_MS,
    "not-stored": UNKNOWN_MS,
}
# Whoever is listed as one of these is held, others on the list are looked at (domain: D01).
_HELD: Final = frozenset({"quarantined", "confirmed", "suspected"})
_EXEMPTIONS: Final[dict[str, ReasonKind]] = {
    "whitelist": "whitelist",
    "green-channel": "green-channel",
    "fleet": "fleet",
}
_VEHICLE: Final = 0
_RANK: Final = {verdict: rank for rank, verdict in enumerate(VERDICTS)}

_scan = msgspec.json.Decoder(Event[CheckpointScan]).decode
_check = msgspec.json.Decoder(Event[HealthCheck]).decode


class Found(Struct, frozen=True):
    """One reason. `about` is a person's place from 1, 0 = the vehicle, None = the whole scan;
    it holds until `end_ms`."""

    kind: ReasonKind
    about: int | None
    verdict: Verdict
    end_ms: int


def found(
    kind: ReasonKind,
    about: int | None,
    verdict: Verdict | None = None,
    end_ms: int = FOREVER,
) -> Found:
    """Return a reason with the verdict of its kind, unless another is given."""
    return Found(kind, about, verdict or TEXTS[kind].verdict, end_ms)


class Judge:
    """Judges one accepted scan at a time; `registers` is what was filed by now."""

    def __init__(self, registers: Registers, accepted: Accepted) -> None:
        self._registers = registers
        self._warnings = accepted.warnings
        self._scan = _scan(accepted.records[0].value)
        self._checks = [_check(record.value) for record in accepted.records[1:]]
        self._time_ms = parse_ms(self._scan.time)
        self._accepted_ms = parse_ms(self._scan.recordedtime or self._scan.time)
        # Whatever has been read was filed before the scan was accepted, whichever clock is ahead.
        self._known_ms = max(self._accepted_ms, registers.newest_ms)
        site = registers.site(self._scan.data.site, self._time_ms, self._known_ms)
        self._filed = site is not None
        self._site = site or SiteFacts(self._scan.data.site, "", frozenset(), "", None, 0)

    def decide(self, doubts: Sequence[ReasonKind], *, stored: bool) -> Decision:
        """Return the verdict. `doubts` are what could not be known; they allow no `pass`."""
        reasons = _once([*(found(kind, None) for kind in doubts), *self._all()])
        historical = is_historical(self._time_ms, self._accepted_ms)
        if historical:
            reasons.append(found("historical", None))
        reasons.sort(key=lambda each: -_RANK[each.verdict])
        ends = [self._time_ms + RELIED_ON_MS]
        for each in reasons:
            ends.append(min(each.end_ms, self._time_ms + _ENDS.get(each.kind, RELIED_ON_MS)))
        return Decision(
            verdict=_worst(reasons),
            persons=[
                _worst([each for each in reasons if each.about in (None, place)])
                for place in range(1, len(self._checks) + 1)
            ],
            reasons=[reason(each.kind, each.about or None) for each in reasons],
            expires=format_ms(min(ends)),
            stored=stored,
            historical=historical,
            warnings=self._warnings,
        )

    def _all(self) -> Iterator[Found]:
        if not self._filed:
            yield found("site-unknown", None)
        if self._time_ms - self._accepted_ms > AHEAD_MS:
            yield found("clock-ahead", None)
        yield from self._vehicle()
        for place, event in enumerate(self._checks, 1):
            yield from self._person(place, event)

    # The vehicle.

    def _vehicle(self) -> Iterator[Found]:
        scan = self._scan.data
        unreadable = {problem.field for problem in self._warnings}
        if unreadable & {"data.plate", "data.aux_plate"} or not (scan.plate or self._checks):
            yield found("plate-unreadable", _VEHICLE)
        confidence = 1.0 if scan.plate_confidence is None else scan.plate_confidence
        if scan.plate and confidence < self._parameters(watch_list_hit.RULE)["min_confidence"]:
            yield found("plate-uncertain", _VEHICLE)
        # Judged by what was read, however uncertain that is: `plate-uncertain` allows no `pass`.
        for plate in dict.fromkeys(filter(None, (scan.plate, scan.aux_plate))):
            read = self._read(plate)
            for match in self._ask_about_read(watch_list_hit.RULE, read):
                yield found("listed-vehicle", _VEHICLE, end_ms=self._watch_end(match))
            if self._filed:
                for match in self._ask_about_read(quarantined_vehicle_moving.RULE, read):
                    yield self._ordered(match, "linked-vehicle", _VEHICLE)
                yield from self._exempt(plate, _VEHICLE)

    # Each person.

    def _person(self, place: int, event: Event[HealthCheck]) -> Iterator[Found]:
        person = event.data.person
        # Temperature and code count for somebody unknown, too; no order or list names a site.
        check = self._checked(event, person.person or f"site:{self._site.id}")
        if person.person is None:
            field = f"data.persons[{place - 1}]."
            unreadable = any((each.field or "").startswith(field) for each in self._warnings)
            yield found("identity-unreadable" if unreadable else "no-identity", place)
        else:
            for match in self._ask(watch_list_hit.RULE, check):
                verdict: Verdict = "hold" if _category(match) in _HELD else "verify"
                yield found("listed-person", place, verdict, self._watch_end(match))
            if self._filed:
                for match in self._ask(quarantine_breach.RULE, check):
                    yield self._ordered(match, "order-breach", place)
                yield from self._exempt(person.person, place)
        yield from self._code(place, check)
        yield from self._temperature(place, check)
        if person.refusal:
            yield found("refusal", place)
        if person.symptoms:
            yield found("symptoms", place)

    def _code(self, place: int, check: Check) -> Iterator[Found]:
        code, parameters = check.code, self._parameters(adverse_health_code.RULE)
        if code is None or code.colour == "none":
            return
        for _ in self._ask(adverse_health_code.RULE, check):
            kind: ReasonKind = "code-red" if code.colour == "red" else "code-yellow"
            yield found(kind, place, end_ms=code.expires_ms)
            return
        late = check.time_ms >= code.expires_ms + parameters["skew_s"] * SECOND_MS
        stale = code.colour != "green" and not adverse_health_code.holds(
            code, check.time_ms, parameters
        )
        if late or stale:
            yield found("code-expired", place)

    def _temperature(self, place: int, check: Check) -> Iterator[Found]:
        parameters = self._parameters(fever.RULE)
        if check.temperature is None:
            return
        if not parameters["lowest_c"] <= check.temperature <= parameters["highest_c"]:
            yield found("temperature-implausible", place)
        elif fever.is_high(check, parameters):
            yield found("fever", place)
        elif fever.is_raised(check, parameters):
            again_ms = check.time_ms + parameters["apart_s"] * SECOND_MS
            yield found("recheck", place, end_ms=again_ms)

    def _exempt(self, subject: str, about: int) -> Iterator[Found]:
        for each in self._registers.exemptions(subject, self._site, self._time_ms, self._known_ms):
            yield found(_EXEMPTIONS[each.kind], about, end_ms=self._end("exemption", each.id))

    def _ordered(self, match: RuleFound, kind: ReasonKind, about: int) -> Found:
        """Return the breach of an order, or what excuses it."""
        if isinstance(match, Cover):
            return found("covered", about, end_ms=self._end(match.kind, match.id))
        assert match[1] is not None, "what breaks an order is a match"
        return found(kind, about, end_ms=self._end("order", match[1].order or ""))

    # What the rules are asked with, and what they answer by.

    def _ask(self, rule: Rule, check: Check) -> Iterable[RuleFound]:
        assert rule.on_check is not None, "a rule about persons"
        return rule.on_check(check, self._registers, *self._policy(rule))

    def _ask_about_read(self, rule: Rule, read: Read) -> Iterable[RuleFound]:
        assert rule.on_read is not None, "a rule about vehicles"
        return rule.on_read(read, self._site, self._registers, *self._policy(rule))

    def _checked(self, event: Event[HealthCheck], key: str) -> Check:
        person: Person = event.data.person
        return Check(
            source=event.source,
            id=event.id,
            type=event.type,
            time_ms=self._time_ms,
            recorded_ms=self._known_ms,
            person=key,
            verified_by=person.verified_by,
            has_pass=person.pass_ is not None,
            site=self._site,
            direction=self._scan.data.direction,
            temperature=person.temperature,
            code=_code_of(person),
        )

    def _read(self, plate: str) -> Read:
        scan, site = self._scan, self._site
        return Read(
            time_ms=self._time_ms,
            recorded_ms=self._known_ms,
            source=scan.source,
            id=scan.id,
            type=CHECKPOINT_SCAN.type,
            plate=plate,
            confidence=1.0,
            direction=scan.data.direction,
            site=site.id,
            region=site.region,
            grid=site.grid,
            role=site.role,
            warming=self._time_ms < site.warm_until_ms,
        )

    def _policy(self, rule: Rule) -> tuple[Any, str]:
        return self._registers.policy(rule.name, self._time_ms, self._known_ms)

    def _parameters(self, rule: Rule) -> Any:
        return self._policy(rule)[0]

    def _watch_end(self, match: RuleFound) -> int:
        return self._end("watch-entry", _entry(match))

    def _end(self, register: str, entry_id: str) -> int:
        """Return when what a reason rests on ends by itself, in ms UTC."""
        versions = self._registers.versions(register).get(entry_id, [])
        version = in_force(versions, self._time_ms, self._known_ms)
        if version is None:
            return FOREVER
        inner = version.facts.to_ms if isinstance(version.facts, Span) else FOREVER
        return min(version.to_ms, inner)


def _once(reasons: Iterable[Found]) -> list[Found]:
    """Return each reason once: two entries of a list say no more to an officer than one."""
    kept: dict[tuple[ReasonKind, int | None, Verdict], Found] = {}
    for each in reasons:
        same = kept.get((each.kind, each.about, each.verdict))
        if same is None or each.end_ms < same.end_ms:
            kept[each.kind, each.about, each.verdict] = each
    return list(kept.values())


def _category(match: RuleFound) -> str:
    assert not isinstance(match, Cover), "nothing covers a listed person"
    assert match[1] is not None, "a hit is a match"
    return match[1].detail.partition("/")[0]


def _entry(match: RuleFound) -> str:
    assert not isinstance(match, Cover), "nothing covers what is listed"
    assert match[1] is not None, "a hit is a match"
    return match[1].detail.split("/", 2)[2]


def _code_of(person: Person) -> Code | None:
    code = person.code
    if code is None:
        return None
    return Code(code.issuer, code.colour, parse_ms(code.issued_at), parse_ms(code.expires_at))


def _worst(reasons: Sequence[Found]) -> Verdict:
    return max((each.verdict for each in reasons), key=_RANK.__getitem__, default="pass")
